import CastorNumerics

/// A normalisation and what it learned.
struct NormWeights: Sendable {
    let spec: NormSpec
    /// `[d]`, nil for 1; of ``NormSpec/Gain/onePlusWeight`` with the 1 added.
    let gain: Matrix?
    /// `[d]`
    let bias: Matrix?
    /// Of its tensors in the model's file, without `.weight` and `.bias`.
    var name = ""

    /// - Parameter output: may be `input`
    func apply(_ input: Block, into output: Block) {
        switch spec.kind {
        case .rms:
            if let gain {
                rmsNormRows(input, weight: gain.pointer, epsilon: spec.epsilon, into: output)
            } else {
                rmsNormRows(input, epsilon: spec.epsilon, into: output)
            }
            guard let bias else { return }
            for row in 0..<output.rows {
                add(bias.pointer, to: output.pointer + row * output.stride, count: output.columns)
            }
        case .layer:
            layerNormRows(input, weight: gain?.pointer, bias: bias?.pointer, epsilon: spec.epsilon, into: output)
        }
    }

    /// Each head of a token as a row of its own.
    ///
    /// - Parameter heads: `[n, heads * d]`
    func applyToHeads(_ heads: Block, count: Int) {
        for row in 0..<heads.rows {
            let values = heads.row(row, as: count)
            apply(values, into: values)
        }
    }
}
