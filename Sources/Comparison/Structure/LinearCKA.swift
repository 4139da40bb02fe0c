package import CastorNumerics

/// Linear centred kernel alignment (Kornblith et al. 2019): `|Y'X|^2 / (|X'X| |Y'Y|)` with centred columns and Frobenius norms.
/// 1 for spaces that differ by a rotation and a scale, whatever their sizes.
package enum LinearCKA {
    private static let blockRows = 2_048

    /// - Parameters:
    ///   - x: `[n, dx]`
    ///   - y: `[n, dy]`
    /// - Returns: nil where one side does not vary
    package static func value(_ x: Matrix, _ y: Matrix, pool: WorkerPool) -> Double? {
        precondition(x.rows == y.rows)
        let (meanX, meanY) = (columnMeans(x), columnMeans(y))
        let xx = Matrix(rows: x.columns, columns: x.columns)
        let yy = Matrix(rows: y.columns, columns: y.columns)
        let xy = Matrix(rows: x.columns, columns: y.columns)
        var start = 0
        while start < x.rows {
            let rows = start..<min(x.rows, start + blockRows)
            let (a, b) = (centered(x[rows], meanX), centered(y[rows], meanY))
            pool.gemm(Block(a), .yes, Block(a), .no, into: Block(xx), beta: 1)
            pool.gemm(Block(b), .yes, Block(b), .no, into: Block(yy), beta: 1)
            pool.gemm(Block(a), .yes, Block(b), .no, into: Block(xy), beta: 1)
            start = rows.upperBound
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

/// The mean of each column.
func columnMeans(_ matrix: Matrix) -> [Double] {
    var sums = [Double](repeating: 0, count: matrix.columns)
    for row in 0..<matrix.rows {
        let values = matrix.row(row)
        for column in 0..<matrix.columns { sums[column] += Double(values[column]) }
    }
    return sums.map { $0 / Double(max(matrix.rows, 1)) }
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
