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
        var input = Block(input[rows])
        if let bounds = linear.bounds {
            // The worker's scratch is free while it works on rows.
            let cut = Block(worker.scratch.take(rows: rows.count, columns: input.columns))
            clamp(input.pointer, to: bounds.input, into: cut.pointer, count: rows.count * input.columns)
            input = cut
        }
        let length = linear.outputCount / ranges
        func compute(_ part: Range<Int>, _ worker: WorkerPool.Worker) {
            for range in 0..<ranges {
                let own = range * length + part.lowerBound..<range * length + part.upperBound
                product(linear, input, own, into: output, offset: offset, beta: beta, worker)
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

    /// Weights widened at a time: they stay in the core's cache for the product, and the input is packed seldom enough.
    private static let widenedValues = 1 << 17

    private func product(
        _ linear: LinearWeights, _ input: Block, _ part: Range<Int>, into output: Matrix, offset: Int, beta: Float,
        _ worker: WorkerPool.Worker
    ) {
        let weight = linear.weight
        let step = weight.needsRoom ? max(16, Self.widenedValues / weight.columns) : part.count
        var start = part.lowerBound
        while start < part.upperBound {
            let strip = start..<min(start + step, part.upperBound)
            let factor = weight.widened(strip) {
                worker.weights.take(rows: strip.count, columns: weight.columns)
            }
            let result = Block(output, rows: rows, columns: offset + strip.lowerBound..<offset + strip.upperBound)
            gemm(input, .no, factor, .yes, into: result, beta: beta)
            finish(linear, strip, result)
            start = strip.upperBound
        }
    }

    /// Bias and bounds of some columns.
    private func finish(_ linear: LinearWeights, _ part: Range<Int>, _ result: Block) {
        guard linear.bias != nil || linear.bounds != nil else { return }
        for row in 0..<result.rows {
            let y = result.pointer + row * result.stride
            if let bias = linear.bias { add(bias.pointer + part.lowerBound, to: y, count: part.count) }
            if let bounds = linear.bounds { clamp(y, to: bounds.output, into: y, count: part.count) }
        }
    }
}
