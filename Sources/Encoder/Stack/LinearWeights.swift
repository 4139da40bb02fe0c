import CastorNumerics

/// `y = x W^T + b`, and what is cut before and after it.
struct LinearWeights: Sendable {
    struct Bounds: Sendable {
        let input: ClosedRange<Float>
        let output: ClosedRange<Float>
    }

    /// `[out, in]`
    let weight: WeightTensor
    /// `[out]`
    let bias: Matrix?
    let bounds: Bounds?
    /// Of its tensors in the model's file, without `.weight` and `.bias`.
    var name = ""

    var outputCount: Int { weight.rows }
}

/// Some rows of a packed batch, and who computes them: one worker, or all of them, a range of each product's columns each.
struct RowPiece {
    let rows: Range<Int>
    let columns: Columns
    /// The one that runs this; with divided columns, each range has its own.
    let worker: WorkerPool.Worker
}

extension RowPiece {
    /// `output[rows][offset...] = input[rows] W^T + b + beta output[rows][offset...]`, then `epilogue` for each range of the weight's rows
    /// while what they gave is in the cache.
    ///
    /// - Parameters:
    ///   - input: `[T, in]`
    ///   - output: `[T, offset + out or more]`
    ///   - ranges: of the weight's rows that belong together, as a gate and what it gates: a piece of work has the same part of each
    func linear(
        _ linear: LinearWeights, _ input: Matrix, into output: Matrix, offset: Int = 0, beta: Float = 0,
        ranges: Int = 1,
        epilogue: (Range<Int>) -> Void = { _ in }
    ) {
        precondition(beta == 0 || linear.bounds == nil, "what is cut cannot be added")
        let input = Block(input[rows])
        let length = linear.outputCount / ranges
        func compute(_ part: Range<Int>, _ worker: WorkerPool.Worker) {
            let factor = RowFactor(linear, input, worker)
            for range in 0..<ranges {
                let own = range * length + part.lowerBound..<range * length + part.upperBound
                let result = Block(output, rows: rows, columns: offset + own.lowerBound..<offset + own.upperBound)
                factor.multiply(own, into: result, beta: beta)
            }
            epilogue(part)
        }
        switch columns {
        case .whole: compute(0..<length, worker)
        case .divided(let pool):
            let parts = pool.ranges(length, minimum: 64)
            pool.run(parts.count) { index, worker in compute(parts[index], worker) }
        }
    }
}

/// Rows that are to be multiplied with parts of a weight, by one worker.
private struct RowFactor {
    private enum Kind {
        /// In the order of our own kernel for few rows.
        case packed(PackedRows)
        /// As our own for many rows takes them.
        case panels(Block, PanelKernel)
        /// As BLAS takes them.
        case plain(Block)
    }

    private let kind: Kind
    private let linear: LinearWeights
    private let worker: WorkerPool.Worker

    init(_ linear: LinearWeights, _ input: Block, _ worker: WorkerPool.Worker) {
        self.linear = linear
        self.worker = worker
        if let kernel = worker.panelKernel, input.rows >= kernel.leastRows {
            kind = .panels(Self.cut(input, linear.bounds, worker), kernel)
        } else if let kernel = worker.rowKernel {
            kind = .packed(
                PackedRows(input, for: kernel, linear.weight.format, bounds: linear.bounds?.input, worker.factor))
        } else {
            kind = .plain(Self.cut(input, linear.bounds, worker))
        }
    }

    private static func cut(_ input: Block, _ bounds: LinearWeights.Bounds?, _ worker: WorkerPool.Worker) -> Block {
        guard let bounds else { return input }
        // The worker's scratch is free while it works on rows.
        let cut = worker.scratch.take(rows: input.rows, columns: input.columns)
        for row in 0..<input.rows {
            clamp(input.pointer + row * input.stride, to: bounds.input, into: cut.row(row), count: input.columns)
        }
        return Block(cut)
    }

    /// - Parameters:
    ///   - part: of the weight's rows
    ///   - result: `[rows, part]`
    func multiply(_ part: Range<Int>, into result: Block, beta: Float) {
        switch kind {
        case .packed(let rows):
            linear.weight.withRow(part.lowerBound) { weights, scales in
                rowProduct(
                    rows, weights: weights, scales: scales, bias: linear.bias.map { $0.pointer + part.lowerBound },
                    beta: beta, into: result)
            }
            bound(result)
        case .panels(let input, let kernel):
            var isDone = false
            linear.weight.withRow(part.lowerBound) { weights, scales in
                isDone = panelProduct(
                    input, weights: weights, linear.weight.format, scales: scales,
                    bias: linear.bias.map { $0.pointer + part.lowerBound }, beta: beta, into: result, kernel: kernel)
            }
            if isDone { bound(result) } else { widen(part, input, into: result, beta: beta) }
        case .plain(let input): widen(part, input, into: result, beta: beta)
        }
    }

    private func bound(_ result: Block) {
        guard let bounds = linear.bounds else { return }
        for row in 0..<result.rows {
            let y = result.pointer + row * result.stride
            clamp(y, to: bounds.output, into: y, count: result.columns)
        }
    }

    /// Weights widened at a time: they stay in the core's cache for the product, and the input is packed seldom enough.
    private static let widenedValues = 1 << 17

    private func widen(_ part: Range<Int>, _ input: Block, into result: Block, beta: Float) {
        let weight = linear.weight
        let step = weight.needsRoom ? max(16, Self.widenedValues / weight.columns) : part.count
        var start = part.lowerBound
        while start < part.upperBound {
            let strip = start..<min(start + step, part.upperBound)
            let factor = weight.widened(strip) { worker.factor.take(rows: strip.count, columns: weight.columns) }
            let own = result.columns(strip.lowerBound - part.lowerBound..<strip.upperBound - part.lowerBound)
            gemm(input, .no, factor, .yes, into: own, beta: beta)
            finish(strip, own)
            start = strip.upperBound
        }
    }

    /// Bias and bounds of some columns.
    private func finish(_ part: Range<Int>, _ result: Block) {
        if let bias = linear.bias {
            for row in 0..<result.rows {
                add(bias.pointer + part.lowerBound, to: result.pointer + row * result.stride, count: part.count)
            }
        }
        bound(result)
    }
}
