import CastorNumerics

extension ImageTower {
    /// Gradient of ``embed(_:into:keptIn:_:)`` of some pictures.
    ///
    /// - Parameter dTokens: of what entered the stack, `[T, width]`; changed
    func backward(_ dTokens: Matrix, _ tape: SpecTape.Pictures, _ backward: Backward) {
        if let norm, let entered = tape.entered {
            backward.norm(norm, Block(dTokens), Block(entered), into: Block(dTokens))
        }
        let leading = spec.leadingTokens
        let dClass = classToken.flatMap { _ in backward.gradients["image.class_token"] }
        let dPositions = backward.gradients["image.positions.weight"]
        let pieces = backward.pool.ranges(spec.width, minimum: 64)
        backward.pool.run(pieces.count) { index, _ in
            let (start, count) = (pieces[index].lowerBound, pieces[index].count)
            for (number, picture) in tape.pictures.enumerated() {
                for (place, row) in tape.layout.rows(of: number).enumerated() {
                    let token = dTokens.row(row) + start
                    if place < leading, let dClass { add(token, to: dClass.pointer + start, count: count) }
                    guard let dPositions else { continue }
                    for position in self.positions(ofToken: place, picture) {
                        add(token, to: dPositions.row(position) + start, count: count)
                    }
                }
            }
        }
        for (number, picture) in tape.pictures.enumerated() {
            let rows = tape.layout.rows(of: number)
            let d = Block(dTokens[rows.lowerBound + leading..<rows.upperBound])
            backward.linear(patch, d, Block(picture.patches), into: nil)
        }
    }

    /// Rows of the table that were added to a token.
    private func positions(ofToken place: Int, _ picture: PatchedPicture) -> [Int] {
        switch spec.positions {
        case nil: return []
        case .tokens, .grid: return [place]
        case .columnsAndRows(let rows):
            let patch = place - spec.leadingTokens
            guard patch >= 0 else { return [] }
            return [patch % picture.columns, rows + patch / picture.columns]
        }
    }
}
