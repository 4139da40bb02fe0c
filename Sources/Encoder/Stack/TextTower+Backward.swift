import CastorNumerics

extension TextTower {
    /// Gradient of ``embed(_:from:into:keptIn:)`` and of the projection behind it.
    ///
    /// - Parameter dTokens: of what entered the stack, `[T, stack's width]`; changed
    func backward(_ dTokens: Matrix, _ tape: SpecTape.Text, _ backward: Backward) {
        var d = dTokens
        if let projection, let narrow = tape.narrow {
            let below = Matrix(rows: d.rows, columns: narrow.columns)
            backward.linear(projection, Block(d), Block(narrow), into: Block(below))
            d = below
        }
        if let norm, let entered = tape.entered { backward.norm(norm, Block(d), Block(entered), into: Block(d)) }
        backward.addRows(Block(d), to: backward.gradients["text.token_type"])
        let (dTable, dPositions) = (
            backward.gradients["text.embedding.weight"], backward.gradients["text.positions.weight"]
        )
        let (first, factor) = (spec.firstPosition ?? 0, spec.scale ?? 1)
        // Row after row in order; the columns are divided among the workers.
        let pieces = backward.pool.ranges(d.columns, minimum: 64)
        backward.pool.run(pieces.count) { index, _ in
            let (start, count) = (pieces[index].lowerBound, pieces[index].count)
            for (text, ids) in tape.ids.enumerated() {
                let row = tape.layout.rows(of: text).lowerBound
                for (place, id) in ids.enumerated() {
                    let token = d.row(row + place) + start
                    if let dTable { add(token, times: factor, to: dTable.row(Int(id)) + start, count: count) }
                    if let dPositions { add(token, to: dPositions.row(first + place) + start, count: count) }
                }
            }
        }
    }
}
