package import CastorNumerics

/// Linear centred kernel alignment (Kornblith et al. 2019): `|Y'X|^2 / (|X'X| |Y'Y|)` with centred columns and Frobenius norms.
/// 1 for spaces that differ by a rotation and a scale, whatever their sizes.
package enum LinearCKA {
    private static let blockRows = 2_048

    /// - Parameters:
    ///   - x: `[n, dx]`
    ///   - y: `[n, dy]`
    ///   - size: values of each that are looked at, as vectors of length 1; all, as they are, for nil
    /// - Returns: nil where one side does not vary
    package static func value(
        _ x: Matrix, _ y: Matrix, size: SimilarityStructure.Size? = nil, pool: WorkerPool
    ) -> Double? {
        precondition(x.rows == y.rows)
        let (dx, dy) = (size?.reference ?? x.columns, size?.candidate ?? y.columns)
        // Block by block: a copy of all rows would be as large as the files.
        func block(_ matrix: Matrix, _ rows: Range<Int>, _ columns: Int) -> Matrix {
            size == nil ? matrix[rows] : unitRows(matrix, Array(rows), size: columns)
        }
        let blocks = stride(from: 0, to: x.rows, by: blockRows).map { $0..<min(x.rows, $0 + blockRows) }
        var (sumX, sumY) = ([Double](repeating: 0, count: dx), [Double](repeating: 0, count: dy))
        for rows in blocks {
            addColumns(block(x, rows, dx), to: &sumX)
            addColumns(block(y, rows, dy), to: &sumY)
        }
        let (meanX, meanY) = (sumX.map { $0 / Double(x.rows) }, sumY.map { $0 / Double(x.rows) })
        let xx = Matrix(rows: dx, columns: dx)
        let yy = Matrix(rows: dy, columns: dy)
        let xy = Matrix(rows: dx, columns: dy)
        for rows in blocks {
            let (a, b) = (centered(block(x, rows, dx), meanX), centered(block(y, rows, dy), meanY))
            pool.gemm(Block(a), .yes, Block(a), .no, into: Block(xx), beta: 1)
            pool.gemm(Block(b), .yes, Block(b), .no, into: Block(yy), beta: 1)
            pool.gemm(Block(a), .yes, Block(b), .no, into: Block(xy), beta: 1)
        }
        let (nx, ny) = (norm(xx), norm(yy))
        guard nx > 1e-12, ny > 1e-12 else { return nil }
        let n = norm(xy)
        return min(1, n * n / (nx * ny))
    }

    /// Frobenius norm.
    private static func norm(_ matrix: Matrix) -> Double {
        var sum = 0.0
        for row in 0..<matrix.rows { sum += preciseSumOfSquares(matrix.row(row), count: matrix.columns) }
        return sum.squareRoot()
    }
}

/// Adds up each column.
func addColumns(_ matrix: Matrix, to sums: inout [Double]) {
    sums.withUnsafeMutableBufferPointer { sums in
        for row in 0..<matrix.rows {
            let values = matrix.row(row)
            for column in 0..<matrix.columns { sums[column] += Double(values[column]) }
        }
    }
}

/// The rows less `means`, in memory of their own.
func centered(_ matrix: Matrix, _ means: [Double]) -> Matrix {
    let result = Matrix(rows: matrix.rows, columns: matrix.columns)
    for row in 0..<matrix.rows {
        let (source, target) = (matrix.row(row), result.row(row))
        for column in 0..<matrix.columns { target[column] = Float(Double(source[column]) - means[column]) }
    }
    return result
}
