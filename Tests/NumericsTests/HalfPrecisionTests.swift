import CastorNumerics
import TestSupport
import Testing

@Suite struct HalfPrecisionTests {
    @Test func everyFiniteHalfIsExact() {
        let patterns = (0...UInt16.max).filter { $0 & 0x7c00 != 0x7c00 }
        var values = [Float](repeating: 0, count: patterns.count)
        patterns.withUnsafeBytes { convertHalf($0.baseAddress!, into: &values, count: patterns.count) }
        for (pattern, value) in zip(patterns, values) where value.bitPattern != Float(plain(pattern)).bitPattern {
            Issue.record("half \(pattern) became \(value), expected \(plain(pattern))")
        }
    }

    @Test func everyHalfSurvivesTheWayThere() {
        for pattern in (0...UInt16.max) where pattern & 0x7c00 != 0x7c00 {
            if halfBits(Float(plain(pattern))) != pattern { Issue.record("half \(pattern) became another") }
        }
    }

    @Test func floatsAreRoundedToTheNearestHalf() {
        var random = SeededRandom(seed: 6)
        for _ in 0..<100_000 {
            let exponent = Int.random(in: -30...17, using: &random)
            let value = Float(sign: .plus, exponent: exponent, significand: Float.random(in: 1..<2, using: &random))
            let bits = halfBits(value)
            guard bits & 0x7c00 != 0x7c00 else {
                // Halfway between the largest half and the next power of two.
                #expect(value >= 65_520)
                continue
            }
            let error = abs(plain(bits) - Double(value))
            for neighbour in [bits &- 1, bits &+ 1] where bits != 0 && neighbour & 0x7c00 != 0x7c00 {
                #expect(error <= abs(plain(neighbour) - Double(value)), "\(value) became \(plain(bits))")
            }
        }
        #expect(halfBits(.nan) & 0x7c00 == 0x7c00 && halfBits(.nan) & 0x3ff != 0)
        #expect(halfBits(-.infinity) == 0xfc00)
    }

    @Test func infinitiesAndNaNsAreSeen() {
        for count in [1, 7, 8, 9, 100] {
            for bad: UInt16 in [0x7c00, 0xfc00, 0x7e00, 0xffff] {
                for index in [0, count / 2, count - 1] {
                    var values = [UInt16](repeating: 0x3c00, count: count)
                    #expect(values.withUnsafeBytes { halfIsFinite($0.baseAddress!, count: count) })
                    values[index] = bad
                    #expect(!values.withUnsafeBytes { halfIsFinite($0.baseAddress!, count: count) })
                }
            }
        }
    }

    @Test func brainFloatIsTheUpperHalf() {
        let patterns: [UInt16] = [0, 0x8000, 0x3f80, 0xc049, 0x0001, 0x7f7f]
        var values = [Float](repeating: 0, count: patterns.count)
        patterns.withUnsafeBytes { convertBrainFloat($0.baseAddress!, into: &values, count: patterns.count) }
        #expect(values.map(\.bitPattern) == patterns.map { UInt32($0) << 16 })
    }

    /// By the definition of the format, in double precision.
    private func plain(_ bits: UInt16) -> Double {
        let exponent = Int(bits >> 10 & 31)
        let fraction = Double(bits & 1023) / 1024
        let magnitude =
            exponent == 0
            ? fraction * 0x1p-14 : (1 + fraction) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
        return bits & 0x8000 == 0 ? magnitude : -magnitude
    }
}
