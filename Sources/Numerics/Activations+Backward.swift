/// Derivative of ``exactGELU(_:)``: `Phi(x) + x phi(x)`, phi the density of the normal distribution.
@inline(__always)
package func exactGELUDerivative(_ x: Lanes) -> Lanes {
    let magnitude = x.replacing(with: -x, where: x .< 0)
    let z = magnitude * 0.707_106_78
    let t = 1 / (z * 0.327_591_1 + 1)
    var p = t * 1.061_405_4 - 1.453_152
    p = p * t + 1.421_413_8
    p = p * t - 0.284_496_74
    p = p * t + 0.254_829_6
    let e = exp(-(z * z))
    let tail = p * t * e * 0.5
    // 0.39894228 is 1 / sqrt(2 pi).
    return (1 - tail).replacing(with: tail, where: x .< 0) + x * e * 0.398_942_28
}

/// Derivative of ``silu(_:)``: `s + x s (1 - s)`, s the sigmoid of x.
@inline(__always)
package func siluDerivative(_ x: Lanes) -> Lanes {
    let e = exp(-x)
    let s = 1 / (e + 1)
    // e s is 1 - s without cancellation.
    return s + x * s * (e * s)
}

/// Derivative of ``quickGELU(_:)``: `s + 1.702 x s (1 - s)`, s the sigmoid of 1.702 x.
@inline(__always)
package func quickGELUDerivative(_ x: Lanes) -> Lanes {
    let e = exp(x * -1.702)
    let s = 1 / (e + 1)
    return s + x * 1.702 * s * (e * s)
}

/// 1 where x is positive, else 0; PyTorch has 0 at 0, too.
@inline(__always)
package func reluDerivative(_ x: Lanes) -> Lanes {
    Lanes.zero.replacing(with: 1, where: x .> 0)
}
