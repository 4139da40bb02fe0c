import CastorNumerics
import Glibc
import TestSupport
import Testing

@Suite struct ActivationTests {
    /// Sizes around the SIMD width, and longer.
    static let lengths = [1, 7, 8, 9, 20, 100]

    @Test func functionsEqualTheMathLibrarysInDoublePrecision() {
        for step in -2_000...2_000 {
            let x = Float(step) / 100
            let z = Double(x)
            let logistic = 1 / (1 + Glibc.exp(-z))
            let expected: [(String, Lanes, Double)] = [
                ("tanh", tanh(Lanes(repeating: x)), Glibc.tanh(z)), ("sigmoid", sigmoid(Lanes(repeating: x)), logistic),
                ("silu", silu(Lanes(repeating: x)), z * logistic),
                ("quick GELU", quickGELU(Lanes(repeating: x)), z / (1 + Glibc.exp(-1.702 * z))),
                ("GELU", exactGELU(Lanes(repeating: x)), z * erfc(-z / 2.squareRoot()) / 2),
            ]
            for (name, lanes, value) in expected {
                // An error of erf is multiplied by x.
                let tolerance = 3e-7 * max(1, abs(z))
                #expect(abs(Double(lanes[0]) - value) <= tolerance, "\(name)(\(x)) = \(lanes[0]), expected \(value)")
            }
        }
    }

    @Test func farAwayTheyAreFinite() {
        for x: Float in [-1e30, -1e4, 1e4, 1e18] {
            for value in [tanh(Lanes(repeating: x)), sigmoid(Lanes(repeating: x)), exactGELU(Lanes(repeating: x))] {
                #expect(value[0].isFinite, "at \(x)")
            }
        }
    }

    /// Sixteen at a time, eight, and one.
    @Test(arguments: ActivationFunction.allCases) func everyProcessorGivesTheSameBits(function: ActivationFunction) {
        var random = SeededRandom(seed: 5)
        let count = 4_099
        var input = random.floats(count, in: -12...12)
        input[..<9] = [0, -0.0, 1e-30, -1e-30, 1e30, -1e30, 88.4, -88.4, .leastNonzeroMagnitude]
        let factor = random.floats(count, in: -2...2)
        for factor in [nil, factor] as [[Float]?] {
            var results: [[UInt32]] = []
            for kernel in [nil] + RowKernel.all.map(Optional.some) {
                var output = input
                func run(_ factor: UnsafePointer<Float>?) {
                    // In place, and not at an address of sixteen values.
                    output.withUnsafeMutableBufferPointer { output in
                        let place = output.baseAddress! + 1
                        activate(
                            function, place, times: factor.map { $0 + 1 }, into: place, count: count - 1, kernel: kernel)
                    }
                }
                if let factor { run(factor) } else { run(nil) }
                results.append(output.map(\.bitPattern))
            }
            #expect(results.allSatisfy { $0 == results[0] })
        }
    }

    @Test(arguments: lengths) func mapsTouchWhatTheyAreGivenAlone(count: Int) {
        var random = SeededRandom(seed: 3)
        let (a, b) = (random.floats(count, in: -2...2), random.floats(count, in: -2...2))
        var output = [Float](repeating: 7, count: count + 8)
        map(a, b, into: &output, count: count) { $0 * $1 }
        expectClose(Array(output.prefix(count)), zip(a, b).map(*), .equalBits)
        clamp(a, to: -0.5...0.25, into: &output, count: count)
        expectClose(Array(output.prefix(count)), a.map { min(max($0, -0.5), 0.25) }, .equalBits)
        #expect(output.dropFirst(count).allSatisfy { $0 == 7 })
    }

    @Test(arguments: lengths) func layerNormEqualsItsFormula(count: Int) {
        var random = SeededRandom(seed: 4)
        // Far from zero: differences of large sums would show.
        let x = random.floats(count, in: 99...101)
        let (weight, bias) = (random.floats(count, in: 0.5...2), random.floats(count, in: -1...1))
        let mean = x.reduce(0.0) { $0 + Double($1) } / Double(count)
        let variance = x.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(count)
        let expected = x.indices.map { index in
            Float(
                (Double(x[index]) - mean) / (variance + 0.01).squareRoot() * Double(weight[index]) + Double(bias[index])
            )
        }
        let rows = Matrix(rows: 1, columns: count, values: x)
        layerNormRows(Block(rows), weight: weight, bias: bias, epsilon: 0.01, into: Block(rows))
        expectClose(rows.values, expected, Tolerance("a mean of 100 in f32", 3e-5))
    }

    @Test func whatIsNotVisibleCountsNothing() {
        var random = SeededRandom(seed: 5)
        let (rows, keys, size) = (6, 23, 4)
        let scores = Matrix(rows: rows, columns: keys, values: random.floats(rows * keys, in: -3...3))
        let values = Matrix(rows: keys, columns: size, values: random.floats(keys * size, in: -1...1))
        let seen = [0..<23, 0..<1, 22..<23, 5..<9, 3..<20, 10..<12]
        var expected: [Float] = []
        for row in 0..<rows {
            let weights = seen[row].map { Glibc.exp(Double(scores.row(row)[$0])) }
            for column in 0..<size {
                let sum = zip(seen[row], weights).reduce(0) { $0 + $1.1 * Double(values.row($1.0)[column]) }
                expected.append(Float(sum / weights.reduce(0, +)))
            }
        }
        // In pieces, some of which a row does not see at all.
        let output = Matrix(rows: rows, columns: size)
        let room = FloatBuffer(count: OnlineSoftmax.roomNeeded(rows: rows))
        withExtendedLifetime((room, scores, values)) {
            let softmax = OnlineSoftmax(rows: rows, room: room.pointer)
            for (number, piece) in [0..<4, 4..<11, 11..<23].enumerated() {
                let part = Matrix(rows: rows, columns: piece.count)
                for row in 0..<rows {
                    part.row(row).update(from: scores.row(row) + piece.lowerBound, count: piece.count)
                }
                softmax.take(Block(part), rescaling: Block(output)) { row in
                    let own = seen[row].clamped(to: piece)
                    return own.lowerBound - piece.lowerBound..<own.upperBound - piece.lowerBound
                }
                gemm(Block(part), .no, Block(values).rows(piece), .no, into: Block(output), beta: number == 0 ? 0 : 1)
            }
            softmax.finish(Block(output))
        }
        expectClose(output.values, expected, .rounding)
    }
}
