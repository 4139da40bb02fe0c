/// tanh x as 1 - 2 / (e^(2x) + 1), absolute error below 2e-7.
@inline(__always)
package func tanh(_ x: Lanes) -> Lanes {
    1 - 2 / (exp(x * 2) + 1)
}

/// 1 / (1 + e^-x).
@inline(__always)
package func sigmoid(_ x: Lanes) -> Lanes {
    1 / (exp(-x) + 1)
}

/// x sigmoid(x).
@inline(__always)
package func silu(_ x: Lanes) -> Lanes {
    x / (exp(-x) + 1)
}

/// x sigmoid(1.702 x), the GELU of CLIP.
@inline(__always)
package func quickGELU(_ x: Lanes) -> Lanes {
    x / (exp(x * -1.702) + 1)
}

/// x Phi(x), Phi by the error function: absolute error below 1.5e-7 |x|.
///
/// erf by formula 7.1.26 of Abramowitz and Stegun, Handbook of Mathematical Functions.
@inline(__always)
package func exactGELU(_ x: Lanes) -> Lanes {
    // e^-(z^2) with z = |x| / sqrt 2, and t = 1 / (1 + p z).
    let z = x.replacing(with: -x, where: x .< 0) * 0.707_106_78
    let t = 1 / (z * 0.327_591_1 + 1)
    var p = t * 1.061_405_4 - 1.453_152
    p = p * t + 1.421_413_8
    p = p * t - 0.284_496_74
    p = p * t + 0.254_829_6
    // Half the tail beyond z; of a negative x the tail is all that remains.
    let tail = p * t * exp(-(z * z)) * 0.5
    return x * (1 - tail).replacing(with: tail, where: x .< 0)
}

/// `output = function(input)` of `count` values; `output` may be `input`.
@inline(__always)
package func map(
    _ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, count: Int, _ function: (Lanes) -> Lanes
) {
    var index = 0
    while index + 8 <= count {
        function(Lanes(load: input + index)).store(output + index)
        index += 8
    }
    while index < count {
        output[index] = function(Lanes(repeating: input[index]))[0]
        index += 1
    }
}

/// `output = function(a, b)` of `count` values; `output` may be either.
@inline(__always)
package func map(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, count: Int,
    _ function: (Lanes, Lanes) -> Lanes
) {
    var index = 0
    while index + 8 <= count {
        function(Lanes(load: a + index), Lanes(load: b + index)).store(output + index)
        index += 8
    }
    while index < count {
        output[index] = function(Lanes(repeating: a[index]), Lanes(repeating: b[index]))[0]
        index += 1
    }
}

/// Every value cut to `bounds`; `output` may be the input.
package func clamp(
    _ input: UnsafePointer<Float>, to bounds: ClosedRange<Float>, into output: UnsafeMutablePointer<Float>, count: Int
) {
    let low = Lanes(repeating: bounds.lowerBound)
    let high = Lanes(repeating: bounds.upperBound)
    map(input, into: output, count: count) { x in
        let raised = x.replacing(with: low, where: x .< low)
        return raised.replacing(with: high, where: raised .> high)
    }
}
