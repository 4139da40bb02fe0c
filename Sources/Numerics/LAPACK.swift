internal import COpenBLAS

/// Dense factorisations by OpenBLAS's LAPACK, which stores matrices by columns: a row-major matrix is its transpose there.
package enum LAPACK {
    /// U V' of the singular value decomposition U S V' of `matrix`: the nearest matrix with orthonormal rows or columns; nil where
    /// LAPACK does not converge.
    ///
    /// - Parameter matrix: `[m, n]`, finite
    package static func polarFactor(_ matrix: Matrix) -> Matrix? {
        let (m, n) = (matrix.columns, matrix.rows)
        let rank = min(m, n)
        let a = matrix.copy()
        // By columns: a' = left S right, left [m, rank], right [rank, n].
        let (left, right) = (Matrix(rows: rank, columns: m), Matrix(rows: n, columns: rank))
        var values = [Float](repeating: 0, count: rank)
        var integers = [Int32](repeating: 0, count: 8 * rank)
        var job = CChar(UInt8(ascii: "S"))
        var (rows, columns, inner) = (Int32(m), Int32(n), Int32(rank))
        var (strideOfA, strideOfLeft) = (rows, rows)
        var (size, info): (Int32, Int32) = (-1, 0)
        var wanted: Float = 0
        OpenBLAS.functions.sgesdd(
            &job, &rows, &columns, a.pointer, &strideOfA, &values, left.pointer, &strideOfLeft, right.pointer, &inner,
            &wanted, &size,
            &integers, &info)
        guard info == 0 else { return nil }
        // f32 cannot hold every large size, nor Int32 what matrices of twenty thousand columns need.
        guard let enough = Int32(exactly: (wanted * 1.0001 + 16).rounded(.up)) else { return nil }
        size = enough
        var work = [Float](repeating: 0, count: Int(size))
        OpenBLAS.functions.sgesdd(
            &job, &rows, &columns, a.pointer, &strideOfA, &values, left.pointer, &strideOfLeft, right.pointer, &inner,
            &work, &size,
            &integers, &info)
        guard info == 0 else { return nil }
        // (left right)' in rows: right' left'.
        let result = Matrix(rows: matrix.rows, columns: matrix.columns)
        gemm(Block(right), .no, Block(left), .no, into: Block(result))
        return result
    }

    /// X of `A X = B` for a symmetric positive definite A; nil where it is none.
    ///
    /// - Parameters:
    ///   - a: A `[rows, rows]`
    ///   - b: B `[rows, columns]`, row by row, as is X
    package static func solvePositive(_ a: [Double], _ b: [Double], rows: Int, columns: Int) -> [Double]? {
        precondition(a.count == rows * rows && b.count == rows * columns)
        var factor = a
        // B by columns.
        var solution = [Double](repeating: 0, count: b.count)
        for row in 0..<rows {
            for column in 0..<columns { solution[column * rows + row] = b[row * columns + column] }
        }
        var half = CChar(UInt8(ascii: "L"))
        var (n, right, info) = (Int32(rows), Int32(columns), Int32(0))
        var (strideOfA, strideOfB) = (n, n)
        OpenBLAS.functions.dposv(&half, &n, &right, &factor, &strideOfA, &solution, &strideOfB, &info)
        guard info == 0 else { return nil }
        var result = [Double](repeating: 0, count: b.count)
        for row in 0..<rows {
            for column in 0..<columns { result[row * columns + column] = solution[column * rows + row] }
        }
        return result
    }
}
