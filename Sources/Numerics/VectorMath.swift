/// Eight f32 lanes: one AVX2 register, two SSE or NEON ones.
package typealias Lanes = SIMD8<Float>

extension Lanes {
    @inline(__always)
    package init(load pointer: UnsafePointer<Float>) {
        self = UnsafeRawPointer(pointer).loadUnaligned(as: Lanes.self)
    }

    @inline(__always)
    package func store(_ pointer: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: self, as: Lanes.self)
    }

    /// Sum over the lanes in a fixed order.
    @inline(__always)
    package var total: Float {
        let four = lowHalf + highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }

    @inline(__always)
    package var largest: Float {
        // `pointwiseMax` is not vectorised by the compiler, `replacing` is.
        let four = lowHalf.replacing(with: highHalf, where: lowHalf .< highHalf)
        let two = four.lowHalf.replacing(with: four.highHalf, where: four.lowHalf .< four.highHalf)
        return two.x < two.y ? two.y : two.x
    }
}

/// e^x, relative error below 2e-7 for x in -87.3...88.3; results outside are clamped to that range's ends.
///
/// Cody and Waite's reduction x = n ln 2 + r, |r| <= ln 2 / 2, and a polynomial of degree 6 for e^r (the coefficients are those of
/// Cephes' expf). Only operations that the compiler vectorises: rounding is done by adding 1.5 * 2^23.
@inline(__always)
package func exp(_ input: Lanes) -> Lanes {
    var x = input
    x.replace(with: 88.3, where: x .> 88.3)
    x.replace(with: -87.3, where: x .< -87.3)
    let magic = Lanes(repeating: 12_582_912)
    let shifted = x * 1.442_695_04 + magic
    let n = shifted - magic
    let r = (x - n * 0.693_359_375) + n * 2.121_944_4e-4
    var p = r * 1.987_569_2e-4 + 1.398_199_95e-3
    p = p * r + 8.333_452e-3
    p = p * r + 4.166_579_6e-2
    p = p * r + 1.666_666_5e-1
    p = p * r + 5.000_000_1e-1
    p = p * (r * r) + r + 1
    // The low bits of `shifted` hold n; moved to the exponent field they are the factor 2^n.
    let bits = unsafeBitCast(shifted, to: SIMD8<UInt32>.self) &+ 127
    return p * unsafeBitCast(bits &<< 23, to: Lanes.self)
}

/// `output` = e^(factor (x - shift)), of `count` values; `output` may be the input.
package func exponentials(
    _ input: UnsafePointer<Float>, minus shift: Float, times factor: Float = 1,
    into output: UnsafeMutablePointer<Float>, count: Int
) {
    let whole = count & ~7
    for index in stride(from: 0, to: whole, by: 8) {
        exp((Lanes(load: input + index) - shift) * factor).store(output + index)
    }
    for index in whole..<count { output[index] = exp(Lanes(repeating: (input[index] - shift) * factor))[0] }
}

/// GELU, tanh form: x / (1 + e^(-2 sqrt(2/pi) (x + 0.044715 x^3))).
@inline(__always)
package func gelu(_ x: Lanes) -> Lanes {
    let u = x * (x * x * -0.071_354_82 + -1.595_769_12)
    return x / (exp(u) + 1)
}
