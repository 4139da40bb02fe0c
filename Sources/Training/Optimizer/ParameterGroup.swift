/// How the tensors whose names match a pattern are trained.
package struct ParameterGroup: Sendable, Equatable {
    /// A tensor name, where `*` stands for any characters: `text.*`, `*.norm.weight`.
    package var pattern: String
    /// Factor of the learning rate. The default is 1.
    package var rateFactor = 1.0
    /// Frozen tensors keep their values and do not count in the gradient's norm. The default is no.
    package var frozen = false
    /// Weight decay instead of the optimiser's. The default, nil, is none for vectors (norms, biases) and the optimiser's
    /// for matrices.
    package var decay: Double?
    /// How they are updated. The default is AdamW; Muon is for matrices, vectors keep AdamW.
    package var method = Method.adamW

    package enum Method: String, Sendable, Codable { case adamW, muon }

    package init(
        _ pattern: String, rateFactor: Double = 1, frozen: Bool = false, decay: Double? = nil, method: Method = .adamW
    ) {
        self.pattern = pattern
        self.rateFactor = rateFactor
        self.frozen = frozen
        self.decay = decay
        self.method = method
    }

    package func matches(_ name: String) -> Bool {
        Self.matches(Array(pattern.utf8)[...], Array(name.utf8)[...])
    }

    private static func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == UInt8(ascii: "*") {
            return (name.startIndex...name.endIndex).contains { matches(pattern.dropFirst(), name[$0...]) }
        }
        return name.first == first && matches(pattern.dropFirst(), name.dropFirst())
    }
}
