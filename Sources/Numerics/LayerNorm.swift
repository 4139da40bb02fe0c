/// LayerNorm of each row: `output = (x - mean) / sqrt(variance + epsilon) * weight + bias` (J. L. Ba et al., arXiv 1607.06450).
///
/// - Parameters:
///   - input: `[n, d]`
///   - weight: `[d]`, or nil for 1
///   - bias: `[d]`, or nil for 0
///   - output: `[n, d]`; may be `input`
package func layerNormRows(
    _ input: Block, weight: UnsafePointer<Float>?, bias: UnsafePointer<Float>?, epsilon: Float, into output: Block
) {
    precondition(input.rows == output.rows && input.columns == output.columns)
    let count = input.columns
    for row in 0..<input.rows {
        let x = input.pointer + row * input.stride
        let y = output.pointer + row * output.stride
        let mean = sum(x, count: count) / Float(count)
        // Around the mean: the difference of two large sums would lose digits.
        map(x, into: y, count: count) { $0 - mean }
        let inverse = 1 / (sumOfSquares(y, count: count) / Float(count) + epsilon).squareRoot()
        scale(y, by: inverse, count: count)
        if let weight { map(y, weight, into: y, count: count) { $0 * $1 } }
        if let bias { add(bias, to: y, count: count) }
    }
}

/// Sum of `count` values, with eight partial sums.
package func sum(_ x: UnsafePointer<Float>, count: Int) -> Float {
    var sums = Lanes.zero
    var index = 0
    while index + 8 <= count {
        sums += Lanes(load: x + index)
        index += 8
    }
    var sum = sums.total
    while index < count {
        sum += x[index]
        index += 1
    }
    return sum
}
