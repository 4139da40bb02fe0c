package import Testing

/// How far a value may lie from the expected one. Tolerances have names; tests hold no bare numbers.
package struct Tolerance: Sendable {
    package let absolute: Float
    package let name: String

    package init(_ name: String, _ absolute: Float) {
        self.name = name
        self.absolute = absolute
    }

    /// The reference on castor-nano: a wrong GELU or epsilon is 1e-6 to 9e-6 away (docs/model.md section 8).
    package static let nanoParity = Tolerance("parity on castor-nano", 1e-6)
    /// The promise for every model and modality.
    package static let parity = Tolerance("parity", 1e-5)
    /// Pixels of a decoder that rounds chroma otherwise than the reference's.
    package static let otherDecoder = Tolerance("another decoder's pixels", 2e-3)
    /// Chroma planes of another libswscale, enlarged otherwise: docs/model.md section 8.
    package static let otherChroma = Tolerance("another libswscale's pixels", 1e-2)
    package static let batchInvariance = Tolerance("batch invariance", 2e-6)
    package static let unitNorm = Tolerance("unit norm", 1e-6)
    package static let logMel = Tolerance("log-mel", 1e-4)
    /// Eight bits of difference in the last place of an f32 around 1.
    package static let rounding = Tolerance("f32 rounding", 1e-6)
    package static let equalBits = Tolerance("equal bits", 0)
}

/// Expects two vectors to agree, and says where they agree least.
package func expectClose(
    _ actual: [Float], _ expected: [Float], _ tolerance: Tolerance, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    guard actual.count == expected.count else {
        Issue.record("\(what): \(actual.count) values, \(expected.count) expected", sourceLocation: sourceLocation)
        return
    }
    guard !actual.isEmpty else { return }
    var worst = 0
    for index in actual.indices {
        // Written so that NaN is the worst of all.
        if !(abs(actual[index] - expected[index]) <= abs(actual[worst] - expected[worst])) { worst = index }
    }
    let difference = abs(actual[worst] - expected[worst])
    #expect(
        difference <= tolerance.absolute,
        """
        \(what): \(tolerance.name) allows \(tolerance.absolute), component \(worst) differs by \(difference): \
        \(actual[worst]), expected \(expected[worst])
        """,
        sourceLocation: sourceLocation)
}
