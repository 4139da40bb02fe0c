/// A number and the interval that holds it in 95 of 100 samples like this one; nil where there is none.
package struct Estimate: Sendable, Equatable, Codable {
    package var value: Double
    package var low: Double?
    package var high: Double?

    package init(_ value: Double, low: Double? = nil, high: Double? = nil) {
        (self.value, self.low, self.high) = (value, low, high)
    }
}

/// Bootstrap intervals (Efron 1979): percentiles of what a statistic becomes when the items are drawn anew, with replacement.
package enum Bootstrap {
    package static let rounds = 400
    static let tail = 0.025

    /// Of a mean, from one value an item.
    package static func mean(_ values: [Double], seed: UInt64) -> Estimate {
        let mean = values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
        guard values.count > 1 else { return Estimate(mean) }
        var random = SplitMix(seed: seed)
        let draws = (0..<rounds).map { _ in
            var sum = 0.0
            for _ in values.indices { sum += values[random.below(values.count)] }
            return sum / Double(values.count)
        }
        let (low, high) = interval(draws)
        return Estimate(mean, low: low, high: high)
    }

    static func interval(_ draws: [Double]) -> (low: Double, high: Double) {
        let sorted = draws.sorted()
        func at(_ share: Double) -> Double { sorted[Int((share * Double(sorted.count - 1)).rounded())] }
        return (at(tail), at(1 - tail))
    }

    /// Of a statistic of all items, from draws of only `drawn` of `count` items: their spread is larger by the root of count / drawn
    /// than it would be with all, and their mean may be off, so that only the spread is taken (m out of n).
    static func scaled(_ value: Double, draws: [Double], drawn: Int, of count: Int, in range: ClosedRange<Double>)
        -> Estimate
    {
        guard draws.count > 1 else { return Estimate(value) }
        let mean = draws.reduce(0, +) / Double(draws.count)
        let (low, high) = interval(draws)
        let factor = (Double(drawn) / Double(count)).squareRoot()
        return Estimate(
            value, low: max(range.lowerBound, value + (low - mean) * factor),
            high: min(range.upperBound, value + (high - mean) * factor))
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers on every machine for one seed.
package struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Self.mixed(state)
    }

    /// Uniform in 0..<count.
    package mutating func below(_ count: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(count)).high) }

    static func mixed(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
