import CastorNumerics

/// Memory for the gradients inside a block, `[T, ...]` each; every block of a pass uses the same.
struct BlockGradients: Sendable {
    /// dy of the MLP's first product, `[T, mlp]`
    let up: Matrix
    /// dy of either norm, `[T, d]`
    let normed: Matrix
    /// `[T, d]`
    let context: Matrix
    /// `[T, 3d]`
    let qkv: Matrix
}

extension BlockPass {
    /// Gradient of ``forward(_:_:_:)``.
    ///
    /// - Parameters:
    ///   - dx: gradient of the block's output, `[T, d]`; becomes the gradient of its input
    ///   - activations: what forward computed, no two of its matrices in the same memory
    ///   - dWeights: added to
    func backward(
        _ dx: Matrix, _ weights: BlockWeights, _ activations: BlockActivations, into dWeights: BlockWeights,
        _ scratch: BlockGradients
    ) {
        let division = divideRows()
        let gains = RowPartials(count: division.pieces.count, columns: shape.width)

        weightGradients([(dx, activations.hidden, dWeights.down)])
        division.run(pool) { piece, rows, columns in
            mlpBackward(dx, rows, weights, activations, scratch, columns, dGain: gains.row(piece))
        }
        gains.drain(into: dWeights.mlpNorm.pointer)
        weightGradients([
            (scratch.up, activations.mlpNormed, dWeights.up), (dx, activations.context, dWeights.attentionOutput),
        ])

        attentionBackward(activations, scratch)
        division.run(pool) { piece, rows, columns in
            qkvBackward(dx, rows, weights, activations, scratch, columns, dGain: gains.row(piece))
        }
        gains.drain(into: dWeights.attentionNorm.pointer)
        weightGradients([(scratch.qkv, activations.normed, dWeights.qkv)])
    }

    /// From dx after the block to dx after attention, and on to the gradient of attention's context.
    private func mlpBackward(
        _ dx: Matrix, _ rows: Range<Int>, _ weights: BlockWeights, _ activations: BlockActivations,
        _ scratch: BlockGradients, _ columns: Columns, dGain: UnsafeMutablePointer<Float>
    ) {
        inputGradient(dx, weights.down, into: scratch.up, rows: rows, columns, shape.precision) { part in
            for row in rows {
                geluBackward(
                    activations.up.row(row) + part.lowerBound, scratch.up.row(row) + part.lowerBound, count: part.count)
            }
        }
        inputGradient(scratch.up, weights.up, into: scratch.normed, rows: rows, columns, shape.precision)
        rmsNormRowsBackward(
            Block(scratch.normed[rows]), input: Block(activations.middle[rows]), weight: weights.mlpNorm.pointer,
            epsilon: shape.epsilon, into: Block(dx[rows]), dWeight: dGain)
        inputGradient(dx, weights.attentionOutput, into: scratch.context, rows: rows, columns, shape.precision)
    }

    /// From the gradient of the rotated queries, keys and values to dx before the block.
    private func qkvBackward(
        _ dx: Matrix, _ rows: Range<Int>, _ weights: BlockWeights, _ activations: BlockActivations,
        _ scratch: BlockGradients, _ columns: Columns, dGain: UnsafeMutablePointer<Float>
    ) {
        for row in rows {
            rotateBackward(
                scratch.qkv.row(row), heads: 2 * shape.heads, pairs: shape.headSize / 2,
                cosine: angles.cosine.row(row), sine: angles.sine.row(row))
        }
        inputGradient(scratch.qkv, weights.qkv, into: scratch.normed, rows: rows, columns, shape.precision)
        rmsNormRowsBackward(
            Block(scratch.normed[rows]), input: Block(activations.input[rows]), weight: weights.attentionNorm.pointer,
            epsilon: shape.epsilon, into: Block(dx[rows]), dWeight: dGain)
    }

    /// With P = softmax(q k^T s), s = 1 / sqrt(D), O = P v: `dv = P^T dO; dS = P * (dP - sum(P * dP)), dP = dO v^T;
    /// dq = s dS k; dk = s dS^T q`. P is computed again, a task at a time. One worker has all the queries of a sequence and
    /// head, because their contributions to dk and dv add up in a fixed order.
    private func attentionBackward(_ activations: BlockActivations, _ scratch: BlockGradients) {
        pool.run(layout.count * shape.heads) { index, worker in
            let head = HeadViews(activations.qkv, shape, head: index % shape.heads)
            let gradient = HeadViews(scratch.qkv, shape, head: index % shape.heads)
            let dContext = Block(scratch.context).columns(head.columns)
            for (number, task) in AttentionTask.divideForWholeRows(layout.rows(of: index / shape.heads)).enumerated() {
                let (queries, keys) = (task.queries, task.keys)
                let both = worker.scratch.take(rows: 2 * queries.count, columns: keys.count)
                let p = Block(both[0..<queries.count])
                let dP = Block(both[queries.count..<2 * queries.count])
                let beta: Float = number == 0 ? 0 : 1
                scores(queries, keys, head, into: p)
                softmaxRows(p)
                gemm(p, .yes, dContext.rows(queries), .no, into: gradient.values.rows(keys), beta: beta)
                gemm(dContext.rows(queries), .no, head.values.rows(keys), .yes, into: dP)
                softmaxRowsBackward(p, dP)
                gemm(
                    dP, .no, head.keys.rows(keys), .no, into: gradient.queries.rows(queries), alpha: shape.scoreScale)
                gemm(
                    dP, .yes, head.queries.rows(queries), .no, into: gradient.keys.rows(keys), alpha: shape.scoreScale,
                    beta: beta)
            }
        }
    }

    /// `dW += dY^T X` for each product, its rows divided among the workers: dY `[T, out]`, X `[T, in]`, dW `[out, in]`.
    private func weightGradients(_ products: [(dY: Matrix, x: Matrix, dW: Matrix)]) {
        for (dY, x, dW) in products {
            let pieces = pool.ranges(dW.rows, minimum: 16)
            pool.run(pieces.count) { index, _ in
                gemm(
                    Block(dY).columns(pieces[index]), .yes, Block(x), .no, into: Block(dW[pieces[index]]), beta: 1,
                    precision: shape.precision)
            }
        }
    }
}

/// `dX[rows] = dY[rows] W`, then `epilogue` for each range of columns while it is in the cache.
///
/// - Parameters:
///   - dY: `[T, out]`
///   - weight: `[out, in]`
///   - dX: `[T, in]`
func inputGradient(
    _ dY: Matrix, _ weight: Matrix, into dX: Matrix, rows: Range<Int>, _ columns: Columns,
    _ precision: ProductPrecision, epilogue: (Range<Int>) -> Void = { _ in }
) {
    func compute(_ part: Range<Int>) {
        gemm(
            Block(dY[rows]), .no, Block(weight).columns(part), .no, into: Block(dX, rows: rows, columns: part),
            precision: precision)
        epilogue(part)
    }
    switch columns {
    case .whole: compute(0..<weight.columns)
    case .divided(let pool):
        let parts = pool.ranges(weight.columns, minimum: 64)
        pool.run(parts.count) { index, _ in compute(parts[index]) }
    }
}

/// One row of partial sums for each piece of parallel work, added up in the order of the pieces.
struct RowPartials {
    private let sums: Matrix

    init(count: Int, columns: Int) {
        sums = Matrix(rows: count, columns: columns)
    }

    func row(_ piece: Int) -> UnsafeMutablePointer<Float> { sums.row(piece) }

    /// Adds columns `start..<start + count` (the default is all of them) of every piece to `total` and clears them.
    func drain(into total: UnsafeMutablePointer<Float>, from start: Int = 0, count: Int? = nil) {
        let count = count ?? sums.columns
        for piece in 0..<sums.rows {
            add(sums.row(piece) + start, to: total, count: count)
            (sums.row(piece) + start).update(repeating: 0, count: count)
        }
    }
}
