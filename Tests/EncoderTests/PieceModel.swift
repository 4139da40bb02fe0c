import TestSupport

/// A small model of SentencePiece's, written out as its file.
struct PieceModel {
    var words = [
        "\u{2581}", "\u{2581}the", "\u{2581}cat", "the", "cat", "at", "s", "\u{2581}s", "a", "b", "c", "ab", "abc",
        "bca", " ", " a", "猫", "é",
        "\u{301}", "\u{2581}a", "xy", "\u{2581}\u{2581}",
    ]
    var rules: [UInt8] = []
    var addsDummyPrefix = true
    var removesExtraSpaces = true
    var escapesSpaces = true
    var hasByteFallback = true
    var kind: UInt8 = 1
    var isSuffix = false
    /// Beside the words: text and type.
    var others: [(String, UInt8)] = []
    /// Behind all.
    var tail: [UInt8] = []

    /// What makes it another thing than our own code reads.
    static let unknownThings: [@Sendable (inout PieceModel) -> Void] = [
        { $0.kind = 2 }, { $0.kind = 3 }, { $0.kind = 4 }, { $0.isSuffix = true }, { $0.others = [("abba", 4)] },
        { $0.others = [("abba", 5)] },
        { $0.others = [("<unk2>", 2)] }, { $0.others = [("abba", 9)] }, { $0.others = [("cat", 1)] },
        { $0.others = [("a\0b", 1)] },
        { $0.others = [("<0x41>", 6)] }, { $0.others = [("</s>", 3)] }, { $0.words = [] }, { $0.rules = [1, 2, 3] },
        { $0.rules = [255, 255, 255, 255, 0] },
        // A sample to test itself with, which holds.
        {
            $0.tail = PieceModel.field(
                4,
                PieceModel.field(
                    1, PieceModel.field(1, Array("the".utf8)) + PieceModel.field(2, Array("\u{2581}the".utf8))))
        },
        { $0.tail = [0x0a] }, { $0.tail = [0xff] }, { $0.others = [(String(repeating: "a", count: 2_000), 1)] },
    ]

    var bytes: [UInt8] {
        var result = Self.piece("<unk>", 0, 2) + Self.piece("</s>", 0, 3)
        if hasByteFallback {
            for byte in 0..<256 {
                let digits = String(byte, radix: 16, uppercase: true)
                result += Self.piece("<0x\(digits.count == 1 ? "0" : "")\(digits)>", 0, 6)
            }
        }
        for (index, word) in words.enumerated() { result += Self.piece(word, -2 - Float(index % 977) / 7, 1) }
        for (text, type) in others { result += Self.piece(text, -3, type) }
        result += Self.field(
            2, Self.varint(3, kind) + Self.varint(24, isSuffix ? 1 : 0) + Self.varint(35, hasByteFallback ? 1 : 0))
        let normalizer =
            (rules.isEmpty ? [] : Self.field(2, rules)) + Self.varint(3, addsDummyPrefix ? 1 : 0)
            + Self.varint(4, removesExtraSpaces ? 1 : 0)
            + Self.varint(5, escapesSpaces ? 1 : 0)
        return result + Self.field(3, normalizer) + tail
    }

    private static func piece(_ text: String, _ score: Float, _ type: UInt8) -> [UInt8] {
        let bits = score.bitPattern.littleEndian
        let number = (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
        return field(1, field(1, Array(text.utf8)) + [0x15] + number + varint(3, type))
    }

    private static func length(_ count: Int) -> [UInt8] {
        var (rest, result) = (count, [UInt8]())
        while rest >= 0x80 {
            result.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return result + [UInt8(rest)]
    }

    private static func field(_ number: Int, _ content: [UInt8]) -> [UInt8] {
        length(number << 3 | 2) + length(content.count) + content
    }

    private static func varint(_ number: Int, _ value: UInt8) -> [UInt8] { length(number << 3) + [value] }

    /// Those of a model's file, which has them in its last but one field of field 3.
    static func rules(in file: [UInt8]) throws -> [UInt8] {
        func number(_ place: inout Int) -> Int {
            var (result, shift) = (0, 0)
            while true {
                let byte = Int(file[place])
                place += 1
                result |= (byte & 0x7f) << shift
                if byte < 0x80 { return result }
                shift += 7
            }
        }
        var place = 0
        while place < file.count {
            let key = number(&place)
            let count = number(&place)
            if key == 3 << 3 | 2 {
                let end = place + count
                while place < end {
                    let inner = number(&place)
                    let value = number(&place)
                    if inner == 2 << 3 | 2 { return Array(file[place..<place + value]) }
                    if inner & 7 == 2 { place += value }
                }
            }
            place += count
        }
        throw CancellationError()
    }
}

/// Texts of all scripts, of what normalisation changes, and of bytes that are no text.
enum HostileBytes {
    private static let scripts: [ClosedRange<UInt32>] = [
        0x20...0x7e, 0x61...0x7a, 0...0x2ff, 0x300...0x36f, 0x370...0x5ff, 0x600...0xdff, 0xe00...0x1fff,
        0x2000...0x2bff, 0x3000...0x30ff,
        0x4e00...0x9fff, 0xac00...0xd7a3, 0x1100...0x11ff, 0xfb00...0xffff, 0x1d400...0x1d7ff, 0x1f300...0x1faff,
        0...0x10ffff,
    ]
    private static let words = [
        "the", " ", "  ", "\u{2581}", "hello", "Größe", "кошка", "猫", "e\u{301}", "ﬁ", "\u{200b}", "\u{3000}", "\n",
        "\0", "</s>", "<0x0A>", "<unk>", "ﷺ",
        "cat", "international", "1234",
    ]

    static func text(_ dice: inout SeededRandom) -> [UInt8] {
        var text: [UInt8] = []
        let kind = Int.random(in: 0...3, using: &dice)
        let most = Int.random(in: 0..<50, using: &dice) == 0 ? 2_000 : 40
        for _ in 0..<Int.random(in: 0...most, using: &dice) {
            switch kind {
            case 0:
                guard let scalar = Unicode.Scalar(UInt32.random(in: scripts.randomElement(using: &dice)!, using: &dice))
                else { continue }
                text += Array(String(scalar).utf8)
            case 1: text += Array(words.randomElement(using: &dice)!.utf8)
            case 2: text.append(UInt8.random(in: 0...255, using: &dice))
            default:
                text += Array(words.randomElement(using: &dice)!.utf8)
                if Int.random(in: 0..<5, using: &dice) == 0 { text.append(UInt8.random(in: 0x80...0xff, using: &dice)) }
                if Int.random(in: 0..<9, using: &dice) == 0 { text.removeLast(Int.random(in: 0...1, using: &dice)) }
            }
        }
        return text
    }
}
