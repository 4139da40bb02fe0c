import Glibc

/// SplitMix64: random numbers that are the same on every machine, and whose whole state is one number.
package struct SeededGenerator: Sendable, Equatable, Codable, RandomNumberGenerator {
    package var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// In 0..<1, 53 random bits.
    package mutating func nextUniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// In 0..<limit.
    package mutating func next(below limit: Int) -> Int {
        precondition(limit > 0)
        return Int(next().multipliedFullWidth(by: UInt64(limit)).high)
    }

    /// Standard normal, by the Box-Muller method.
    package mutating func nextNormal() -> Double {
        let radius = (-2 * log(1 - nextUniform())).squareRoot()
        return radius * cos(2 * Double.pi * nextUniform())
    }
}
