import CastorNumerics
import Evaluation

/// What can be seen of one file's vectors alone.
package struct VectorChecks: Sendable, Equatable, Codable {
    package var leastNorm: Double
    package var greatestNorm: Double
    /// Rows whose length is off 1 by more than a thousandth.
    package var notUnit: Int
    /// Rows that are equal to an earlier one, bit for bit, and the keys of the first such pair.
    package var duplicates: Int
    package var firstDuplicate: [String]?

    private static let tolerance = 1e-3

    init(_ vectors: Matrix, keys: [String]) {
        (leastNorm, greatestNorm, notUnit, duplicates) = (.infinity, 0, 0, 0)
        var firsts: [Int: [Int]] = [:]
        for row in 0..<vectors.rows {
            // In f64: of recorded values, squares need not fit f32.
            let values = UnsafeBufferPointer(start: vectors.row(row), count: vectors.columns)
            let norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            leastNorm = min(leastNorm, norm)
            greatestNorm = max(greatestNorm, norm)
            if abs(norm - 1) > Self.tolerance { notUnit += 1 }
            var hasher = Hasher()
            hasher.combine(bytes: UnsafeRawBufferPointer(values))
            let hash = hasher.finalize()
            let twin = firsts[hash]?.first { other in
                values.elementsEqual(UnsafeBufferPointer(start: vectors.row(other), count: vectors.columns))
            }
            if let twin {
                duplicates += 1
                if firstDuplicate == nil { firstDuplicate = [keys[twin], keys[row]] }
            } else {
                firsts[hash, default: []].append(row)
            }
        }
    }
}
