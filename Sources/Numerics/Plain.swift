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
}
