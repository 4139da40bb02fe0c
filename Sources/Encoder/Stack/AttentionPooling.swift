import CastorNumerics

/// Of a learned query that looks at all tokens, and of the MLP behind it (``AttentionPoolSpec``).
struct AttentionPoolWeights: Sendable {
    let spec: AttentionPoolSpec
    /// What the query is made of, `[d]`
    let probe: Matrix
    let probeName: String
    /// `[3 d, d]`
    let qkv: LinearWeights
    /// `[d, d]`
    let output: LinearWeights
    let norm: NormWeights
    let feedForward: FeedForwardWeights
}

extension AttentionPoolSpec {
    func weights(_ assembly: StackAssembly, _ name: String, _ width: Int) throws(ModelError) -> AttentionPoolWeights {
        func linear(_ part: String, _ outputs: Int, _ inputs: Int) throws(ModelError) -> LinearWeights {
            try assembly.dense(DenseSpec(inputs: inputs, outputs: outputs, bias: true), "\(name).pooling.\(part)")
        }
        guard let norm = try assembly.norm(norm, "\(name).pooling.norm", width) else {
            preconditionFailure("a norm that is there")
        }
        return AttentionPoolWeights(
            spec: self, probe: try assembly.source.small("\(name).pooling.probe", [width]),
            probeName: "\(name).pooling.probe",
            qkv: try linear("qkv", 3 * width, width), output: try linear("output", width, width), norm: norm,
            feedForward: FeedForwardWeights(
                up: try linear("up", hidden, width), down: try linear("down", width, hidden)))
    }
}

/// Attention of one learned query over the tokens of each sequence: `y + MLP(norm(y))`, y what it sees.
struct AttentionPooling {
    let weights: AttentionPoolWeights
    let pool: WorkerPool

    /// - Parameters:
    ///   - x: `[T, d]`
    ///   - pooled: `[sequences, d]`
    ///   - tape: where the pass leaves what a backward pass needs
    func callAsFunction(_ x: Matrix, _ layout: PackedLayout, into pooled: Matrix, tape: VectorTape? = nil) {
        let (width, heads) = (x.columns, weights.spec.heads)
        let size = width / heads
        let query = product(weights.qkv, weights.probe)
        let tokens = product(weights.qkv, x)
        let seen = Matrix(rows: layout.count, columns: width)
        let factor = 1 / Float(size).squareRoot()
        pool.run(layout.count * heads) { index, worker in
            let (sequence, head) = (index / heads, index % heads)
            let rows = layout.rows(of: sequence)
            let start = head * size
            let scores = worker.scratch.take(rows: 1, columns: rows.count)
            for (place, row) in rows.enumerated() {
                let score = dot(query.pointer + start, tokens.row(row) + width + start, count: size)
                scores.pointer[place] = factor * score
            }
            softmaxRows(Block(scores))
            for (place, row) in rows.enumerated() {
                add(
                    tokens.row(row) + 2 * width + start, times: scores.pointer[place], to: seen.row(sequence) + start,
                    count: size)
            }
        }
        let y = product(weights.output, seen)
        let normed = Matrix(rows: y.rows, columns: width)
        weights.norm.apply(Block(y), into: Block(normed))
        let hidden = product(weights.feedForward.up, normed)
        let up = tape == nil ? hidden : hidden.copy()
        weights.spec.activation.apply(hidden.pointer, into: hidden.pointer, count: hidden.count)
        let result = product(weights.feedForward.down, hidden)
        tape?.attention = AttentionPoolTape(
            x: x.copy(), query: query, tokens: tokens, seen: seen, y: y, normed: normed, up: up, hidden: hidden)
        add(y.pointer, to: result.pointer, count: result.count)
        pooled.pointer.update(from: result.pointer, count: result.count)
    }

    private func product(_ linear: LinearWeights, _ x: Matrix) -> Matrix {
        let result = Matrix(rows: x.rows, columns: linear.outputCount)
        RowPiece(rows: 0..<x.rows, columns: .divided(pool), worker: pool.callersWorker).linear(linear, x, into: result)
        return result
    }
}
