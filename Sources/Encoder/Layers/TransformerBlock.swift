import CastorNumerics

/// What a block computes on its way, `[T, ...]` each. Inference reuses one set for all blocks.
struct BlockActivations: Sendable {
    /// RMSNorm before attention, `[T, d]`
    let normed: Matrix
    /// Queries, keys and values, rotated, `[T, 3d]`
    let qkv: Matrix
    /// Attention's result before its output projection, `[T, d]`
    let context: Matrix
    /// RMSNorm before the MLP, `[T, d]`
    let mlpNormed: Matrix
    /// Before GELU, `[T, mlp]`
    let up: Matrix
    /// After GELU, `[T, mlp]`
    let hidden: Matrix
}

/// The sizes that every block of a model shares.
struct BlockShape: Sendable {
    let width: Int
    let heads: Int
    let epsilon: Float

    var headSize: Int { width / heads }

    init(_ configuration: Configuration) {
        width = configuration.width
        heads = configuration.heads
        epsilon = configuration.normEpsilon
    }
}

/// One packed batch on its way through the blocks of a tower.
struct BlockPass {
    let shape: BlockShape
    let tasks: [AttentionTask]
    let angles: RotaryAngles
    let pool: WorkerPool

    /// `x += Attention(RMSNorm(x)); x += MLP(RMSNorm(x))`, in place, for x `[T, d]`.
    func forward(_ x: Matrix, _ weights: BlockWeights, _ activations: BlockActivations) {
        forEachRows(x.rows) { rows, columns in
            qkv(x, rows, weights, activations, columns)
        }
        attention(activations)
        forEachRows(x.rows) { rows, columns in
            outputAndMLP(x, rows, weights, activations, columns)
        }
    }

    /// Rows of one piece of work: its activations stay in the cache from one product to the next, and BLAS is at full speed.
    private static let rowsPerPiece = 512

    /// Below this many rows a worker, dividing the columns of each product is faster than dividing the rows.
    private static let minRowsPerWorker = 96

    /// Divides the tokens among the workers or, when there are few, hands all of them over with a division of columns.
    private func forEachRows(_ count: Int, _ body: (Range<Int>, Columns) -> Void) {
        guard count >= Self.minRowsPerWorker * pool.threadCount else {
            body(0..<count, pool.threadCount == 1 ? .whole : .divided(pool))
            return
        }
        let perWorker = max(1, count / (Self.rowsPerPiece * pool.threadCount))
        let pieces = pool.ranges(count, minimum: 1, perWorker: perWorker)
        pool.run(pieces.count) { index, _ in body(pieces[index], .whole) }
    }

    private func qkv(
        _ x: Matrix, _ rows: Range<Int>, _ weights: BlockWeights, _ activations: BlockActivations, _ columns: Columns
    ) {
        let normed = Block(activations.normed[rows])
        rmsNormRows(Block(x[rows]), weight: weights.attentionNorm.pointer, epsilon: shape.epsilon, into: normed)
        linear(normed, weights.qkv, into: activations.qkv, rows: rows, columns)
        let pairs = shape.headSize / 2
        for row in rows {
            let (cosine, sine) = (angles.cosine.row(row), angles.sine.row(row))
            // Queries and keys lie side by side: 2 * heads heads in a row.
            rotate(activations.qkv.row(row), heads: 2 * shape.heads, pairs: pairs, cosine: cosine, sine: sine)
        }
    }

    /// softmax(q k^T / sqrt(D)) v, a task and head at a time; the scores of one task are all that is ever held.
    private func attention(_ activations: BlockActivations) {
        let (d, headSize, heads) = (shape.width, shape.headSize, shape.heads)
        let scale = 1 / Float(headSize).squareRoot()
        pool.run(tasks.count * heads) { index, worker in
            let task = tasks[index / heads]
            let column = index % heads * headSize
            let qkv = activations.qkv
            let queries = Block(qkv, rows: task.queries, columns: column..<column + headSize)
            let keys = Block(qkv, rows: task.keys, columns: d + column..<d + column + headSize)
            let values = Block(qkv, rows: task.keys, columns: 2 * d + column..<2 * d + column + headSize)
            let scores = Block(worker.scratch.take(rows: task.queries.count, columns: task.keys.count))
            gemm(queries, .no, keys, .yes, into: scores, alpha: scale)
            softmaxRows(scores)
            gemm(
                scores, .no, values, .no,
                into: Block(activations.context, rows: task.queries, columns: column..<column + headSize))
        }
    }

    private func outputAndMLP(
        _ x: Matrix, _ rows: Range<Int>, _ weights: BlockWeights, _ activations: BlockActivations, _ columns: Columns
    ) {
        linear(Block(activations.context[rows]), weights.attentionOutput, into: x, rows: rows, columns, beta: 1)
        let normed = Block(activations.mlpNormed[rows])
        rmsNormRows(Block(x[rows]), weight: weights.mlpNorm.pointer, epsilon: shape.epsilon, into: normed)
        let (up, hidden) = (activations.up, activations.hidden)
        linear(normed, weights.up, into: up, rows: rows, columns) { part in
            for row in rows {
                gelu(up.row(row) + part.lowerBound, into: hidden.row(row) + part.lowerBound, count: part.count)
            }
        }
        linear(Block(hidden[rows]), weights.down, into: x, rows: rows, columns, beta: 1)
    }
}

/// Who computes the columns of a product.
enum Columns {
    /// The calling worker, all of them.
    case whole
    /// The workers of the pool, a range each.
    case divided(WorkerPool)
}

/// `output[rows] = input W^T + beta output[rows]`, then `epilogue` for each range of columns while it is in the cache.
///
/// - Parameters:
///   - input: `[rows, in]`
///   - weight: `[out, in]`
///   - output: `[T, out]`
func linear(
    _ input: Block, _ weight: Matrix, into output: Matrix, rows: Range<Int>, _ columns: Columns, beta: Float = 0,
    epilogue: (Range<Int>) -> Void = { _ in }
) {
    func compute(_ part: Range<Int>) {
        gemm(
            input, .no, Block(weight[part]), .yes, into: Block(output, rows: rows, columns: part), beta: beta)
        epilogue(part)
    }
    switch columns {
    case .whole: compute(0..<weight.rows)
    case .divided(let pool):
        let parts = pool.ranges(weight.rows, minimum: 64)
        pool.run(parts.count) { index, _ in compute(parts[index]) }
    }
}
