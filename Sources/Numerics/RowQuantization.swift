private import CKernels

/// Values of a row in eight bits that have a scale in common; the last of a row may be fewer.
package let int8GroupSize = CASTOR_ROWS_GROUP

/// Scales of a row of `count` values in eight bits.
package func int8Groups(_ count: Int) -> Int { (count + int8GroupSize - 1) / int8GroupSize }

/// A row of int8 to f32: each value times the scale of its group.
///
/// - Parameter scales: ``int8Groups(_:)`` f32 at any address
package func convertInt8(
    _ input: UnsafeRawPointer, scales: UnsafeRawPointer, into output: UnsafeMutablePointer<Float>, count: Int
) {
    let values = input.assumingMemoryBound(to: Int8.self)
    for group in 0..<int8Groups(count) {
        let scale = scales.loadUnaligned(fromByteOffset: 4 * group, as: Float.self)
        for index in group * int8GroupSize..<min((group + 1) * int8GroupSize, count) {
            output[index] = Float(values[index]) * scale
        }
    }
}

/// A row of values in eight bits each: the nearest multiples of 1/127 of the largest magnitude of their group.
///
/// - Parameters:
///   - output: `count` values
///   - scales: ``int8Groups(_:)`` of them, by which ``convertInt8(_:scales:into:count:)`` gives the values back
/// - Precondition: all values are finite
package func roundToInt8(
    _ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Int8>, scales: UnsafeMutablePointer<Float>,
    count: Int
) {
    for group in 0..<int8Groups(count) {
        let start = group * int8GroupSize
        scales[group] = roundToInt8(input + start, into: output + start, count: min(int8GroupSize, count - start))
    }
}

/// The same with one scale for all, which it returns.
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
