/// The same numbers on every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

/// Changes to a valid file that decoders are known to stumble over.
enum Mutation: CaseIterable {
    case flipBit, setByte, setNumber, remove, insert, copy, splice, cut

    /// Sizes, counts and offsets at the edges of what fits.
    private static let numbers: [UInt64] = [
        0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF,
        .max,
    ]

    private static let maxBytes = 1 << 20

    /// One to eight changes. Half of them go to the first kilobyte, where headers are.
    static func mutate(_ bytes: [UInt8], _ other: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var result = bytes
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            allCases.randomElement(using: &random)!.apply(to: &result, other, &random)
        }
        if result.count > maxBytes { result.removeLast(result.count - maxBytes) }
        return result
    }

    private func apply(to bytes: inout [UInt8], _ other: [UInt8], _ random: inout SeededGenerator) {
        guard !bytes.isEmpty else { return bytes = other }
        let reach = Bool.random(using: &random) ? bytes.count : min(bytes.count, 1_024)
        let place = Int.random(in: 0..<reach, using: &random)
        let length = min(Int.random(in: 1...64, using: &random), bytes.count - place)
        switch self {
        case .flipBit: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case .setByte: bytes[place] = .random(in: 0...255, using: &random)
        case .setNumber:
            let number = Self.numbers.randomElement(using: &random)!
            let size = min([1, 2, 4, 8].randomElement(using: &random)!, bytes.count - place)
            let isBig = Bool.random(using: &random)
            for index in 0..<size {
                let shift = 8 * (isBig ? size - 1 - index : index)
                bytes[place + index] = UInt8(truncatingIfNeeded: number >> UInt64(shift))
            }
        case .remove: bytes.removeSubrange(place..<place + length)
        case .insert:
            bytes.insert(contentsOf: (0..<length).map { _ in .random(in: 0...255, using: &random) }, at: place)
        case .copy: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
        case .splice:
            guard !other.isEmpty else { return }
            let start = Int.random(in: 0..<other.count, using: &random)
            let part = other[start..<min(other.count, start + length)]
            bytes.replaceSubrange(place..<place + min(part.count, bytes.count - place), with: part)
        case .cut: bytes.removeSubrange(max(1, place)...)
        }
    }
}
