package import CastorNumerics

/// The Muon update of a matrix (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"): momentum whose
/// singular values are brought to about 1, so that no direction moves faster than another.
///
/// Why: a gradient that all contents share is nearly of rank one, and Adam, which steps by signs, takes it with a spectral norm of
/// rate x sqrt(rows x columns). In the first steps that drowns everything else (docs/training-log.md).
package enum Muon {
    /// Coefficients of the odd polynomial a x + b x^3 + c x^5 that is iterated; they are Jordan's, steepest at 0.
    static let (a, b, c): (Float, Float, Float) = (3.4445, -4.7750, 2.0315)
    static let iterations = 5
    /// Added to the norm that the matrix is divided by.
    static let epsilon = 1e-7
    /// Root mean square of an AdamW step of rate 1, as Liu et al. 2025 (arXiv 2502.16982, section 2.2) measured it: with it, one
    /// learning rate suits matrices under Muon and the other tensors under AdamW.
    static let adamWRootMeanSquare = 0.2

    /// One update: `m += (1 - momentum)(g - m)`, `p = (1 - rate decay) p - rate s O(g + momentum (m - g))`, where O makes singular
    /// values 1 and `s = 0.2 sqrt(max(rows, columns))`.
    ///
    /// - Parameters: `p`, `m`, `g` are `[rows, columns]`; the first two change. Deterministic for a number of threads.
    package static func update(
        _ p: Matrix, momentum m: Matrix, gradient g: Matrix, rate: Double, decay: Double, momentum: Double,
        gradientScale: Double, _ pool: WorkerPool, precision: ProductPrecision = .single
    ) {
        let (gain, share, scaling) = (Float(1 - momentum), Float(momentum), Float(gradientScale))
        let direction = Matrix(rows: g.rows, columns: g.columns)
        for index in 0..<g.count {
            let gradient = g.pointer[index] * scaling
            let moved = m.pointer[index] + (gradient - m.pointer[index]) * gain
            m.pointer[index] = moved
            direction.pointer[index] = gradient + (moved - gradient) * share
        }
        orthogonalize(direction, pool, precision: precision)
        let size = rate * adamWRootMeanSquare * Double(max(p.rows, p.columns)).squareRoot()
        let (keep, step) = (Float(1 - rate * decay), Float(size))
        for index in 0..<p.count { p.pointer[index] = p.pointer[index] * keep - direction.pointer[index] * step }
    }

    /// Brings the singular values of `x` `[rows, columns]` near 1 (0.7 to 1.2) by Newton and Schulz's iteration; zero stays zero.
    package static func orthogonalize(_ x: Matrix, _ pool: WorkerPool, precision: ProductPrecision = .single) {
        let norm = preciseSumOfSquares(x.pointer, count: x.count).squareRoot()
        scale(x.pointer, by: Float(1 / (norm + epsilon)), count: x.count)
        // The smaller of the two Gram matrices: X Xᵀ for wide matrices, Xᵀ X for tall ones.
        let isWide = x.rows <= x.columns
        let side = min(x.rows, x.columns)
        let gram = Matrix(rows: side, columns: side)
        let polynomial = Matrix(rows: side, columns: side)
        let product = Matrix(rows: x.rows, columns: x.columns)
        for _ in 0..<iterations {
            pool.gemm(
                Block(x), isWide ? .no : .yes, Block(x), isWide ? .yes : .no, into: Block(gram), precision: precision)
            polynomial.pointer.update(from: gram.pointer, count: gram.count)
            pool.gemm(
                Block(gram), .no, Block(gram), .no, into: Block(polynomial), alpha: c, beta: b, precision: precision)
            product.pointer.update(from: x.pointer, count: x.count)
            if isWide {
                pool.gemm(Block(polynomial), .no, Block(x), .no, into: Block(product), beta: a, precision: precision)
            } else {
                pool.gemm(Block(x), .no, Block(polynomial), .no, into: Block(product), beta: a, precision: precision)
            }
            x.pointer.update(from: product.pointer, count: x.count)
        }
    }
}
