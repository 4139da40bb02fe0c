import CastorNumerics

extension AttentionPooling {
    /// Gradient of ``callAsFunction(_:_:into:tape:)``. With p = softmax(f q k_t), seen = sum of p_t v_t: `dv_t = p_t dseen`,
    /// `ds_t = p_t (dseen v_t - sum of p dseen v)`, `dk_t = f ds_t q`, `dq = f sum of ds_t k_t`.
    ///
    /// - Parameters:
    ///   - dPooled: `[sequences, d]`
    ///   - dx: of the tokens, `[T, d]`, overwritten; nil where nobody wants it
    func backward(
        _ dPooled: Matrix, _ layout: PackedLayout, _ tape: AttentionPoolTape, into dx: Matrix?, _ backward: Backward
    ) {
        let d = dPooled.columns
        let dHidden = Matrix(rows: tape.hidden.rows, columns: tape.hidden.columns)
        backward.linear(weights.feedForward.down, Block(dPooled), Block(tape.hidden), into: Block(dHidden))
        weights.spec.activation.backward(tape.up.pointer, dHidden.pointer, count: dHidden.count)
        let dY = Matrix(rows: dPooled.rows, columns: d)
        backward.linear(weights.feedForward.up, Block(dHidden), Block(tape.normed), into: Block(dY))
        backward.norm(weights.norm, Block(dY), Block(tape.y), into: Block(dY))
        add(dPooled.pointer, to: dY.pointer, count: dY.count)
        let dSeen = Matrix(rows: dY.rows, columns: d)
        backward.linear(weights.output, Block(dY), Block(tape.seen), into: Block(dSeen))

        // Queries of tokens, and key and value of the probe, are computed and not used: their gradient stays 0.
        let dTokens = Matrix(rows: tape.tokens.rows, columns: 3 * d)
        let dQueries = Matrix(rows: layout.count, columns: 3 * d)
        let heads = weights.spec.heads
        pool.run(layout.count * heads) { index, worker in
            attend(index / heads, head: index % heads, layout, tape, dSeen, dTokens, dQueries, worker.scratch)
        }
        let dQuery = Matrix(rows: 1, columns: 3 * d)
        backward.addRows(Block(dQueries), to: dQuery)
        let dProbe = Matrix(rows: 1, columns: d)
        backward.linear(weights.qkv, Block(dQuery), Block(weights.probe), into: Block(dProbe))
        backward.addRows(Block(dProbe), to: backward.gradients[weights.probeName])
        backward.linear(weights.qkv, Block(dTokens), Block(tape.x), into: dx.map { Block($0) })
    }

    private func attend(
        _ sequence: Int, head: Int, _ layout: PackedLayout, _ tape: AttentionPoolTape, _ dSeen: Matrix,
        _ dTokens: Matrix, _ dQueries: Matrix, _ scratch: Scratch
    ) {
        let d = dSeen.columns
        let size = d / weights.spec.heads
        let (start, factor) = (head * size, 1 / Float(size).squareRoot())
        let rows = layout.rows(of: sequence)
        let room = scratch.take(rows: 2, columns: rows.count)
        let (p, dP) = (room[0..<1], room[1..<2])
        let query = tape.query.pointer + start
        let dOut = dSeen.row(sequence) + start
        for (place, row) in rows.enumerated() {
            p.pointer[place] = factor * dot(query, tape.tokens.row(row) + d + start, count: size)
            dP.pointer[place] = dot(dOut, tape.tokens.row(row) + 2 * d + start, count: size)
        }
        softmaxRows(Block(p))
        softmaxRowsBackward(Block(p), Block(dP))
        for (place, row) in rows.enumerated() {
            let ds = factor * dP.pointer[place]
            add(dOut, times: p.pointer[place], to: dTokens.row(row) + 2 * d + start, count: size)
            add(query, times: ds, to: dTokens.row(row) + d + start, count: size)
            add(tape.tokens.row(row) + d + start, times: ds, to: dQueries.row(sequence) + start, count: size)
        }
    }
}
