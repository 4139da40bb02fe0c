import CastorNumerics
import Comparison
import Evaluation
import FoundationEssentials
import TestSupport
import Testing
import Vectors

/// How far results may lie from those of scipy and numpy in double precision.
enum Precision {
    /// Cosines in f32, ranks by steps of 1e-6.
    static let similarity = 2e-5
    /// Sums of squares of f32 products.
    static let alignment = 1e-5
    static let exact = 1e-9
    /// Components of a fitted map.
    static let map: Float = 2e-4
}

/// `a` with noise added, so that structure is kept in part.
func disturbed(_ a: Matrix, by share: Float, seed: UInt64) -> Matrix {
    let noise = randomUnits(a.rows, a.columns, seed: seed)
    let result = a.copy()
    for index in 0..<a.count { result.pointer[index] += share * noise.pointer[index] }
    return normalizedPrefix(result, result.columns)
}

/// A file of vectors as a batch writes it.
enum VectorLines {
    static func text(_ vectors: Matrix, keys: [String]? = nil, modality: (Int) -> String? = { _ in nil }) -> String {
        (0..<vectors.rows).map { row in
            let values = UnsafeBufferPointer(start: vectors.row(row), count: vectors.columns).map { "\($0)" }
            let usage = modality(row).map {
                ",\"usageMetadata\":{\"promptTokenCount\":3,\"promptTokenDetails\":[{\"modality\":\"\($0)\",\"tokenCount\":3}]}"
            }
            return "{\"key\":\"\(keys?[row] ?? "k\(row)")\",\"response\":{\"embedding\":{\"values\":["
                + values.joined(separator: ",") + "]}\(usage ?? "")}}\n"
        }.joined()
    }
}
