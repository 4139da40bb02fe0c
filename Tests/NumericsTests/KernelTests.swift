import CastorNumerics
import TestSupport
import Testing

@Suite struct KernelTests {
    /// Sizes around the SIMD width, and longer.
    static let lengths = [1, 2, 7, 8, 9, 15, 16, 17, 63, 100, 1_000]

    @Test func exponentialIsExactToTwoTenMillionths() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<20_000 {
            let x = Float.random(in: -87...88, using: &random)
            let value = Double(exp(Lanes(repeating: x))[0])
            let expected = Plain.exp(Double(x))
            #expect(abs(value / expected - 1) < 2e-7, "exp(\(x)) = \(value), expected \(expected)")
        }
    }

    @Test func exponentialIsClampedAndFinite() {
        for x: Float in [-1e30, -.infinity, -88, 89, 1e30, .infinity] {
            let value = exp(Lanes(repeating: x))[0]
            #expect(value.isFinite && value > 0, "exp(\(x)) = \(value)")
        }
    }

    @Test(arguments: lengths) func shiftedExponentialsEqualThePlainOnes(count: Int) {
        var random = SeededRandom(seed: 9)
        let x = random.floats(count, in: -1...1)
        for (shift, factor) in [(Float(0), Float(1)), (1, 20)] {
            let expected = x.map { Float(Plain.exp(Double(($0 - shift) * factor))) }
            // What lies behind them must not change, in another place and in their own.
            var output = [Float](repeating: 7, count: count + 8)
            exponentials(x, minus: shift, times: factor, into: &output, count: count)
            #expect(output.dropFirst(count).allSatisfy { $0 == 7 })
            expectClose(Array(output.prefix(count)), expected, .rounding, "factor \(factor)")
            let place = Matrix(rows: 1, columns: count, values: x)
            exponentials(place.row(0), minus: shift, times: factor, into: place.row(0), count: count)
            #expect(place.values == Array(output.prefix(count)))
        }
    }

    @Test(arguments: lengths) func geluEqualsThePlainOne(count: Int) {
        var random = SeededRandom(seed: 2)
        let x = random.floats(count, in: -12...12) + [0, -0.0, 1e-20, -40, 40].prefix(count)
        var y = [Float](repeating: 0, count: x.count)
        activate(.geluTanh, x, into: &y, count: x.count)
        expectClose(y, x.map(Plain.gelu), Tolerance("gelu", 2e-6), "gelu")
    }

    @Test(arguments: lengths) func softmaxEqualsThePlainOne(count: Int) {
        var random = SeededRandom(seed: 3)
        for scale: Float in [0, 1, 80] {
            let x = random.floats(count, in: -max(scale, 1)...max(scale, 1)).map { scale == 0 ? 5 : $0 }
            // Two rows of a wider matrix: what lies beside them must not change.
            let matrix = Matrix(rows: 2, columns: count + 3)
            matrix.fill(7)
            for row in 0..<2 { matrix.row(row).update(from: x, count: count) }
            softmaxRows(Block(matrix, rows: 0..<2, columns: 0..<count))
            for row in 0..<2 {
                let values = Array(UnsafeBufferPointer(start: matrix.row(row), count: count))
                expectClose(values, Plain.softmax(x), .rounding, "softmax of \(count)")
                #expect((count..<count + 3).allSatisfy { matrix.row(row)[$0] == 7 })
            }
        }
    }

    /// Pieces of uneven sizes, in rising, falling and mixed order of scores, one row with a largest score far above the others.
    @Test(arguments: [1, 5, 8, 37]) func onlineSoftmaxEqualsThePlainOne(piece: Int) {
        let (rows, columns, width) = (4, 100, 9)
        var random = SeededRandom(seed: 10)
        let scores = Matrix(rows: rows, columns: columns, values: random.floats(rows * columns, in: -4...4))
        for column in 0..<columns {
            scores.row(1)[column] = Float(column)
            scores.row(2)[column] = -Float(column)
        }
        scores.row(3)[60] = 500
        let values = Matrix(rows: columns, columns: width, values: random.floats(columns * width))
        let weights = Matrix(rows: rows, columns: columns)
        for row in 0..<rows {
            weights.row(row).update(from: Plain.softmax(scores[row..<row + 1].values), count: columns)
        }
        let expected = Plain.multiply(weights, values, transposed: false)

        let room = Matrix(rows: 1, columns: OnlineSoftmax.roomNeeded(rows: rows))
        let softmax = OnlineSoftmax(rows: rows, room: room.pointer)
        let output = Matrix(rows: rows, columns: width)
        output.fill(.nan)
        for start in stride(from: 0, to: columns, by: piece) {
            let end = min(start + piece, columns)
            let part = Block(scores, rows: 0..<rows, columns: start..<end)
            softmax.take(part, rescaling: Block(output))
            gemm(part, .no, Block(values).rows(start..<end), .no, into: Block(output), beta: start == 0 ? 0 : 1)
        }
        softmax.finish(Block(output))
        expectClose(output.values, expected.values, .rounding, "pieces of \(piece)")
    }

    @Test(arguments: lengths) func rmsNormEqualsThePlainOne(count: Int) {
        var random = SeededRandom(seed: 4)
        let (x, weight) = (random.floats(count), random.floats(count))
        let matrix = Matrix(rows: 1, columns: count, values: x)
        rmsNormRows(Block(matrix), weight: weight, epsilon: 1e-6, into: Block(matrix))
        expectClose(
            matrix.values, Plain.rmsNorm(x, weight: weight, epsilon: 1e-6), Tolerance("norm", 4e-6), "in place")
    }

    @Test func rmsNormOfZeroIsZero() {
        let matrix = Matrix(rows: 1, columns: 20)
        rmsNormRows(Block(matrix), weight: [Float](repeating: 1, count: 20), epsilon: 1e-6, into: Block(matrix))
        #expect(matrix.values.allSatisfy { $0 == 0 })
    }

    @Test func meanOfManyLikeRowsKeepsItsDigits() {
        let matrix = Matrix(rows: 8_192, columns: 9)
        matrix.fill(0.1)
        var (partial, mean) = ([Float](repeating: 0, count: 9), [Float](repeating: 0, count: 9))
        meanOfRows(Block(matrix), partial: &partial, into: &mean)
        expectClose(mean, [Float](repeating: 0.1, count: 9), Tolerance("mean", 1e-7))
    }

    @Test func finiteMeansEveryValue() {
        for count in Self.lengths {
            var x = [Float](repeating: 3e38, count: count)
            #expect(allFinite(x, count: count))
            for bad in [Float.nan, .infinity, -.infinity] {
                for index in [0, count / 2, count - 1] {
                    x[index] = bad
                    #expect(!allFinite(x, count: count), "\(bad) at \(index) of \(count)")
                    x[index] = 1
                }
            }
        }
    }

    @Test(arguments: [(1, 1, 1), (3, 5, 7), (17, 33, 65), (64, 10, 128)])
    func gemmEqualsThePlainOne(m: Int, n: Int, k: Int) {
        var random = SeededRandom(seed: 5)
        let a = Matrix(rows: m, columns: k, values: random.floats(m * k))
        let b = Matrix(rows: k, columns: n, values: random.floats(k * n))
        let transposed = Matrix(rows: n, columns: k)
        for row in 0..<k { for column in 0..<n { transposed.row(column)[row] = b.row(row)[column] } }
        let expected = Plain.multiply(a, b, transposed: false)
        let tolerance = Tolerance("gemm", 3e-5)

        let c = Matrix(rows: m, columns: n)
        gemm(Block(a), .no, Block(b), .no, into: Block(c))
        expectClose(c.values, expected.values, tolerance, "A B")
        gemm(Block(a), .no, Block(transposed), .yes, into: Block(c), alpha: 2, beta: 1)
        expectClose(c.values, expected.values.map { 3 * $0 }, tolerance, "2 A B + C")
    }
}
