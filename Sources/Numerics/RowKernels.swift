private import CKernels
import Glibc

/// softmax of each row of `block`, in place. Rows may be longer than any SIMD width; every value must be finite.
package func softmaxRows(_ block: Block) {
    for row in 0..<block.rows {
        softmax(block.pointer + row * block.stride, count: block.columns)
    }
}

private func softmax(_ x: UnsafeMutablePointer<Float>, count: Int) {
    guard count > 0 else { return }
    let sum = exponentialsInPlace(x, minus: largest(x, count: count), count: count)
    scale(x, by: 1 / sum, count: count)
}

/// The largest of `count` values, one or more.
func largest(_ x: UnsafePointer<Float>, count: Int) -> Float {
    let whole = count & ~7
    var largest = x[count - 1]
    if whole > 0 {
        var lanes = Lanes(load: x)
        var index = 8
        while index < whole {
            let next = Lanes(load: x + index)
            lanes.replace(with: next, where: lanes .< next)
            index += 8
        }
        largest = lanes.largest
    }
    for index in whole..<count where x[index] > largest { largest = x[index] }
    return largest
}

/// x = e^(x - shift), of `count` values; returns their sum. Every processor gives the same bits.
///
/// - Parameter kernel: ``RowKernel/best`` or less
package func exponentialsInPlace(
    _ x: UnsafeMutablePointer<Float>, minus shift: Float, count: Int, kernel: RowKernel? = .best
) -> Float {
    let whole = count & ~7
    var index = 0
    var sum: Float
    switch kernel {
    case .avx512:
        sum = castor_exponentials_avx512(x, shift, whole)
        index = whole
    case .avx2:
        sum = castor_exponentials_avx2(x, shift, whole)
        index = whole
    case nil:
        var sums = Lanes.zero
        while index < whole {
            let e = exp(Lanes(load: x + index) - shift)
            e.store(x + index)
            sums += e
            index += 8
        }
        sum = sums.total
    }
    while index < count {
        x[index] = exp(Lanes(repeating: x[index] - shift))[0]
        sum += x[index]
        index += 1
    }
    return sum
}

/// x *= factor.
package func scale(_ x: UnsafeMutablePointer<Float>, by factor: Float, count: Int) {
    var index = 0
    while index + 8 <= count {
        (Lanes(load: x + index) * factor).store(x + index)
        index += 8
    }
    while index < count {
        x[index] *= factor
        index += 1
    }
}

/// y += x.
package func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int) {
    var index = 0
    while index + 8 <= count {
        (Lanes(load: y + index) + Lanes(load: x + index)).store(y + index)
        index += 8
    }
    while index < count {
        y[index] += x[index]
        index += 1
    }
}

/// Sum of squares of `count` values, in f32 with eight partial sums.
package func sumOfSquares(_ x: UnsafePointer<Float>, count: Int) -> Float {
    var sums = Lanes.zero
    var index = 0
    while index + 8 <= count {
        let lanes = Lanes(load: x + index)
        sums += lanes * lanes
        index += 8
    }
    var sum = sums.total
    while index < count {
        sum += x[index] * x[index]
        index += 1
    }
    return sum
}

/// RMSNorm of each row: `output = x / sqrt(mean(x^2) + epsilon) * weight`.
///
/// - Parameters:
///   - input: `[n, d]`
///   - weight: `[d]`
///   - output: `[n, d]`; may be `input`.
package func rmsNormRows(_ input: Block, weight: UnsafePointer<Float>, epsilon: Float, into output: Block) {
    precondition(input.rows == output.rows && input.columns == output.columns)
    let count = input.columns
    for row in 0..<input.rows {
        let x = input.pointer + row * input.stride
        let y = output.pointer + row * output.stride
        let inverse = 1 / (sumOfSquares(x, count: count) / Float(count) + epsilon).squareRoot()
        var index = 0
        while index + 8 <= count {
            // In two steps: Swift 6.2 cannot type all three factors at once.
            let normal = Lanes(load: x + index) * inverse
            (normal * Lanes(load: weight + index)).store(y + index)
            index += 8
        }
        while index < count {
            y[index] = x[index] * inverse * weight[index]
            index += 1
        }
    }
}

/// Whether every value is finite. The exponent bits are tested eight at a time.
package func allFinite(_ x: UnsafePointer<Float>, count: Int) -> Bool {
    let exponent = SIMD8<UInt32>(repeating: 0x7f80_0000)
    var bad = SIMD8<UInt32>.zero
    var index = 0
    while index + 8 <= count {
        let bits = unsafeBitCast(Lanes(load: x + index), to: SIMD8<UInt32>.self) & exponent
        bad.replace(with: 1, where: bits .== exponent)
        index += 8
    }
    if bad != .zero { return false }
    while index < count {
        if !x[index].isFinite { return false }
        index += 1
    }
    return true
}

/// Mean of the rows, summed in pieces of 64: 8,192 like rows added one by one would lose four digits.
///
/// - Parameters:
///   - input: `[n, d]`, n > 0
///   - partial: room for `[d]`
///   - mean: `[d]`
package func meanOfRows(_ input: Block, partial: UnsafeMutablePointer<Float>, into mean: UnsafeMutablePointer<Float>) {
    let (count, d) = (input.rows, input.columns)
    mean.update(repeating: 0, count: d)
    for start in stride(from: 0, to: count, by: 64) {
        partial.update(repeating: 0, count: d)
        for row in start..<min(start + 64, count) { add(input.pointer + row * input.stride, to: partial, count: d) }
        add(partial, to: mean, count: d)
    }
    scale(mean, by: 1 / Float(count), count: d)
}

/// RMSNorm without a weight.
package func rmsNormRows(_ input: Block, epsilon: Float, into output: Block) {
    precondition(input.rows == output.rows && input.columns == output.columns)
    for row in 0..<input.rows {
        let x = input.pointer + row * input.stride
        let inverse = 1 / (sumOfSquares(x, count: input.columns) / Float(input.columns) + epsilon).squareRoot()
        map(x, into: output.pointer + row * output.stride, count: input.columns) { $0 * inverse }
    }
}
