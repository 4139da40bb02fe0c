/// Texts of the kinds that tokenizers and their bounds are known to stumble over.
struct HostileText {
    /// Characters of which a vocabulary makes nothing; found by asking it.
    let dropped: [Unicode.Scalar]

    /// White space, what has no width, and control characters: a vocabulary drops some of them.
    static let suspects: [Unicode.Scalar] =
        (0...0x20).map { Unicode.Scalar(UInt8($0)) } + [0x7F, 0x85, 0x8F, 0xA0, 0xAD].map { Unicode.Scalar(UInt8($0)) }
        + [
            "\u{1680}", "\u{180E}", "\u{2000}", "\u{2003}", "\u{200B}", "\u{200C}", "\u{200D}", "\u{200E}", "\u{2028}",
            "\u{2029}",
        ]
        + ["\u{202F}", "\u{205F}", "\u{2060}", "\u{2581}", "\u{3000}", "\u{FEFF}", "\u{FFFD}", "\u{E0001}"]

    /// What vocabularies and their files write for something else.
    private static let special = [
        "</s>", "<s>", "<unk>", "<pad>", "<bos>", "<eos>", "<mask>", "<0x0A>", "<0x00>", "\u{2581}", "\u{2581}\u{2581}",
        "[CLS]", "<|endoftext|>", "<start_of_image>", "\\u0000", "\u{0}",
    ]
    /// Characters that become many, few or other ones, alone or with their neighbours.
    private static let shifty: [Unicode.Scalar] = [
        "\u{FDFA}", "\u{FB01}", "\u{1E9E}", "\u{130}", "\u{1100}", "\u{1161}", "\u{11A8}", "\u{AC00}", "\u{304B}",
        "\u{3099}", "\u{301}",
        "\u{323}", "\u{1F468}", "\u{200D}", "\u{1F3FD}", "\u{FE0F}", "\u{202E}", "\u{10FFFF}", "\u{D7FF}", "\u{E000}",
        "\u{FFFF}", "\u{1D15F}",
        "\u{2126}", "\u{FF76}", "\u{FF9E}", "\u{0}", "e", "i", "f",
    ]
    private static let words = [
        "a", "cat", "Zug", "the", "кот", "猫", "42", "émigré", "naïve", "x", "-", "\"", "{", "%", "?",
    ]

    /// A text that begins with a letter, and so stays what it is behind characters that are dropped.
    func core(_ random: inout SeededGenerator) -> String {
        var text = ["x", "a", "Q", "7"].randomElement(using: &random)!
        for _ in 0..<Int.random(in: 0...4, using: &random) { text += piece(&random) }
        return text
    }

    /// Mostly short; one in sixteen is longer than what is read at first for the context of the model, which is 1 to 4 kB.
    func prefix(_ random: inout SeededGenerator) -> String {
        let most = Int.random(in: 0..<16, using: &random) == 0 ? 12_000 : 200
        let count = Int.random(in: 1...most, using: &random)
        var scalars = String.UnicodeScalarView()
        let kinds = (0..<Int.random(in: 1...3, using: &random)).map { _ in dropped.randomElement(using: &random)! }
        for index in 0..<count {
            scalars.append(kinds.count == 1 ? kinds[0] : kinds[index * kinds.count / count])
        }
        return String(scalars)
    }

    private func piece(_ random: inout SeededGenerator) -> String {
        func run(_ scalar: Unicode.Scalar, _ most: Int) -> String {
            String(repeating: String(scalar), count: Int.random(in: 1...most, using: &random))
        }
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return " " + Self.words.randomElement(using: &random)!
        case 1: return Self.special.randomElement(using: &random)!
        case 2: return run(dropped.randomElement(using: &random)!, 300)
        case 3: return run(Self.shifty.randomElement(using: &random)!, 100)
        case 4:
            // A flood of marks over one letter.
            let marks: [Unicode.Scalar] = ["\u{301}", "\u{308}", "\u{323}", "\u{20DD}", "\u{1AB0}"]
            return "e"
                + (0..<Int.random(in: 1...200, using: &random)).map { _ in String(marks.randomElement(using: &random)!)
                }.joined()
        case 5: return (0..<8).map { _ in String(Self.shifty.randomElement(using: &random)!) }.joined()
        case 6: return (0..<8).map { _ in String(Self.anyScalar(&random)) }.joined()
        case 7: return run(Self.anyScalar(&random), 1_500)
        case 8:
            return String(
                repeating: Self.words.randomElement(using: &random)! + " ",
                count: Int.random(in: 1...60, using: &random))
        default: return Self.words.randomElement(using: &random)!
        }
    }

    private static func anyScalar(_ random: inout SeededGenerator) -> Unicode.Scalar {
        let ends: [UInt32] = [0x80, 0x800, 0x3000, 0xD800, 0x10_FFFF]
        return Unicode.Scalar(UInt32.random(in: 0..<ends.randomElement(using: &random)!, using: &random)) ?? "\u{FFFD}"
    }

    /// Bytes that are no UTF-8, or that are it only by chance: a character cut, an overlong one, half a surrogate pair, any byte.
    func bytes(_ random: inout SeededGenerator) -> [UInt8] {
        var bytes =
            Array((Int.random(in: 0...1, using: &random) == 0 ? prefix(&random) : "").utf8) + Array(core(&random).utf8)
        let broken: [[UInt8]] = [
            [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xE2, 0x82], [0x80], [0xFF, 0xFE],
            [0xF4, 0x90, 0x80, 0x80],
        ]
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            bytes.insert(
                contentsOf: broken.randomElement(using: &random)!, at: Int.random(in: 0...bytes.count, using: &random))
        }
        if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
        return bytes.isEmpty ? [0] : bytes
    }
}
