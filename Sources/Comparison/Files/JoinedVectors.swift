import Castor
package import CastorNumerics
import Evaluation

/// Two recordings of the same contents, joined by key, in the order of the reference.
package struct JoinedVectors: Sendable {
    package let keys: [String]
    /// `[n, Dr]` and `[n, Dc]`, rows of unit length.
    package let reference: Matrix
    package let candidate: Matrix
    /// As either file says; `content` where none does.
    package let modalities: [String]
    /// Usable rows of one file whose key the other does not have, and the first such key.
    package let missing: (count: Int, first: String?)
    package let extra: (count: Int, first: String?)

    /// Neighbours and correlations need a few.
    package static let fewest = 4

    /// Takes the files over, so that what is not joined is freed.
    package init(_ reference: consuming RecordedVectors, _ candidate: consuming RecordedVectors) throws(ComparisonError)
    {
        let rowOfKey = Dictionary(
            uniqueKeysWithValues: candidate.keys.enumerated().map { (RecordKey($0.element), $0.offset) })
        var rows: [(Int, Int)] = []
        var missing: (count: Int, first: String?) = (0, nil)
        for (row, key) in reference.keys.enumerated() {
            if let other = rowOfKey[RecordKey(key)] {
                rows.append((row, other))
            } else {
                missing = (missing.count + 1, missing.first ?? key)
            }
        }
        let known = Set(reference.keys.map(RecordKey.init))
        let others = candidate.keys.filter { !known.contains(RecordKey($0)) }
        self.missing = missing
        extra = (others.count, others.first)
        guard rows.count >= Self.fewest else {
            throw .tooFew(
                joined: rows.count, needed: Self.fewest, reference: reference.path, candidate: candidate.path)
        }
        keys = rows.map { reference.keys[$0.0] }
        modalities = rows.map { reference.modalities[$0.0] ?? candidate.modalities[$0.1] ?? "content" }
        self.reference = unitRows(reference.vectors, rows.map(\.0))
        self.candidate = unitRows(candidate.vectors, rows.map(\.1))
    }
}

/// The rows at `indices`, each cut to `size` and divided by its length there; a row of zeros stays one.
///
/// - Parameter size: all values for nil
func unitRows(_ vectors: Matrix, _ indices: [Int], size: Int? = nil) -> Matrix {
    let result = Matrix(rows: indices.count, columns: size ?? vectors.columns)
    for (row, index) in indices.enumerated() {
        let (source, target) = (vectors.row(index), result.row(row))
        var square = 0.0
        for column in 0..<result.columns { square += Double(source[column]) * Double(source[column]) }
        guard square > 0 else { continue }
        let inverse = 1 / square.squareRoot()
        for column in 0..<result.columns { target[column] = Float(Double(source[column]) * inverse) }
    }
    return result
}
