import CastorNumerics
import TestSupport
import Testing

/// Products whose factors are rounded to bfloat16, where the processor can; elsewhere there is nothing to test but that it says so.
@Suite struct BFloat16Tests {
    static let isAvailable = ProductPrecision.bfloat16.isAvailable
    /// Around the kernel's tiles (8 x 48), its blocks (512 rows, 3,072 columns, 256 deep) and odd depths.
    static let shapes = [
        [1, 1, 1], [8, 48, 2], [7, 47, 33], [9, 49, 31], [100, 100, 100], [513, 50, 257], [65, 385, 511],
        [3, 3_100, 40],
        [520, 96, 300],
    ]

    /// To nearest, ties to even: 16 bits of mantissa fall away.
    private func rounded(_ x: Float) -> Float {
        let bits = x.bitPattern
        return Float(bitPattern: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) & 0xffff_0000)
    }

    private func transposed(_ x: Matrix) -> Matrix {
        let result = Matrix(rows: x.columns, columns: x.rows)
        for row in 0..<x.rows { for column in 0..<x.columns { result.row(column)[row] = x.row(row)[column] } }
        return result
    }

    @Test(.enabled(if: isAvailable), arguments: shapes) func equalsTheProductOfRoundedFactors(shape: [Int]) {
        let (m, n, k) = (shape[0], shape[1], shape[2])
        var random = SeededRandom(seed: 7)
        let a = Matrix(rows: m, columns: k, values: random.floats(m * k, in: -1...1))
        let b = Matrix(rows: k, columns: n, values: random.floats(k * n, in: -1...1))
        let before = Matrix(rows: m, columns: n, values: random.floats(m * n, in: -1...1))
        let product = Plain.multiply(
            Matrix(rows: m, columns: k, values: a.values.map(rounded)),
            Matrix(rows: k, columns: n, values: b.values.map(rounded)), transposed: false)
        let (aT, bT) = (transposed(a), transposed(b))
        for (left, transposeLeft) in [(a, Transpose.no), (aT, .yes)] {
            for (right, transposeRight) in [(b, Transpose.no), (bT, .yes)] {
                // A rectangle of a wider matrix: what lies beside it must not change.
                let wide = Matrix(rows: m + 1, columns: n + 3)
                wide.fill(7)
                let c = Block(wide, rows: 0..<m, columns: 2..<n + 2)
                for row in 0..<m { (wide.row(row) + 2).update(from: before.row(row), count: n) }
                gemm(
                    Block(left), transposeLeft, Block(right), transposeRight, into: c, alpha: 2, beta: 0.5,
                    precision: .bfloat16)
                let expected = zip(product.values, before.values).map { 2 * $0 + 0.5 * $1 }
                let found = (0..<m).flatMap { row in (0..<n).map { wide.row(row)[$0 + 2] } }
                expectClose(
                    found, expected, Tolerance("order of sums", 5e-5), "\(shape) \(transposeLeft) \(transposeRight)")
                let outside = (0..<m).flatMap { [wide.row($0)[0], wide.row($0)[1], wide.row($0)[n + 2]] }
                #expect((outside + wide.values.suffix(n + 3)).allSatisfy { $0 == 7 })
            }
        }
    }

    /// Nothing is read of C without beta: memory there may hold anything.
    @Test(.enabled(if: isAvailable)) func betaZeroDoesNotReadTheResult() {
        let (a, b) = (Matrix(rows: 9, columns: 4), Matrix(rows: 4, columns: 50))
        let c = Matrix(rows: 9, columns: 50)
        c.fill(.nan)
        gemm(Block(a), .no, Block(b), .no, into: Block(c), precision: .bfloat16)
        #expect(c.values.allSatisfy { $0 == 0 })
    }

    @Test(.enabled(if: isAvailable)) func aRowHasTheSameBitsInAnyDivision() {
        var random = SeededRandom(seed: 9)
        let a = Matrix(rows: 700, columns: 384, values: random.floats(700 * 384, in: -1...1))
        let w = Matrix(rows: 200, columns: 384, values: random.floats(200 * 384, in: -1...1))
        let (whole, divided) = (Matrix(rows: 700, columns: 200), Matrix(rows: 700, columns: 200))
        gemm(Block(a), .no, Block(w), .yes, into: Block(whole), precision: .bfloat16)
        WorkerPool(threads: 3).gemm(Block(a), .no, Block(w), .yes, into: Block(divided), precision: .bfloat16)
        #expect(whole.values == divided.values)
    }
}
