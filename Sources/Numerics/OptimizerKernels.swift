/// The numbers of one AdamW step that are the same for every value of a tensor. In f64, as PyTorch has them.
package struct AdamWStep: Sendable {
    /// Learning rate of this tensor.
    package var rate: Double
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    /// Share of a parameter that decays at rate 1, decoupled from the gradient.
    package var decay: Double
    /// 1 - beta1^t
    package var correction1: Double
    /// 1 - beta2^t
    package var correction2: Double
    /// Factor of every gradient, below 1 when the global norm is clipped.
    package var gradientScale: Double

    package init(
        rate: Double, beta1: Double, beta2: Double, epsilon: Double, decay: Double, correction1: Double,
        correction2: Double, gradientScale: Double
    ) {
        self.rate = rate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.decay = decay
        self.correction1 = correction1
        self.correction2 = correction2
        self.gradientScale = gradientScale
    }
}

/// One AdamW step (arXiv 1711.05101, in PyTorch's order of operations):
///
///     p -= rate decay p;  m += (1 - beta1)(g - m);  v = beta2 v + (1 - beta2) g^2
///     p -= rate / correction1 * m / (sqrt(v) / sqrt(correction2) + epsilon)
///
/// - Parameters: `p`, `m`, `v`, `g` have `count` values; the first three change.
package func adamW(
    _ p: UnsafeMutablePointer<Float>, _ m: UnsafeMutablePointer<Float>, _ v: UnsafeMutablePointer<Float>,
    _ g: UnsafePointer<Float>, count: Int, _ step: AdamWStep
) {
    // Rounded once, after the subtraction: 1 - 0.999 in f32 is wrong by 1.3e-5.
    let keep = Float(1 - step.rate * step.decay)
    let (gain1, gain2, beta2) = (Float(1 - step.beta1), Float(1 - step.beta2), Float(step.beta2))
    let size = Float(step.rate / step.correction1)
    let inverseRoot = Float(1 / step.correction2.squareRoot())
    let (epsilon, gradientScale) = (Float(step.epsilon), Float(step.gradientScale))
    var index = 0
    while index + 8 <= count {
        let gradient = Lanes(load: g + index) * gradientScale
        var first = Lanes(load: m + index)
        first += (gradient - first) * gain1
        let second = Lanes(load: v + index) * beta2 + gradient * gradient * gain2
        let denominator = second.squareRoot() * inverseRoot + epsilon
        (Lanes(load: p + index) * keep - first / denominator * size).store(p + index)
        first.store(m + index)
        second.store(v + index)
        index += 8
    }
    while index < count {
        let gradient = g[index] * gradientScale
        m[index] += (gradient - m[index]) * gain1
        v[index] = v[index] * beta2 + gradient * gradient * gain2
        let denominator = v[index].squareRoot() * inverseRoot + epsilon
        p[index] = p[index] * keep - m[index] / denominator * size
        index += 1
    }
}

/// y += factor (x - y): an exponential moving average of x.
package func moveToward(
    _ x: UnsafePointer<Float>, by factor: Float, _ y: UnsafeMutablePointer<Float>, count: Int
) {
    var index = 0
    while index + 8 <= count {
        let old = Lanes(load: y + index)
        (old + (Lanes(load: x + index) - old) * factor).store(y + index)
        index += 8
    }
    while index < count {
        y[index] += (x[index] - y[index]) * factor
        index += 1
    }
}

/// Sum of squares of `count` values in double precision.
package func preciseSumOfSquares(_ x: UnsafePointer<Float>, count: Int) -> Double {
    // Runs of 1,024 values in f32, whose sums are exact to about 1e-6, added in f64.
    var sum = 0.0
    var start = 0
    while start < count {
        let run = min(1_024, count - start)
        sum += Double(sumOfSquares(x + start, count: run))
        start += run
    }
    return sum
}
