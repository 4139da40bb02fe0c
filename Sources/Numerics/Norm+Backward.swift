/// A normalisation whose gradient is wanted: `y = (x - mean) r weight + bias`, r = 1 / sqrt(mean square + epsilon), with or without the mean
/// taken away first.
package struct NormKernel {
    /// Whether the mean is taken away, as LayerNorm does and RMSNorm does not.
    package let isCentered: Bool
    /// `[d]`, or nil for 1
    package let weight: UnsafePointer<Float>?
    package let epsilon: Float

    package init(isCentered: Bool, weight: UnsafePointer<Float>?, epsilon: Float) {
        self.isCentered = isCentered
        self.weight = weight
        self.epsilon = epsilon
    }

    /// Values of room that ``backward(_:input:into:room:dWeight:dBias:)`` needs.
    package static func roomNeeded(columns: Int) -> Int { 2 * columns }

    /// With n = (x - mean) r and h = dy weight: `dx = r (h - n mean(h n) - mean(h))`, the last term where the mean was taken away;
    /// `dweight += sum over rows of dy n`, `dbias += sum over rows of dy`.
    ///
    /// - Parameters:
    ///   - dOutput: dy, `[n, d]`
    ///   - input: x of the forward pass, `[n, d]`
    ///   - dInput: dx, `[n, d]`; may be `dOutput`
    ///   - room: memory for ``roomNeeded(columns:)`` values
    ///   - dWeight, dBias: `[d]`; added to
    package func backward(
        _ dOutput: Block, input: Block, into dInput: Block, room: UnsafeMutablePointer<Float>,
        dWeight: UnsafeMutablePointer<Float>?, dBias: UnsafeMutablePointer<Float>?
    ) {
        precondition(input.rows == dOutput.rows && input.columns == dOutput.columns)
        precondition(input.rows == dInput.rows && input.columns == dInput.columns)
        let count = input.columns
        let (normed, h) = (room, room + count)
        for row in 0..<input.rows {
            let x = UnsafePointer(input.pointer + row * input.stride)
            let dy = dOutput.pointer + row * dOutput.stride
            let mean = isCentered ? sum(x, count: count) / Float(count) : 0
            map(x, into: normed, count: count) { $0 - mean }
            let r = 1 / (sumOfSquares(normed, count: count) / Float(count) + epsilon).squareRoot()
            scale(normed, by: r, count: count)
            if let dBias { add(dy, to: dBias, count: count) }
            if let dWeight {
                map(dy, normed, into: h, count: count) { $0 * $1 }
                add(h, to: dWeight, count: count)
            }
            if let weight {
                map(dy, weight, into: h, count: count) { $0 * $1 }
            } else {
                h.update(from: dy, count: count)
            }
            let pull = dot(h, normed, count: count) / Float(count)
            let shift = isCentered ? sum(h, count: count) / Float(count) : 0
            map(h, normed, into: dInput.pointer + row * dInput.stride, count: count) { ($0 - $1 * pull - shift) * r }
        }
    }
}
