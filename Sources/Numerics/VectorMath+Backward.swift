/// Derivative of ``gelu(_:)-(Lanes)``. With s = 1 / (1 + e^(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3):
/// `s + x s (1 - s) 2u'`.
@inline(__always)
package func geluDerivative(_ x: Lanes) -> Lanes {
    let square = x * x
    let e = exp(x * (square * -0.071_354_82 + -1.595_769_12))
    let s = 1 / (e + 1)
    // e s is 1 - s without cancellation.
    return s + x * s * (e * s) * (square * 0.214_064_46 + 1.595_769_12)
}

/// `gradient *= GELU'(input)` for `count` values.
package func geluBackward(_ input: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>, count: Int) {
    var index = 0
    while index + 8 <= count {
        (Lanes(load: gradient + index) * geluDerivative(Lanes(load: input + index))).store(gradient + index)
        index += 8
    }
    while index < count {
        gradient[index] *= geluDerivative(Lanes(repeating: input[index]))[0]
        index += 1
    }
}
