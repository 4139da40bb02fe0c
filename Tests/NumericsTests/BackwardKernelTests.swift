import CastorNumerics
import Testing

/// The gradients' kernels against their plain versions, with lengths that are and are not multiples of eight.
@Suite struct BackwardKernelTests {
    private static let tolerance = 2e-6
    private static let lengths = [1, 7, 8, 9, 31, 64, 100]

    /// Numbers in -2...2 that do not repeat.
    private func values(_ count: Int, _ seed: Int) -> [Float] {
        (0..<count).map {
            Float((Double($0 * 7 + seed * 13 + 1) * 0.618_033_988_75).truncatingRemainder(dividingBy: 1)) * 4 - 2
        }
    }

    private func expectClose(_ found: [Float], _ expected: [Float], _ what: String) {
        let size = max(1, Double(expected.map { abs($0) }.max() ?? 0))
        for (index, (a, b)) in zip(found, expected).enumerated() {
            #expect(abs(Double(a) - Double(b)) <= Self.tolerance * size, "\(what)[\(index)]: \(a) for \(b)")
        }
    }

    @Test(arguments: lengths)
    func gelu(count: Int) {
        // Beyond +-10 the exponential in it leaves the range of f32.
        let x = Matrix(rows: 1, columns: count, values: values(count, 1).map { $0 * 8 })
        let gradient = Matrix(rows: 1, columns: count, values: values(count, 2))
        let expected = zip(gradient.values, x.values).map { $0 * Plain.geluDerivative($1) }
        geluBackward(x.pointer, gradient.pointer, count: count)
        expectClose(gradient.values, expected, "dx")
    }

    @Test(arguments: lengths)
    func softmax(count: Int) {
        let p = Matrix(
            rows: 2, columns: count, values: Plain.softmax(values(count, 3)) + Plain.softmax(values(count, 4)))
        let gradient = Matrix(rows: 2, columns: count, values: values(2 * count, 5))
        let expected = (0..<2).flatMap {
            Plain.softmaxBackward(p[$0..<$0 + 1].values, dy: gradient[$0..<$0 + 1].values)
        }
        softmaxRowsBackward(Block(p), Block(gradient))
        expectClose(gradient.values, expected, "dx")
    }

    @Test(arguments: lengths)
    func rmsNorm(count: Int) {
        let x = Matrix(rows: 3, columns: count, values: values(3 * count, 6))
        let dy = Matrix(rows: 3, columns: count, values: values(3 * count, 7))
        let weight = Matrix(rows: 1, columns: count, values: values(count, 8))
        let dx = Matrix(rows: 3, columns: count, values: values(3 * count, 9))
        let dWeight = Matrix(rows: 1, columns: count, values: values(count, 10))
        var (expected, expectedWeight) = (dx.values, dWeight.values)
        for row in 0..<3 {
            let plain = Plain.rmsNormBackward(
                x[row..<row + 1].values, weight: weight.values, epsilon: 1e-6, dy: dy[row..<row + 1].values)
            for column in 0..<count {
                expected[row * count + column] += plain.dx[column]
                expectedWeight[column] += plain.dWeight[column]
            }
        }
        rmsNormRowsBackward(
            Block(dy), input: Block(x), weight: weight.pointer, epsilon: 1e-6, into: Block(dx),
            dWeight: dWeight.pointer)
        // One value alone is its own norm: its gradient is a difference of equal numbers, divided by their size.
        if count > 1 { expectClose(dx.values, expected, "dx") }
        expectClose(dWeight.values, expectedWeight, "dweight")
    }

    @Test(arguments: lengths)
    func adamWSteps(count: Int) {
        let step = AdamWStep(
            rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.1, correction1: 0.19, correction2: 0.001_999,
            gradientScale: 0.5)
        let (p, m) = (
            Matrix(rows: 1, columns: count, values: values(count, 1)),
            Matrix(rows: 1, columns: count, values: values(count, 2))
        )
        let v = Matrix(rows: 1, columns: count, values: values(count, 3).map { $0 * $0 })
        let g = Matrix(rows: 1, columns: count, values: values(count, 4))
        let expected = (0..<count).map {
            Plain.adamW(p: p.values[$0], m: m.values[$0], v: v.values[$0], g: g.values[$0], step)
        }
        adamW(p.pointer, m.pointer, v.pointer, g.pointer, count: count, step)
        expectClose(p.values, expected.map(\.p), "p")
        expectClose(m.values, expected.map(\.m), "m")
        expectClose(v.values, expected.map(\.v), "v")
    }

    @Test(arguments: [(1, 5, 3), (40, 17, 33), (17, 40, 8)], [1, 2, 3])
    func dividedProducts(shape: (m: Int, n: Int, k: Int), threads: Int) {
        let pool = WorkerPool(threads: threads)
        let a = Matrix(rows: shape.m, columns: shape.k, values: values(shape.m * shape.k, 1))
        let b = Matrix(rows: shape.n, columns: shape.k, values: values(shape.n * shape.k, 2))
        let c = Matrix(rows: shape.m, columns: shape.n)
        pool.gemm(Block(a), .no, Block(b), .yes, into: Block(c))
        expectClose(c.values, Plain.multiply(a, b, transposed: true).values, "a b^T")
        // (a b^T)^T a = b a^T a
        let left = Matrix(rows: shape.n, columns: shape.k)
        pool.gemm(Block(c), .yes, Block(a), .no, into: Block(left))
        let square = Matrix(rows: shape.k, columns: shape.k)
        pool.gemm(Block(a), .yes, Block(a), .no, into: Block(square))
        expectClose(left.values, Plain.multiply(b, square, transposed: false).values, "c^T a")
    }

    @Test(arguments: lengths)
    func sums(count: Int) {
        let (x, y) = (values(count, 1), values(count, 2))
        let (a, b) = (Matrix(rows: 1, columns: count, values: x), Matrix(rows: 1, columns: count, values: y))
        let product = zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        expectClose([dot(a.pointer, b.pointer, count: count)], [Float(product)], "dot")
        add(a.pointer, times: 0.5, to: b.pointer, count: count)
        expectClose(b.values, zip(x, y).map { $0 * 0.5 + $1 }, "y + x / 2")
        moveToward(a.pointer, by: 0.25, b.pointer, count: count)
        expectClose(b.values, zip(x, y).map { ($0 * 0.5 + $1) * 0.75 + $0 * 0.25 }, "average")
    }
}
