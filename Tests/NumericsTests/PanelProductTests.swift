import CastorNumerics
import Glibc
import TestSupport
import Testing

@Suite struct PanelProductTests {
    /// A weight as it lies in memory, its values, and the scales of eight bits at an odd address.
    private struct Weight {
        let format: RowFormat
        var bytes: [UInt8] = []
        var values: [Float] = []
        var scales: [UInt8] = [0]

        init(_ format: RowFormat, rows: Int, columns: Int, seed: UInt64) {
            self.format = format
            let units = columns == 0 ? [] : randomUnits(rows, columns, seed: seed).values
            let random = units.map { $0 * Float(columns).squareRoot() }
            guard format == .i8 else {
                for value in random {
                    switch format {
                    case .bf16:
                        let bits = UInt16(truncatingIfNeeded: value.bitPattern >> 16)
                        withUnsafeBytes(of: bits) { bytes += $0 }
                        values.append(Float(bitPattern: UInt32(bits) << 16))
                    case .f16:
                        let half = Float16(value)
                        withUnsafeBytes(of: half.bitPattern) { bytes += $0 }
                        values.append(Float(half))
                    default:
                        withUnsafeBytes(of: value) { bytes += $0 }
                        values.append(value)
                    }
                }
                return
            }
            for row in 0..<rows {
                let own = Array(random[row * columns..<(row + 1) * columns])
                var small = [Int8](repeating: 0, count: columns)
                var factors = [Float](repeating: 0, count: int8Groups(columns))
                roundToInt8(own, into: &small, scales: &factors, count: columns)
                bytes += small.map { UInt8(bitPattern: $0) }
                for factor in factors { withUnsafeBytes(of: factor) { scales += $0 } }
                values += small.enumerated().map { Float($1) * factors[$0 / int8GroupSize] }
            }
        }
    }

    /// - Returns: whether it was done
    private static func product(
        _ x: Block, _ weight: Weight, _ kernel: PanelKernel, columns: Range<Int>, bias: [Float]?, beta: Float,
        into output: Block
    ) -> Bool {
        weight.bytes.withUnsafeBytes { bytes in
            weight.scales.withUnsafeBytes { scales in
                let start = columns.lowerBound
                func multiply(_ bias: UnsafePointer<Float>?) -> Bool {
                    panelProduct(
                        x, weights: bytes.baseAddress! + start * x.columns * weight.format.byteCount, weight.format,
                        scales: weight.format == .i8
                            ? scales.baseAddress! + 1 + 4 * start * int8Groups(x.columns) : nil,
                        bias: bias.map { $0 + start }, beta: beta, into: output.columns(columns), kernel: kernel)
                }
                if let bias { return multiply(bias) } else { return multiply(nil) }
            }
        }
    }

    /// Whole panels and tiles, one more, one less, nothing; more of k than a panel has at once.
    private static let shapes = [
        (1, 1, 1), (1, 5, 7), (2, 16, 16), (3, 47, 31), (5, 48, 33), (6, 49, 64), (7, 8, 65), (8, 96, 127),
        (9, 70, 130),
        (19, 131, 768), (3, 50, 2_100), (2, 3, 0), (0, 3, 8),
    ]

    /// What a factor may be off by, in parts of the largest of its group.
    private static func rounding(_ kernel: PanelKernel) -> Double {
        switch kernel.precision {
        case .single: 0
        case .bfloat16: 1.0 / 256
        case .int8: 1.0 / 254
        }
    }

    @Test(arguments: PanelKernel.all, RowFormat.allCases) func sumsAreRight(kernel: PanelKernel, format: RowFormat) {
        for (m, n, k) in Self.shapes {
            let random = randomUnits(max(m, 1), k + 3, seed: 5).values
            // Rows of a wider matrix on both sides.
            let x = Matrix(rows: m, columns: k + 3, values: Array(random.prefix(m * (k + 3))))
            let weight = Weight(format, rows: n, columns: k, seed: 9)
            let bias = randomUnits(1, n, seed: 11).values
            let before = Matrix(rows: m, columns: n + 2, values: (0..<m * (n + 2)).map { Float($0 % 13) - 6 })
            for (bias, beta) in [(nil, 0), (bias, 1), (bias, 0.5)] as [([Float]?, Float)] {
                let y = before.copy()
                let isDone = Self.product(
                    Block(x, rows: 0..<m, columns: 1..<k + 1), weight, kernel, columns: 0..<n, bias: bias, beta: beta,
                    into: Block(y, rows: 0..<m, columns: 1..<n + 1))
                #expect(isDone)
                for row in 0..<m {
                    for column in 0..<n {
                        var (sum, size, squares) = (0.0, 1.0, 0.0)
                        for i in 0..<k {
                            let term = Double(x.row(row)[i + 1]) * Double(weight.values[column * k + i])
                            sum += term
                            size += abs(term)
                            squares += term * term
                        }
                        let old = Double(beta) * Double(before.row(row)[column + 1])
                        let expected = sum + Double(bias?[column] ?? 0) + old
                        let error = abs(Double(y.row(row)[column + 1]) - expected)
                        let bound = 1e-6 * (size + abs(old)) + Self.rounding(kernel) * 4 * (size - 1)
                        #expect(error <= bound, "\(kernel) \(format) \(m) x \(n) x \(k)")
                    }
                    // Nothing beside the result is touched.
                    #expect(y.row(row)[0] == before.row(row)[0] && y.row(row)[n + 1] == before.row(row)[n + 1])
                }
            }
        }
    }

    @Test(arguments: PanelKernel.all, RowFormat.allCases) func companyAndDivisionChangeNoBit(
        kernel: PanelKernel, format: RowFormat
    ) {
        let (m, n, k) = (23, 150, 300)
        let x = randomUnits(m, k, seed: 2)
        let weight = Weight(format, rows: n, columns: k, seed: 3)
        let bias = randomUnits(1, n, seed: 4).values
        func rows(_ rows: Range<Int>, _ divisions: [Int]) -> [Float] {
            let y = Matrix(rows: rows.count, columns: n)
            for (start, end) in zip([0] + divisions, divisions + [n]) {
                #expect(
                    Self.product(
                        Block(x[rows]), weight, kernel, columns: start..<end, bias: bias, beta: 0, into: Block(y)))
            }
            return y.values
        }
        let together = rows(0..<m, [])
        #expect(rows(0..<m, [1, 75, 77]) == together)
        for row in 0..<m {
            #expect(rows(row..<row + 1, row % 2 == 0 ? [] : [66]) == Array(together[row * n..<(row + 1) * n]))
        }
    }

    /// One processor's results are another's.
    @Test(.enabled(if: PanelKernel.all.contains(.avx512)), arguments: RowFormat.allCases)
    func bothInSinglePrecisionHaveTheSameBits(format: RowFormat) {
        let (m, n, k) = (13, 101, 700)
        let x = randomUnits(m, k, seed: 2)
        let weight = Weight(format, rows: n, columns: k, seed: 3)
        let results = [PanelKernel.avx2, .avx512].map { kernel in
            let y = Matrix(rows: m, columns: n)
            _ = Self.product(Block(x), weight, kernel, columns: 0..<n, bias: nil, beta: 0, into: Block(y))
            return y.values
        }
        #expect(results[0] == results[1])
    }

    private static let eightBits = PanelKernel.all.filter { $0.precision == .int8 }

    /// A group of 64 as the kernels round it: multiples of a 127th of the largest.
    private static func rounded(_ values: ArraySlice<Float>) -> (whole: [Int32], scale: Float) {
        let most = values.reduce(0) { max($0, abs($1)) }
        guard most > 0 else { return ([Int32](repeating: 0, count: values.count), 0) }
        return (values.map { Int32(($0 * (127 / most)).rounded(.toNearestOrEven)) }, most / 127)
    }

    /// On every processor: whole numbers are summed 128 times the weights' sum too large, as VNNI's unsigned rows have it, and what that adds is taken off in single precision.
    @Test(arguments: eightBits) func eightBitsHaveTheSameBitsEverywhere(kernel: PanelKernel) {
        for (m, n, k) in [(13, 101, 700), (6, 16, 64), (1, 1, 1), (9, 33, 2_300)] {
            let (x, weight) = (randomUnits(m, k, seed: 2), Weight(.f32, rows: n, columns: k, seed: 3))
            let y = Matrix(rows: m, columns: n)
            #expect(Self.product(Block(x), weight, kernel, columns: 0..<n, bias: nil, beta: 0, into: Block(y)))
            let groups = stride(from: 0, to: k, by: int8GroupSize).map { $0..<min($0 + int8GroupSize, k) }
            let columns = (0..<n).map { column in
                groups.map {
                    Self.rounded(
                        weight.values[column * k..<(column + 1) * k][
                            column * k + $0.lowerBound..<column * k + $0.upperBound])
                }
            }
            for row in 0..<m {
                let own = groups.map { Self.rounded(x.values[row * k + $0.lowerBound..<row * k + $0.upperBound]) }
                let expected = columns.map { column in
                    zip(own, column).reduce(Float(0)) { before, group in
                        let ((values, scale), (weights, factor)) = group
                        let sum = weights.reduce(0, +)
                        let whole = zip(values, weights).reduce(128 * sum) { $0 + $1.0 * $1.1 }
                        let correction = Float(sum) * (factor * -128)
                        return before.addingProduct(correction.addingProduct(Float(whole), factor), scale)
                    }
                }
                #expect(
                    Array(y.values[row * n..<(row + 1) * n]) == expected, "\(kernel) \(m) x \(n) x \(k), row \(row)")
            }
        }
    }

    /// Rows and weights in eight bits are what roundToInt8 makes of them, and whole numbers are summed without loss.
    @Test(arguments: eightBits, [RowFormat.f32, .i8])
    func eightBitsAreThoseOfTheFormat(kernel: PanelKernel, format: RowFormat) {
        let (m, n, k) = (9, 50, 200)
        let x = randomUnits(m, k, seed: 6)
        let weight = Weight(format, rows: n, columns: k, seed: 7)
        func rounded(_ values: [Float]) -> [Float] {
            var small = [Int8](repeating: 0, count: k)
            var scales = [Float](repeating: 0, count: int8Groups(k))
            roundToInt8(values, into: &small, scales: &scales, count: k)
            return small.enumerated().map { Float($1) * scales[$0 / int8GroupSize] }
        }
        let y = Matrix(rows: m, columns: n)
        #expect(Self.product(Block(x), weight, kernel, columns: 0..<n, bias: nil, beta: 0, into: Block(y)))
        for row in 0..<m {
            let values = rounded(Array(x.values[row * k..<(row + 1) * k]))
            for column in 0..<n {
                let factors = rounded(Array(weight.values[column * k..<(column + 1) * k]))
                let sum = zip(values, factors).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
                // A value halfway between two may have gone to either.
                #expect(abs(Double(y.row(row)[column]) - sum) < 2e-4)
            }
        }
    }

    /// What is no number, on either side, is none afterwards: who multiplies asks at the end.
    @Test(arguments: PanelKernel.all) func whatIsNoNumberStaysNone(kernel: PanelKernel) {
        let k = 70
        for broken in [Float.nan, .infinity] {
            for place in [0, 40, 69] {
                let x = Matrix(rows: 1, columns: k, values: (0..<k).map { $0 == place ? broken : 1 })
                let weight = Weight(.f32, rows: 3, columns: k, seed: 7)
                let y = Matrix(rows: 1, columns: 3)
                #expect(Self.product(Block(x), weight, kernel, columns: 0..<3, bias: nil, beta: 0, into: Block(y)))
                #expect(y.values.allSatisfy { !$0.isFinite }, "\(kernel) \(broken) \(place)")
            }
        }
    }

    /// The largest and the smallest numbers, and rows of nothing, give what they are, not infinities.
    @Test(arguments: eightBits) func extremesOfEightBits(kernel: PanelKernel) {
        let k = 64
        for size in [Float.greatestFiniteMagnitude, 1e30, 1e-30, .leastNormalMagnitude, .leastNonzeroMagnitude, 0] {
            let x = Matrix(rows: 1, columns: k, values: [size] + [Float](repeating: 0, count: k - 1))
            let weight = Weight(.f32, rows: 1, columns: k, seed: 7)
            let y = Matrix(rows: 1, columns: 1)
            #expect(Self.product(Block(x), weight, kernel, columns: 0..<1, bias: nil, beta: 0, into: Block(y)))
            let expected = size * weight.values[0]
            guard abs(expected) < 1e37 else { continue }
            #expect(y.values[0].isFinite)
            if size > 1e-36 { #expect(abs(y.values[0] / expected - 1) < 0.1, "\(size)") }
        }
    }
}
