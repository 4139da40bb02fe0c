package import CastorNumerics
import Encoder
import Evaluation
import Vectors

/// A linear map from one space to another: `y = x W + b`, then unit length.
package struct LinearMap: Sendable {
    package enum Kind: String, Sendable, CaseIterable, Codable {
        /// A rotation (orthogonal Procrustes): keeps all angles, needs few items.
        case procrustes
        /// Least squares with a penalty on the weights and an offset: follows more, needs more items.
        case ridge
    }

    package let kind: Kind
    /// `[from, to]`
    package let weights: Matrix
    /// `[1, to]`
    package let offset: Matrix
    /// Penalty as a share of the mean variance of a component; ridge only.
    package var penalty: Double?

    package static let penalties = [1e-4, 1e-3, 1e-2, 1e-1, 1]

    package init(kind: Kind, weights: Matrix, offset: Matrix, penalty: Double? = nil) {
        precondition(offset.rows == 1 && offset.columns == weights.columns)
        (self.kind, self.weights, self.offset, self.penalty) = (kind, weights, offset, penalty)
    }

    /// - Parameters:
    ///   - x: `[n, from]`, unit rows
    ///   - y: `[n, to]`, unit rows of the same items
    package init(_ kind: Kind, from x: Matrix, to y: Matrix, pool: WorkerPool) throws(ComparisonError) {
        precondition(x.rows == y.rows && x.rows > 1)
        switch kind {
        case .procrustes: self = try Self.procrustes(x, y, pool)
        case .ridge:
            // One in five items chooses the penalty; then all of them fit.
            let held = (0..<x.rows).filter { $0 % 5 == 4 }
            let rest = (0..<x.rows).filter { $0 % 5 != 4 }
            var best = (penalty: Self.penalties[2], cosine: -Double.infinity)
            if held.count >= 2, rest.count >= 2 {
                let equations = Normal(x, y, rows: rest, pool)
                let (a, b) = (gatherRows(x, held), gatherRows(y, held))
                for penalty in Self.penalties {
                    let map = try equations.solved(penalty)
                    let cosine = Self.meanCosine(map(a, pool: pool), b)
                    if cosine > best.cosine { best = (penalty, cosine) }
                }
            }
            self = try Normal(x, y, rows: Array(0..<x.rows), pool).solved(best.penalty)
        }
    }

    /// A ridge with this penalty.
    package static func ridge(
        from x: Matrix, to y: Matrix, penalty: Double, pool: WorkerPool
    ) throws(ComparisonError) -> LinearMap {
        try Normal(x, y, rows: Array(0..<x.rows), pool).solved(penalty)
    }

    /// Rows of unit length; a row that is mapped to nothing stays zero.
    package func callAsFunction(_ x: Matrix, pool: WorkerPool) -> Matrix {
        let result = Matrix(rows: x.rows, columns: weights.columns)
        for row in 0..<x.rows { result.row(row).update(from: offset.pointer, count: offset.columns) }
        pool.gemm(Block(x), .no, Block(weights), .no, into: Block(result), beta: 1)
        return normalizedPrefix(result, result.columns)
    }

    package static func meanCosine(_ a: Matrix, _ b: Matrix) -> Double {
        let values = pairwiseSimilarities(a, b)
        return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }

    /// W = U V' for X'Y = U S V' (Schoenemann 1966); with different sizes the nearest matrix with orthonormal rows or columns.
    private static func procrustes(_ x: Matrix, _ y: Matrix, _ pool: WorkerPool) throws(ComparisonError) -> LinearMap {
        let product = Matrix(rows: x.columns, columns: y.columns)
        pool.gemm(Block(x), .yes, Block(y), .no, into: Block(product))
        guard let weights = LAPACK.polarFactor(product) else {
            throw .numeric("the singular values of \(x.columns) x \(y.columns) products cannot be found")
        }
        return LinearMap(kind: .procrustes, weights: weights, offset: Matrix(rows: 1, columns: y.columns))
    }

    /// `(X'X + p I) W = X'Y` with centred columns, without its penalty.
    private struct Normal {
        private let gram: [Double]
        private let right: [Double]
        private let (from, to): (Int, Int)
        private let meanX: [Double]
        private let meanY: [Double]

        private static let blockRows = 2_048

        /// Of the rows at some indices, gathered a block at a time.
        init(_ x: Matrix, _ y: Matrix, rows: [Int], _ pool: WorkerPool) {
            (from, to) = (x.columns, y.columns)
            let blocks = stride(from: 0, to: rows.count, by: Self.blockRows).map {
                Array(rows[$0..<min(rows.count, $0 + Self.blockRows)])
            }
            var (sumX, sumY) = ([Double](repeating: 0, count: from), [Double](repeating: 0, count: to))
            for rows in blocks {
                addColumns(gatherRows(x, rows), to: &sumX)
                addColumns(gatherRows(y, rows), to: &sumY)
            }
            (meanX, meanY) = (sumX.map { $0 / Double(rows.count) }, sumY.map { $0 / Double(rows.count) })
            let (xx, xy) = (Matrix(rows: from, columns: from), Matrix(rows: from, columns: to))
            for rows in blocks {
                let (a, b) = (centered(gatherRows(x, rows), meanX), centered(gatherRows(y, rows), meanY))
                pool.gemm(Block(a), .yes, Block(a), .no, into: Block(xx), beta: 1)
                pool.gemm(Block(a), .yes, Block(b), .no, into: Block(xy), beta: 1)
            }
            gram = xx.values.map(Double.init)
            right = xy.values.map(Double.init)
        }

        func solved(_ penalty: Double) throws(ComparisonError) -> LinearMap {
            var gram = gram
            let trace = (0..<from).reduce(0.0) { $0 + gram[$1 * from + $1] }
            // Never singular, however few items there are.
            let added = penalty * max(trace / Double(from), 1e-12)
            for index in 0..<from { gram[index * from + index] += added }
            guard let solution = LAPACK.solvePositive(gram, right, rows: from, columns: to) else {
                throw .numeric("the ridge's equations cannot be solved")
            }
            let weights = Matrix(rows: from, columns: to, values: solution.map(Float.init))
            let offset = Matrix(rows: 1, columns: to)
            for column in 0..<to {
                var value = meanY[column]
                for row in 0..<from { value -= meanX[row] * solution[row * to + column] }
                offset.pointer[column] = Float(value)
            }
            return LinearMap(kind: .ridge, weights: weights, offset: offset, penalty: penalty)
        }
    }
}
