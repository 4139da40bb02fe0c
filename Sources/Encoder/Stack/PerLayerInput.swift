import CastorNumerics

struct PerLayerInputWeights: Sendable {
    /// Of the stack's input to this layer's P, `[size, d]`
    let input: LinearWeights
    /// Of P
    let inputNorm: NormWeights
    /// `[size, d]`
    let gate: LinearWeights
    /// `[d, size]`
    let output: LinearWeights
}

/// A branch that lets every layer look at what entered the stack.
struct PerLayerInput {
    let spec: PerLayerInputSpec
    let weights: PerLayerInputWeights

    /// - Parameters:
    ///   - entered: the stack's input, `[T, d]`
    ///   - normed: the tokens now, `[T, d]`
    ///   - gated: `[T, size]`
    func gate(_ entered: Matrix, _ normed: Matrix, own: Matrix, into gated: Matrix, _ piece: RowPiece) {
        piece.linear(weights.input, entered, into: own)
        let rows = Block(own[piece.rows])
        for row in piece.rows { scale(own.row(row), by: spec.factor, count: own.columns) }
        weights.inputNorm.apply(rows, into: rows)
        piece.linear(weights.gate, normed, into: gated) { part in
            for row in piece.rows {
                let x = gated.row(row) + part.lowerBound
                spec.activation.apply(gate: x, own.row(row) + part.lowerBound, into: x, count: part.count)
            }
        }
    }
}
