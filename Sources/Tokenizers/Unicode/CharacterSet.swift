/// Characters of some kind, one bit each.
final class CharacterSet: Sendable {
    private let words: [UInt64]

    /// - Parameter table: gaps and lengths in turn (``UnicodeTables``)
    init(_ table: StaticString) {
        var words = [UInt64](repeating: 0, count: 0x110000 / 64)
        var start = 0
        var isGap = true
        Self.numbers(table) { number in
            if !isGap {
                for code in start..<start + number { words[code >> 6] |= 1 << UInt64(code & 63) }
            }
            start += number
            isGap.toggle()
        }
        self.words = words
    }

    @inline(__always)
    func contains(_ code: UInt32) -> Bool { words[Int(code >> 6)] >> UInt64(code & 63) & 1 != 0 }

    /// Hexadecimal, a space between two.
    static func numbers(_ table: StaticString, _ body: (Int) -> Void) {
        table.withUTF8Buffer { bytes in
            for word in bytes.split(separator: UInt8(ascii: " ")) {
                body(Int(String(decoding: word, as: UTF8.self), radix: 16)!)
            }
        }
    }

    static let dropped = CharacterSet(UnicodeTables.dropped)
    static let nonspacingMarks = CharacterSet(UnicodeTables.nonspacingMarks)
    static let combiningMarks = CharacterSet(UnicodeTables.combiningMarks)
    static let punctuation = CharacterSet(UnicodeTables.punctuation)
    static let numbers = CharacterSet(UnicodeTables.numbers)
    static let words = CharacterSet(UnicodeTables.words)
    static let spaces = CharacterSet(UnicodeTables.spaces)
    static let active = CharacterSet(UnicodeTables.active)
    static let extending = CharacterSet(UnicodeTables.extending)
    static let prepended = CharacterSet(UnicodeTables.prepended)
    static let controls = CharacterSet(UnicodeTables.controls)
    static let pictographs = CharacterSet(UnicodeTables.pictographs)
    static let substituted = CharacterSet(UnicodeTables.substituted)
}
