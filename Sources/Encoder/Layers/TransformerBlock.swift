import CastorNumerics

/// What a block computes on its way, `[T, ...]` each. Inference reuses one set for all blocks, with much of it in the
/// same place: ``PassMemory``.
struct BlockActivations: Sendable {
    /// x before the block, `[T, d]`
    let input: Matrix
    /// RMSNorm before attention, `[T, d]`
    let normed: Matrix
    /// Queries, keys and values, rotated, `[T, 3d]`
    let qkv: Matrix
    /// Attention's result before its output projection, `[T, d]`
    let context: Matrix
    /// x after attention, `[T, d]`; may be `input`
    let middle: Matrix
    /// RMSNorm before the MLP, `[T, d]`; may be `normed`
    let mlpNormed: Matrix
    /// Before GELU, `[T, mlp]`
    let up: Matrix
    /// After GELU, `[T, mlp]`; may be `up`
    let hidden: Matrix
    /// x after the block, `[T, d]`; may be `middle`
    let output: Matrix
}

/// The sizes that every block of a model shares.
struct BlockShape: Sendable {
    let width: Int
    let heads: Int
    let epsilon: Float
    /// Of the products with the blocks' matrices. Attention, norms and heads are in single precision.
    let precision: ProductPrecision

    var headSize: Int { width / heads }
    /// 1 / sqrt(D)
    var scoreScale: Float { 1 / Float(headSize).squareRoot() }

    init(_ configuration: Configuration, precision: ProductPrecision = .single) {
        self.precision = precision
        width = configuration.width
        heads = configuration.heads
        epsilon = configuration.normEpsilon
    }
}

/// One packed batch on its way through the blocks of a tower.
struct BlockPass: Sendable {
    let shape: BlockShape
    let layout: PackedLayout
    let angles: RotaryAngles
    let pool: WorkerPool
    private let tasks: [AttentionTask]
    /// Of products in single precision by choice, or in what the pool computes with.
    private var kernel: PanelKernel? { shape.precision == .single ? pool.panelKernel : nil }

    init(shape: BlockShape, layout: PackedLayout, angles: RotaryAngles, pool: WorkerPool) {
        self.shape = shape
        self.layout = layout
        self.angles = angles
        self.pool = pool
        tasks = AttentionTask.divide(layout)
    }

    /// What of a block is computed.
    enum Extent { case all, upToHidden }

    /// `x += Attention(RMSNorm(x)); x += MLP(RMSNorm(x))`, from the activations' input to their output, for x `[T, d]`.
    func forward(_ weights: BlockWeights, _ activations: BlockActivations, _ extent: Extent = .all) {
        let division = divideRows()
        division.run(pool) { _, rows, columns in
            qkv(rows, weights, activations, columns)
        }
        attention(activations)
        division.run(pool) { _, rows, columns in
            outputAndMLP(rows, weights, activations, columns, extent)
        }
    }

    /// Rows of one piece of work: its activations stay in the cache from one product to the next, and BLAS is at full speed.
    private static let rowsPerPiece = 512

    /// Below this many rows a worker, dividing the columns of each product is faster than dividing the rows.
    private static let minRowsPerWorker = 96

    /// The tokens divided among the workers or, when there are few, all of them with a division of columns.
    func divideRows() -> RowDivision {
        let count = layout.tokenCount
        guard count >= Self.minRowsPerWorker * pool.threadCount else {
            return RowDivision(pieces: [0..<count], columns: pool.threadCount == 1 ? .whole : .divided(pool))
        }
        let perWorker = max(1, count / (Self.rowsPerPiece * pool.threadCount))
        return RowDivision(pieces: pool.ranges(count, minimum: 1, perWorker: perWorker), columns: .whole)
    }

    private func qkv(_ rows: Range<Int>, _ weights: BlockWeights, _ activations: BlockActivations, _ columns: Columns) {
        let normed = Block(activations.normed[rows])
        rmsNormRows(
            Block(activations.input[rows]), weight: weights.attentionNorm.pointer, epsilon: shape.epsilon, into: normed)
        linear(
            normed, weights.qkv, into: activations.qkv, rows: rows, columns, kernel: kernel, precision: shape.precision)
        let pairs = shape.headSize / 2
        for row in rows {
            let (cosine, sine) = (angles.cosine.row(row), angles.sine.row(row))
            // Queries and keys lie side by side: 2 * heads heads in a row.
            rotate(activations.qkv.row(row), heads: 2 * shape.heads, pairs: pairs, cosine: cosine, sine: sine)
        }
    }

    /// softmax(q k^T / sqrt(D)) v, a task and head at a time; the scores of one piece of a task's keys are all that is ever held.
    private func attention(_ activations: BlockActivations) {
        pool.run(tasks.count * shape.heads) { index, worker in
            let task = tasks[index / shape.heads]
            let head = HeadViews(activations.qkv, shape, head: index % shape.heads)
            let context = Block(activations.context).columns(head.columns).rows(task.queries)
            let (count, pieces) = (task.queries.count, task.keyPieces)
            let longest = pieces.reduce(0) { max($0, $1.count) }
            let room = worker.scratch.take(rows: 1, columns: count * longest + OnlineSoftmax.roomNeeded(rows: count))
            let softmax = OnlineSoftmax(rows: count, room: room.pointer + count * longest)
            for (number, keys) in pieces.enumerated() {
                let weights = Block(room, rows: count, columns: keys.count, stride: keys.count)
                scores(task.queries, keys, head, into: weights)
                softmax.take(weights, rescaling: context)
                gemm(weights, .no, head.values.rows(keys), .no, into: context, beta: number == 0 ? 0 : 1)
            }
            softmax.finish(context)
        }
    }

    /// q k^T / sqrt(D) of some queries and keys of one head, `[queries, keys]`.
    func scores(_ queries: Range<Int>, _ keys: Range<Int>, _ head: HeadViews, into scores: Block) {
        gemm(head.queries.rows(queries), .no, head.keys.rows(keys), .yes, into: scores, alpha: shape.scoreScale)
    }

    private func outputAndMLP(
        _ rows: Range<Int>, _ weights: BlockWeights, _ activations: BlockActivations, _ columns: Columns,
        _ extent: Extent
    ) {
        let (middle, up, hidden) = (activations.middle, activations.up, activations.hidden)
        copyRows(rows, of: activations.input, into: middle)
        linear(
            Block(activations.context[rows]), weights.attentionOutput, into: middle, rows: rows, columns, beta: 1,
            kernel: kernel, precision: shape.precision)
        let normed = Block(activations.mlpNormed[rows])
        rmsNormRows(Block(middle[rows]), weight: weights.mlpNorm.pointer, epsilon: shape.epsilon, into: normed)
        linear(normed, weights.up, into: up, rows: rows, columns, kernel: kernel, precision: shape.precision) { part in
            for row in rows {
                activate(
                    .geluTanh, up.row(row) + part.lowerBound, into: hidden.row(row) + part.lowerBound, count: part.count
                )
            }
        }
        guard extent == .all else { return }
        copyRows(rows, of: middle, into: activations.output)
        linear(
            Block(hidden[rows]), weights.down, into: activations.output, rows: rows, columns, beta: 1,
            kernel: kernel, precision: shape.precision)
    }
}

/// Pieces of the tokens' rows, each the work of one worker, or one piece whose products are divided by columns.
struct RowDivision {
    let pieces: [Range<Int>]
    let columns: Columns

    /// Runs `body` for each piece with its index.
    func run(_ pool: WorkerPool, _ body: (Int, Range<Int>, Columns) -> Void) {
        switch columns {
        case .divided: body(0, pieces[0], columns)
        case .whole: pool.run(pieces.count) { index, _ in body(index, pieces[index], .whole) }
        }
    }
}

/// The columns of one head in a `[T, 3d]` matrix of queries, keys and values; `[T, D]` each.
struct HeadViews {
    let queries: Block
    let keys: Block
    let values: Block
    /// The head's columns in a `[T, d]` matrix.
    let columns: Range<Int>

    init(_ qkv: Matrix, _ shape: BlockShape, head: Int) {
        let (all, d, start) = (Block(qkv), shape.width, head * shape.headSize)
        columns = start..<start + shape.headSize
        queries = all.columns(columns)
        keys = all.columns(d + start..<d + start + shape.headSize)
        values = all.columns(2 * d + start..<2 * d + start + shape.headSize)
    }
}

/// Does nothing when both are the same memory.
private func copyRows(_ rows: Range<Int>, of source: Matrix, into target: Matrix) {
    guard source.pointer != target.pointer else { return }
    target.row(rows.lowerBound).update(from: source.row(rows.lowerBound), count: rows.count * source.columns)
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
///   - kernel: for products of many rows; nil for BLAS
///   - precision: of products without that kernel
func linear(
    _ input: Block, _ weight: Matrix, into output: Matrix, rows: Range<Int>, _ columns: Columns, beta: Float = 0,
    kernel: PanelKernel? = nil, precision: ProductPrecision = .single, epilogue: (Range<Int>) -> Void = { _ in }
) {
    func compute(_ part: Range<Int>) {
        let (weight, result) = (weight[part], Block(output, rows: rows, columns: part))
        let kernel = kernel.flatMap { input.rows >= $0.leastRows ? $0 : nil }
        if kernel.map({ panelProduct(input, weights: weight.pointer, .f32, beta: beta, into: result, kernel: $0) })
            != true
        {
            gemm(input, .no, Block(weight), .yes, into: result, beta: beta, precision: precision)
        }
        epilogue(part)
    }
    switch columns {
    case .whole: compute(0..<weight.rows)
    case .divided(let pool):
        let parts = pool.ranges(weight.rows, minimum: 64)
        pool.run(parts.count) { index, _ in compute(parts[index]) }
    }
}
