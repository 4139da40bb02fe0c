import Glibc

/// The kernels written the obvious way, in double precision: what the tests compare the fast ones with.
package enum Plain {
    /// C = A op(B): A `[m, k]`, B `[k, n]` or, transposed, `[n, k]`.
    package static func multiply(_ a: Matrix, _ b: Matrix, transposed: Bool) -> Matrix {
        let n = transposed ? b.rows : b.columns
        let c = Matrix(rows: a.rows, columns: n)
        for i in 0..<a.rows {
            for j in 0..<n {
                var sum = 0.0
                for k in 0..<a.columns {
                    sum += Double(a.row(i)[k]) * Double(transposed ? b.row(j)[k] : b.row(k)[j])
                }
                c.row(i)[j] = Float(sum)
            }
        }
        return c
    }

    package static func exp(_ x: Double) -> Double { Glibc.exp(x) }

    package static func gelu(_ x: Float) -> Float {
        let x = Double(x)
        return Float(0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))))
    }

    package static func softmax(_ x: [Float]) -> [Float] {
        let largest = Double(x.max() ?? 0)
        let exponentials = x.map { Glibc.exp(Double($0) - largest) }
        let sum = exponentials.reduce(0, +)
        return exponentials.map { Float($0 / sum) }
    }

    package static func rmsNorm(_ x: [Float], weight: [Float], epsilon: Double) -> [Float] {
        let mean = x.reduce(0) { $0 + Double($1) * Double($1) } / Double(x.count)
        return zip(x, weight).map { Float(Double($0) / (mean + epsilon).squareRoot() * Double($1)) }
    }

    /// GELU'(x).
    package static func geluDerivative(_ x: Float) -> Float {
        let (x, c) = (Double(x), (2 / Double.pi).squareRoot())
        let t = tanh(c * (x + 0.044715 * x * x * x))
        return Float(0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x))
    }

    /// dx of y = softmax(x) for dy, through the whole Jacobian.
    package static func softmaxBackward(_ y: [Float], dy: [Float]) -> [Float] {
        y.indices.map { j in
            Float(
                y.indices.reduce(0.0) { sum, i in
                    sum + Double(dy[i]) * Double(y[i]) * ((i == j ? 1 : 0) - Double(y[j]))
                })
        }
    }

    /// dx and dweight of y = RMSNorm(x; weight) for dy, through the whole Jacobian.
    package static func rmsNormBackward(
        _ x: [Float], weight: [Float], epsilon: Double, dy: [Float]
    ) -> (dx: [Float], dWeight: [Float]) {
        let mean = x.reduce(0) { $0 + Double($1) * Double($1) } / Double(x.count)
        let r = 1 / (mean + epsilon).squareRoot()
        let dx = x.indices.map { j in
            Float(
                x.indices.reduce(0.0) { sum, i in
                    let own = i == j ? r : 0
                    let shared = Double(x[i]) * Double(x[j]) * r * r * r / Double(x.count)
                    return sum + Double(dy[i]) * Double(weight[i]) * (own - shared)
                })
        }
        return (dx, x.indices.map { Float(Double(dy[$0]) * Double(x[$0]) * r) })
    }

    /// One AdamW step of one value: the new p, m and v.
    package static func adamW(
        p: Float, m: Float, v: Float, g: Float, _ step: AdamWStep
    ) -> (p: Float, m: Float, v: Float) {
        let g = Double(g) * step.gradientScale
        let m = step.beta1 * Double(m) + (1 - step.beta1) * g
        let v = step.beta2 * Double(v) + (1 - step.beta2) * g * g
        let decayed = Double(p) * (1 - step.rate * step.decay)
        let denominator = (v / step.correction2).squareRoot() + step.epsilon
        let p = decayed - step.rate * m / step.correction1 / denominator
        return (Float(p), Float(m), Float(v))
    }
}
