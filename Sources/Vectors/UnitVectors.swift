package import CastorNumerics

/// Matryoshka prefixes: the first `size` values of each row, divided by their own length.
///
/// - Parameter vectors: `[n, d]`, rows of any length above 0; a row whose prefix is all zeros stays zero.
/// - Returns: `[n, size]` in memory of its own.
package func normalizedPrefix(_ vectors: Matrix, _ size: Int) -> Matrix {
    precondition((1...vectors.columns).contains(size), "a prefix of \(size) of \(vectors.columns) values")
    let result = Matrix(rows: vectors.rows, columns: size)
    for row in 0..<vectors.rows {
        let (source, target) = (vectors.row(row), result.row(row))
        var square = 0.0
        for index in 0..<size { square += Double(source[index]) * Double(source[index]) }
        guard square > 0 else { continue }
        let inverse = 1 / square.squareRoot()
        for index in 0..<size { target[index] = Float(Double(source[index]) * inverse) }
    }
    return result
}

/// The rows at `indices`, in that order, in memory of their own.
package func gatherRows(_ vectors: Matrix, _ indices: [Int]) -> Matrix {
    let result = Matrix(rows: indices.count, columns: vectors.columns)
    for (row, index) in indices.enumerated() {
        result.row(row).update(from: vectors.row(index), count: vectors.columns)
    }
    return result
}
