import CastorNumerics

struct FeedForwardWeights: Sendable {
    /// `[hidden, d]`, or of a gate and what it gates, `[2 hidden, d]`
    let up: LinearWeights
    /// `[d, hidden]`
    let down: LinearWeights
}

extension Activation {
    /// nil for what is as fast without a function of its own.
    private var function: ActivationFunction? {
        switch self {
        case .geluTanh: .geluTanh
        case .gelu: .gelu
        case .quickGelu: .quickGELU
        case .silu: .silu
        case .relu: nil
        }
    }

    /// `output = activation(input)`; `output` may be `input`.
    func apply(_ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, count: Int) {
        if let function { return activate(function, input, into: output, count: count) }
        map(input, into: output, count: count) { $0.replacing(with: 0, where: $0 .< 0) }
    }

    /// `output = activation(gate) * value`; `output` may be either.
    func apply(
        gate: UnsafePointer<Float>, _ value: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, count: Int
    ) {
        if let function { return activate(function, gate, times: value, into: output, count: count) }
        map(gate, value, into: output, count: count) { $0.replacing(with: 0, where: $0 .< 0) * $1 }
    }
}

/// The MLP of one branch.
struct FeedForward {
    let spec: FeedForwardSpec
    let weights: FeedForwardWeights

    /// From normed tokens to the hidden values, the first `hidden` columns of `up`, `[T, hidden or 2 hidden]`.
    func rise(_ normed: Matrix, into up: Matrix, hidden: Matrix, _ piece: RowPiece) {
        piece.linear(weights.up, normed, into: up, ranges: spec.gated ? 2 : 1) { part in
            for row in piece.rows {
                let x = up.row(row) + part.lowerBound
                let y = hidden.row(row) + part.lowerBound
                if spec.gated {
                    spec.activation.apply(gate: x, x + spec.hidden, into: y, count: part.count)
                } else {
                    spec.activation.apply(x, into: y, count: part.count)
                }
            }
        }
    }
}
