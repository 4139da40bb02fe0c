import CastorNumerics

extension Backward {
    /// Gradient of `y = x W^T + b`: `dW += dY^T X`, `db += sum of the rows of dY`, `dX = dY W + beta dX`.
    ///
    /// - Parameters:
    ///   - dY: `[T, out]`
    ///   - x: `[T, in]`
    ///   - dX: `[T, in]`; nil where nobody wants it
    func linear(_ linear: LinearWeights, _ dY: Block, _ x: Block, into dX: Block?, beta: Float = 0) {
        precondition(linear.bounds == nil, "a clipped product has no backward")
        if let dW = gradients["\(linear.name).weight"] {
            let pieces = pool.ranges(dW.rows, minimum: 16)
            pool.run(pieces.count) { index, _ in
                gemm(dY.columns(pieces[index]), .yes, x, .no, into: Block(dW[pieces[index]]), beta: 1)
            }
        }
        if linear.bias != nil { addRows(dY, to: gradients["\(linear.name).bias"]) }
        guard let dX else { return }
        let weight = linear.weight
        let factor = weight.widened(0..<weight.rows) { Matrix(rows: weight.rows, columns: weight.columns) }
        pool.gemm(dY, .no, factor, .no, into: dX, beta: beta)
    }
}
