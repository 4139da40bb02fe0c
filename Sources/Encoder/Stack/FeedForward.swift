import CastorNumerics

struct FeedForwardWeights: Sendable {
    /// `[hidden, d]`, or of a gate and what it gates, `[2 hidden, d]`
    let up: LinearWeights
    /// `[d, hidden]`
    let down: LinearWeights
}

extension Activation {
    /// `output = activation(input)`; `output` may be `input`.
    func apply(_ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, count: Int) {
        switch self {
        case .geluTanh: map(input, into: output, count: count) { CastorNumerics.gelu($0) }
        case .gelu: map(input, into: output, count: count) { exactGELU($0) }
        case .quickGelu: map(input, into: output, count: count) { quickGELU($0) }
        case .silu: map(input, into: output, count: count) { CastorNumerics.silu($0) }
        case .relu: map(input, into: output, count: count) { $0.replacing(with: 0, where: $0 .< 0) }
        }
    }

    /// `output = activation(gate) * value`; `output` may be either.
    func apply(
        gate: UnsafePointer<Float>, _ value: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, count: Int
    ) {
        switch self {
        case .geluTanh: map(gate, value, into: output, count: count) { CastorNumerics.gelu($0) * $1 }
        case .gelu: map(gate, value, into: output, count: count) { exactGELU($0) * $1 }
        case .quickGelu: map(gate, value, into: output, count: count) { quickGELU($0) * $1 }
        case .silu: map(gate, value, into: output, count: count) { CastorNumerics.silu($0) * $1 }
        case .relu: map(gate, value, into: output, count: count) { $0.replacing(with: 0, where: $0 .< 0) * $1 }
        }
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
