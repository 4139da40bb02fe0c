/// int8 to f32: `output = input * scale`.
package func convertInt8(
    _ input: UnsafeRawPointer, scale: Float, into output: UnsafeMutablePointer<Float>, count: Int
) {
    let values = input.assumingMemoryBound(to: Int8.self)
    for index in 0..<count { output[index] = Float(values[index]) * scale }
}

/// A row of values in eight bits each: the nearest multiples of 1/127 of the largest magnitude.
///
/// - Returns: the scale, by which ``convertInt8(_:scale:into:count:)`` gives the values back
/// - Precondition: all values are finite
package func roundToInt8(
    _ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Int8>, count: Int
) -> Float {
    var largest: Float = 0
    for index in 0..<count { largest = max(largest, abs(input[index])) }
    // Below the smallest normal number a scale is too coarse; such values are none.
    guard largest / 127 >= .leastNormalMagnitude else {
        output.update(repeating: 0, count: count)
        return 0
    }
    for index in 0..<count { output[index] = Int8((input[index] / largest * 127).rounded(.toNearestOrEven)) }
    let scale = largest / 127
    // Of the largest numbers, a scale that was rounded up would give infinity.
    return (scale * 127).isFinite ? scale : scale.nextDown
}
