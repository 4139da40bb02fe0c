import CastorNumerics
import TestSupport
import Testing

@Suite struct RowProductTests {
    /// A weight as it lies in memory, its values, and the scales of eight bits at an odd address.
    private struct Weight {
        var bytes: [UInt8] = []
        var values: [Double] = []
        var scales: [UInt8] = [0]

        init(_ format: RowFormat, rows: Int, columns: Int, _ random: inout Random) {
            var scale: Float = 1
            for index in 0..<rows * columns {
                let value = random.next()
                switch format {
                case .f32:
                    withUnsafeBytes(of: value) { bytes += $0 }
                    values.append(Double(value))
                case .bf16:
                    let bits = UInt16(truncatingIfNeeded: value.bitPattern >> 16)
                    withUnsafeBytes(of: bits) { bytes += $0 }
                    values.append(Double(Float(bitPattern: UInt32(bits) << 16)))
                case .f16:
                    // Small ones, too, that are not normal numbers.
                    let half = Float16(random.next() < 0.9 ? value : value * 1e-6)
                    withUnsafeBytes(of: half.bitPattern) { bytes += $0 }
                    values.append(Double(half))
                case .i8:
                    let small = Int8(value * 127)
                    bytes.append(UInt8(bitPattern: small))
                    if index % columns % int8GroupSize == 0 {
                        scale = random.next()
                        withUnsafeBytes(of: scale) { scales += $0 }
                    }
                    values.append(Double(small) * Double(scale))
                }
            }
        }
    }

    /// Numbers from -1 to 1.
    private struct Random {
        var state: UInt64

        mutating func next() -> Float {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int32(truncatingIfNeeded: state >> 32)) / 2_147_483_648
        }

        mutating func values(_ count: Int) -> [Float] { (0..<count).map { _ in next() } }
    }

    private static func product(
        _ x: Block, _ weight: Weight, _ format: RowFormat, _ kernel: RowKernel, columns: Range<Int>, bias: [Float]?,
        beta: Float, bounds: ClosedRange<Float>? = nil, into output: Block
    ) {
        let rows = PackedRows(x, for: kernel, format, bounds: bounds, Scratch())
        weight.bytes.withUnsafeBytes { bytes in
            weight.scales.withUnsafeBytes { scales in
                let start = columns.lowerBound
                func multiply(_ bias: UnsafePointer<Float>?) {
                    rowProduct(
                        rows, weights: bytes.baseAddress! + start * x.columns * format.byteCount,
                        scales: format == .i8 ? scales.baseAddress! + 1 + 4 * start * int8Groups(x.columns) : nil,
                        bias: bias.map { $0 + start }, beta: beta, into: output.columns(columns))
                }
                if let bias { multiply(bias) } else { multiply(nil) }
            }
        }
    }

    private static let shapes = [
        (1, 1, 1), (1, 5, 7), (2, 4, 16), (3, 3, 31), (5, 9, 32), (6, 4, 33), (7, 8, 20), (13, 6, 100), (12, 70, 64),
        (19, 130, 768), (2, 0, 8), (0, 3, 8),
    ]

    @Test(arguments: RowKernel.all, RowFormat.allCases) func sumsAreRight(kernel: RowKernel, format: RowFormat) {
        var random = Random(state: 7)
        for (m, n, k) in Self.shapes {
            // Rows of a wider matrix on both sides.
            let x = Matrix(rows: m, columns: k + 3, values: random.values(m * (k + 3)))
            let weight = Weight(format, rows: n, columns: k, &random)
            let bias = random.values(n)
            let before = Matrix(rows: m, columns: n + 2, values: random.values(m * (n + 2)))
            for (bias, beta) in [(nil, 0), (bias, 1), (bias, 0.5)] as [([Float]?, Float)] {
                let y = before.copy()
                let input = Block(x, rows: 0..<m, columns: 1..<k + 1)
                Self.product(
                    input, weight, format, kernel, columns: 0..<n, bias: bias, beta: beta,
                    into: Block(y, rows: 0..<m, columns: 1..<n + 1))
                for row in 0..<m {
                    for column in 0..<n {
                        var (sum, size) = (0.0, 1.0)
                        for i in 0..<k {
                            let term = Double(x.row(row)[i + 1]) * weight.values[column * k + i]
                            sum += term
                            size += abs(term)
                        }
                        let old = Double(beta) * Double(before.row(row)[column + 1])
                        let expected = sum + Double(bias?[column] ?? 0) + old
                        let error = abs(Double(y.row(row)[column + 1]) - expected)
                        #expect(error <= 4e-7 * max(size, 1), "\(kernel) \(format) \(m) x \(n) x \(k)")
                    }
                    // Nothing beside the result is touched.
                    #expect(y.row(row)[0] == before.row(row)[0] && y.row(row)[n + 1] == before.row(row)[n + 1])
                }
            }
        }
    }

    @Test(arguments: RowKernel.all, RowFormat.allCases) func companyAndDivisionChangeNoBit(
        kernel: RowKernel, format: RowFormat
    ) {
        var random = Random(state: 11)
        let (m, n, k) = (23, 150, 300)
        let x = Matrix(rows: m, columns: k, values: random.values(m * k))
        let weight = Weight(format, rows: n, columns: k, &random)
        let bias = random.values(n)
        func rows(_ rows: Range<Int>, _ divisions: [Int]) -> [Float] {
            let y = Matrix(rows: rows.count, columns: n)
            for (start, end) in zip([0] + divisions, divisions + [n]) {
                Self.product(
                    Block(x[rows]), weight, format, kernel, columns: start..<end, bias: bias, beta: 0,
                    into: Block(y))
            }
            return y.values
        }
        let together = rows(0..<m, [])
        #expect(rows(0..<m, [1, 75, 77]) == together)
        for row in 0..<m {
            #expect(rows(row..<row + 1, row % 2 == 0 ? [] : [66]) == Array(together[row * n..<(row + 1) * n]))
        }
    }

    @Test(arguments: RowKernel.all) func exponentialsHaveTheSameBits(kernel: RowKernel) {
        var random = Random(state: 5)
        for count in [0, 1, 7, 8, 9, 15, 16, 17, 24, 40, 300] {
            let values = random.values(count).map { $0 * 90 } + [88.4, -87.4, -100, 0].prefix(count % 5)
            var (own, expected) = (values, values)
            let sum = exponentialsInPlace(&own, minus: 0.3, count: values.count, kernel: kernel)
            let expectedSum = exponentialsInPlace(&expected, minus: 0.3, count: values.count, kernel: nil)
            #expect(own == expected && sum == expectedSum, "\(values.count) values")
        }
    }

    @Test(arguments: RowKernel.all) func inputIsCutToBounds(kernel: RowKernel) {
        var random = Random(state: 3)
        for k in [5, 32, 70] {
            let x = Matrix(rows: 4, columns: k, values: random.values(4 * k).map { 3 * $0 })
            let cut = Matrix(rows: 4, columns: k, values: x.values.map { min(max($0, -0.5), 0.75) })
            let weight = Weight(.bf16, rows: 6, columns: k, &random)
            let (y, expected) = (Matrix(rows: 4, columns: 6), Matrix(rows: 4, columns: 6))
            Self.product(
                Block(x), weight, .bf16, kernel, columns: 0..<6, bias: nil, beta: 0, bounds: -0.5...0.75,
                into: Block(y))
            Self.product(
                Block(cut), weight, .bf16, kernel, columns: 0..<6, bias: nil, beta: 0,
                into: Block(expected)
            )
            #expect(y.values == expected.values)
        }
    }
}
