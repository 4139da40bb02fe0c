package import CastorNumerics
import Evaluation
package import Testing
import Vectors

package let pool = WorkerPool(threads: 2)

/// Expects a number that there is to lie near another.
package func expectClose(
    _ actual: Double?, _ expected: Double, _ precision: Double, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    guard let actual else {
        Issue.record("\(what): nothing, expected \(expected)", sourceLocation: sourceLocation)
        return
    }
    #expect(
        abs(actual - expected) <= precision, "\(what): \(actual), expected \(expected)", sourceLocation: sourceLocation)
}

/// Random rows of unit length.
package func randomUnits(_ n: Int, _ d: Int, seed: UInt64) -> Matrix {
    var random = SeededRandom(seed: seed)
    return normalizedPrefix(Matrix(rows: n, columns: d, values: random.floats(n * d)), d)
}

/// The rows through reflections one after the other: lengths and angles stay.
package func rotated(_ vectors: Matrix, seed: UInt64) -> Matrix {
    let result = vectors.copy()
    let mirrors = randomUnits(6, vectors.columns, seed: seed)
    for mirror in 0..<mirrors.rows {
        for row in 0..<result.rows {
            let (x, v) = (result.row(row), mirrors.row(mirror))
            var dot: Float = 0
            for index in 0..<vectors.columns { dot += x[index] * v[index] }
            for index in 0..<vectors.columns { x[index] -= 2 * dot * v[index] }
        }
    }
    return result
}
