import CastorNumerics

extension Activation {
    /// `gradient *= activation'(input)`
    func backward(_ input: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>, count: Int) {
        switch self {
        case .geluTanh: map(gradient, input, into: gradient, count: count) { $0 * geluDerivative($1) }
        case .gelu: map(gradient, input, into: gradient, count: count) { $0 * exactGELUDerivative($1) }
        case .quickGelu: map(gradient, input, into: gradient, count: count) { $0 * quickGELUDerivative($1) }
        case .silu: map(gradient, input, into: gradient, count: count) { $0 * siluDerivative($1) }
        case .relu: map(gradient, input, into: gradient, count: count) { $0 * reluDerivative($1) }
        }
    }
}

extension FeedForward {
    /// Gradient of ``rise(_:into:hidden:_:)`` and of the last product: from `dY`, `[T, d]`, to that of what was read, `[T, d]`.
    ///
    /// With a gate g and what it gates u, `h = a(g) u`: `dg = dh u a'(g)`, `du = dh a(g)`.
    ///
    /// - Parameters:
    ///   - normed: what the first product read
    ///   - up: what it gave
    ///   - hidden: what the last one read
    func backward(
        _ dY: Block, _ normed: Matrix, up: Matrix, hidden: Matrix, into dNormed: Matrix, _ backward: Backward,
        _ memory: StackMemory
    ) {
        let count = spec.hidden
        let dHidden = memory.take(.dHidden, rows: hidden.rows, columns: count)
        backward.linear(weights.down, dY, Block(hidden), into: Block(dHidden))
        let dUp = spec.gated ? memory.take(.dUp, rows: up.rows, columns: up.columns) : dHidden
        backward.eachRows(up.rows) { rows, _, _ in
            for row in rows {
                let (x, dh) = (up.row(row), dHidden.row(row))
                guard spec.gated else {
                    spec.activation.backward(x, dh, count: count)
                    continue
                }
                let (dGate, dValue) = (dUp.row(row), dUp.row(row) + count)
                spec.activation.apply(x, into: dValue, count: count)
                map(dValue, dh, into: dValue, count: count) { $0 * $1 }
                map(dh, x + count, into: dGate, count: count) { $0 * $1 }
                spec.activation.backward(x, dGate, count: count)
            }
        }
        backward.linear(weights.up, Block(dUp), Block(normed), into: Block(dNormed))
    }
}
