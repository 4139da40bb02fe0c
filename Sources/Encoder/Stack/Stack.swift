import CastorNumerics

/// Where the tokens of a packed batch stand: its sequences, and for pictures the cell of each patch.
struct TokenPlaces {
    let layout: PackedLayout
    /// Row and column of each token; nil where tokens have their place in the sequence alone.
    var cells: [(row: Int, column: Int)]?
}

/// One packed batch on its way through a stack.
///
/// A layer's work alternates between what each token does alone (products, norms, residuals) and what they do together (attention,
/// convolution). All that lies between two of the latter, also across layers, is done for a few rows at a time, while they are in the cache.
struct Stack {
    let spec: StackSpec
    let weights: StackWeights
    let rotary: RotaryTables
    let pool: WorkerPool
    let memory: StackMemory

    /// Replaces `x`, `[T, width]`, by the stack's output.
    ///
    /// - Parameter tape: where the pass leaves what a backward pass needs
    func forward(_ x: Matrix, _ places: TokenPlaces, tape: StackTape? = nil) {
        tape?.start()
        guard x.rows > 0 else { return }
        var run = StackRun(self, x, places)
        for (index, (layer, weights)) in zip(spec.layers, weights.layers).enumerated() {
            if index == tape?.first { run.tape = tape }
            run.tape?.startLayer()
            for (branch, weights) in zip(layer.branches, weights.branches) { run.add(branch, weights) }
            if let norm = weights.norm {
                let before = run.keep()
                run.tape?.layer.beforeNorm = before
                run.norm(norm)
            }
            if let scale = weights.scale {
                let before = run.keep()
                run.tape?.layer.beforeScale = before
                run.scale(scale)
            }
        }
        // All layers may be left out, and the last norm not.
        run.tape = tape
        if let norm = weights.finalNorm {
            let before = run.keep()
            tape?.beforeNorm = before
            run.norm(norm)
        }
        run.finish()
    }
}

private struct StackRun {
    let stack: Stack
    let x: Matrix
    let layout: PackedLayout
    let places: TokenPlaces
    let division: RowDivision
    let tasks: [AttentionTask]
    /// The stack's input, where a branch asks for it.
    let entered: Matrix?
    let biases: DistanceBiases?
    private var angles: [RotarySpec: RotaryAngles] = [:]
    /// Where what the backward pass needs is kept; nothing of it is there in inference.
    var tape: StackTape?
    /// What each row does until tokens meet again.
    private var pending: [(RowPiece) -> Void] = []

    init(_ stack: Stack, _ x: Matrix, _ places: TokenPlaces) {
        self.stack = stack
        self.x = x
        self.places = places
        layout = places.layout
        division = RowDivision(rows: x.rows, stack.pool)
        tasks = AttentionTask.divide(layout)
        let branches = stack.spec.layers.flatMap(\.branches).map(\.operation)
        let asks = branches.contains { if case .perLayerInput = $0 { true } else { false } }
        if asks {
            let copy = stack.memory.take(.input, rows: x.rows, columns: x.columns)
            copy.pointer.update(from: x.pointer, count: x.count)
            entered = copy
        } else {
            entered = nil
        }
        var biases: DistanceBiases?
        for case .attention(let attention) in branches where biases == nil {
            if case .relativeBias(let spec) = attention.position, let table = stack.weights.relativeBias {
                biases = DistanceBiases(spec, table, longest: places.layout.lengths.max() ?? 0)
            }
        }
        self.biases = biases
    }

    // MARK: - Order

    private mutating func eachRow(_ body: @escaping (RowPiece) -> Void) {
        pending.append(body)
    }

    /// Does what is pending, so that tokens may meet.
    mutating func finish() {
        let bodies = pending
        pending = []
        guard !bodies.isEmpty else { return }
        func run(_ rows: Range<Int>, _ columns: Columns, _ worker: WorkerPool.Worker) {
            let piece = RowPiece(rows: rows, columns: columns, worker: worker)
            for body in bodies { body(piece) }
        }
        switch division.columns {
        case .divided(let pool): run(division.pieces[0], division.columns, pool.callersWorker)
        case .whole:
            stack.pool.run(division.pieces.count) { index, worker in run(division.pieces[index], .whole, worker) }
        }
    }

    // MARK: - Steps

    mutating func norm(_ norm: NormWeights) {
        let x = x
        eachRow { piece in norm.apply(Block(x[piece.rows]), into: Block(x[piece.rows])) }
    }

    /// x as it is now, for the backward pass; nil where there will be none.
    mutating func keep() -> Matrix? { keep(x) }

    private mutating func keep(_ values: Matrix) -> Matrix? {
        guard let tape else { return nil }
        let copy = tape.take(rows: values.rows, columns: values.columns)
        eachRow { piece in
            let start = piece.rows.lowerBound
            copy.row(start).update(from: values.row(start), count: piece.rows.count * values.columns)
        }
        return copy
    }

    mutating func scale(_ factor: Float) {
        let x = x
        eachRow { piece in
            CastorNumerics.scale(x.row(piece.rows.lowerBound), by: factor, count: piece.rows.count * x.columns)
        }
    }

    mutating func add(_ branch: BranchSpec, _ weights: StackWeights.Branch) {
        switch (branch.operation, weights.operation) {
        case (.attention(let spec), .attention(let own)): attention(spec, own, branch, weights)
        case (.feedForward(let spec), .feedForward(let own)):
            let forward = FeedForward(spec: spec, weights: own)
            let up = take(.up, spec.gated ? 2 * spec.hidden : spec.hidden)
            // The activation of a plain MLP is done in place; what is gated leaves its first half behind.
            let hidden = spec.gated || tape != nil ? take(.hidden, spec.hidden) : up
            let normed = normed(weights.norm)
            tape?.branch.operation = .feedForward(up: up, hidden: hidden)
            eachRow { piece in forward.rise(normed, into: up, hidden: hidden, piece) }
            addResult(of: own.down, hidden, branch, weights)
        case (.perLayerInput(let spec), .perLayerInput(let own)):
            guard let entered else { preconditionFailure("the stack's input was not kept") }
            let module = PerLayerInput(spec: spec, weights: own)
            let (part, gated) = (take(.perLayer, spec.size), take(.hidden, spec.size))
            let normed = normed(weights.norm)
            eachRow { piece in module.gate(entered, normed, own: part, into: gated, piece) }
            addResult(of: own.output, gated, branch, weights)
        case (.convolution(let spec), .convolution(let own)):
            let module = ConvolutionModule(spec: spec, weights: own)
            let width = stack.spec.width
            let (product, values, output) = (take(.up, 2 * width), take(.hidden, width), take(.context, width))
            let normed = normed(weights.norm)
            eachRow { piece in module.open(normed, product: product, into: values, piece) }
            finish()
            module.convolve(values, into: output, layout, stack.pool)
            eachRow { piece in module.close(output, piece) }
            addResult(of: own.end, output, branch, weights)
        default: preconditionFailure("weights of another spec")
        }
    }

    private mutating func attention(
        _ spec: AttentionSpec, _ own: AttentionWeights, _ branch: BranchSpec, _ weights: StackWeights.Branch
    ) {
        let attention = Attention(
            spec: spec, weights: own, tasks: tasks, layout: layout, angles: angles(of: spec),
            biases: { if case .relativeBias = spec.position { biases } else { nil } }())
        let (qkv, context) = (take(.qkv, spec.rowLength), take(.context, spec.queryLength))
        let normed = normed(weights.norm)
        eachRow { piece in attention.project(normed, into: qkv, piece) }
        let hasNorms = own.queryNorm != nil || own.keyNorm != nil || own.valueNorm != nil
        let raw = hasNorms ? keep(qkv) : nil
        eachRow { piece in attention.prepare(qkv, piece) }
        tape?.branch.operation = .attention(attention, raw: raw, qkv: qkv, context: context)
        finish()
        attention.mix(qkv, into: context, stack.pool)
        addResult(of: own.output, context, branch, weights)
    }

    private func take(_ place: StackMemory.Place, _ columns: Int) -> Matrix {
        tape?.take(rows: x.rows, columns: columns) ?? stack.memory.take(place, rows: x.rows, columns: columns)
    }

    /// The tokens after a branch's norm, or as they are.
    private mutating func normed(_ norm: NormWeights?) -> Matrix {
        let input = keep() ?? x
        guard let norm else {
            tape?.startBranch(input: input, normed: input)
            return input
        }
        let normed = take(.normed, x.columns)
        tape?.startBranch(input: input, normed: normed)
        eachRow { piece in norm.apply(Block(input[piece.rows]), into: Block(normed[piece.rows])) }
        return normed
    }

    /// `x = after(x + factor * gain * outputNorm(values W^T))`
    private mutating func addResult(
        of linear: LinearWeights, _ values: Matrix, _ branch: BranchSpec, _ weights: StackWeights.Branch
    ) {
        let x = x
        if weights.outputNorm == nil, weights.gain == nil, branch.factor == nil, linear.bounds == nil {
            eachRow { piece in piece.linear(linear, values, into: x, beta: 1) }
        } else {
            let raw = take(.projected, x.columns)
            // In place, but where a backward pass looks at what was there.
            let result = tape == nil || weights.outputNorm == nil ? raw : take(.projected, x.columns)
            let scaled = tape == nil || weights.gain == nil ? result : take(.projected, x.columns)
            tape?.branch.result = (raw, result)
            eachRow { piece in
                piece.linear(linear, values, into: raw)
                weights.outputNorm?.apply(Block(raw[piece.rows]), into: Block(result[piece.rows]))
                for row in piece.rows {
                    let y = scaled.row(row)
                    if let gain = weights.gain {
                        map(result.row(row), gain.pointer, into: y, count: x.columns) { $0 * $1 }
                    }
                    CastorNumerics.add(y, times: branch.factor ?? 1, to: x.row(row), count: x.columns)
                }
            }
        }
        guard let after = weights.after else { return }
        let sum = keep()
        tape?.branch.sum = sum
        norm(after)
    }

    // MARK: - Positions

    private mutating func angles(of spec: AttentionSpec) -> RotaryAngles? {
        guard case .rotary(let rotary) = spec.position else { return nil }
        var key = rotary
        key.dimensions = rotary.dimensions ?? spec.headSize
        if let known = angles[key] { return known }
        let made = stack.rotary.angles(key, pairs: (key.dimensions ?? 0) / 2, places)
        angles[key] = made
        return made
    }
}

extension RowDivision {
    /// Rows of one piece of work: its activations stay in the cache from one product to the next, and BLAS is at full speed.
    private static let rowsPerPiece = 512
    /// Below this many rows a worker, dividing the columns of each product is faster than dividing the rows: with BLAS, and with our own kernel.
    private static func minRowsPerWorker(_ pool: WorkerPool) -> Int { pool.rowKernel == nil ? 96 : 32 }

    /// Rows divided among the workers or, when there are few, all of them with a division of columns.
    init(rows: Int, _ pool: WorkerPool) {
        guard rows >= Self.minRowsPerWorker(pool) * pool.threadCount else {
            self.init(pieces: [0..<rows], columns: pool.threadCount == 1 ? .whole : .divided(pool))
            return
        }
        let perWorker = max(1, rows / (Self.rowsPerPiece * pool.threadCount))
        self.init(pieces: pool.ranges(rows, minimum: 1, perWorker: perWorker), columns: .whole)
    }
}
