/// Text as SentencePiece's pieces have it: compatible characters are one, spaces are one and visible.
final class TextNormalizer: @unchecked Sendable {
    /// A double array (Darts) of byte sequences. Whatever it says, no place outside it is looked at.
    private let units: UnsafeMutablePointer<UInt32>
    private let unitCount: Int
    /// What becomes of the sequences: texts that end with a zero byte.
    private let texts: UnsafeMutablePointer<UInt8>
    private let textCount: Int
    private let addsDummyPrefix: Bool
    private let removesExtraSpaces: Bool
    private let escapesSpaces: Bool

    private static let space = UInt8(ascii: " ")
    /// U+2581, which stands for a space.
    private static let visibleSpace: [UInt8] = [0xe2, 0x96, 0x81]

    /// - Parameter file: of `bytes`
    /// - Returns: nil where the rules are cut short
    init?(_ bytes: UnsafeRawBufferPointer, _ file: PieceModelFile) {
        addsDummyPrefix = file.addsDummyPrefix
        removesExtraSpaces = file.removesExtraSpaces
        escapesSpaces = file.escapesSpaces
        let rules = UnsafeRawBufferPointer(rebasing: bytes[file.charsmap])
        var size = 0
        if !rules.isEmpty {
            guard rules.count > 4 else {
                (units, unitCount, texts, textCount) = (.allocate(capacity: 0), 0, .allocate(capacity: 0), 0)
                return nil
            }
            size = Int(UInt32(littleEndian: rules.loadUnaligned(as: UInt32.self)))
        }
        let isWhole = rules.isEmpty || size % 4 == 0 && size > 0 && size < rules.count - 4
        unitCount = isWhole ? size / 4 : 0
        units = .allocate(capacity: unitCount)
        textCount = isWhole && !rules.isEmpty ? rules.count - 4 - size : 0
        texts = .allocate(capacity: textCount + 1)
        guard isWhole else { return nil }
        for index in 0..<unitCount {
            units[index] = UInt32(
                littleEndian: rules.loadUnaligned(fromByteOffset: 4 + 4 * index, as: UInt32.self))
        }
        for index in 0..<textCount { texts[index] = rules[4 + size + index] }
        // So that the last text ends.
        texts[textCount] = 0
    }

    deinit {
        units.deallocate()
        texts.deallocate()
    }

    /// A part of the text, and what becomes of it.
    private struct Prefix {
        var consumed: Int
        /// Where in ``texts``; -1 for the bytes themselves, -2 for U+FFFD.
        var text: Int
    }

    /// The longest rule that holds here, or one character.
    ///
    /// - Parameter start: less than `count`
    @inline(__always)
    private func prefix(_ text: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Prefix {
        if unitCount > 0 {
            var found = Prefix(consumed: 0, text: 0)
            var place = Self.offset(units[0])
            var index = start
            while index < count {
                let byte = text[index]
                place ^= Int(byte)
                guard place < unitCount else { break }
                let unit = units[place]
                guard unit & 0x8000_00ff == UInt32(byte) else { break }
                place ^= Self.offset(unit)
                index &+= 1
                guard place < unitCount else { break }
                if unit >> 8 & 1 == 1 {
                    found = Prefix(consumed: index &- start, text: Int(units[place] & 0x7fff_ffff))
                }
            }
            if found.consumed > 0 {
                found.text = min(found.text, textCount)
                return found
            }
        }
        guard let width = Self.characterWidth(text + start, count &- start) else {
            return Prefix(consumed: 1, text: -2)
        }
        return Prefix(consumed: width, text: -1)
    }

    @inline(__always)
    private static func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 1 << 9) >> 6) }

    /// nil where no character of UTF-8 begins.
    ///
    /// - Parameter count: at least 1
    @inline(__always)
    private static func characterWidth(_ text: UnsafePointer<UInt8>, _ count: Int) -> Int? {
        let first = text[0]
        if first < 0x80 { return 1 }
        func trails(_ index: Int) -> Bool { text[index] & 0xc0 == 0x80 }
        if first & 0xe0 == 0xc0 { return count >= 2 && first >= 0xc2 && trails(1) ? 2 : nil }
        if first & 0xf0 == 0xe0 {
            guard count >= 3, trails(1), trails(2) else { return nil }
            // Neither a longer form than needed nor half of a pair of UTF-16.
            return (first > 0xe0 || text[1] >= 0xa0) && (first != 0xed || text[1] < 0xa0) ? 3 : nil
        }
        guard first & 0xf8 == 0xf0, count >= 4, trails(1), trails(2), trails(3) else { return nil }
        return (first > 0xf0 || text[1] >= 0x90) && (first < 0xf4 || first == 0xf4 && text[1] < 0x90) ? 4 : nil
    }

    /// Writes the text behind what is in `result`.
    func callAsFunction(_ text: UnsafeBufferPointer<UInt8>, into result: inout ByteBuffer) {
        guard let bytes = text.baseAddress, !text.isEmpty else { return }
        var place = 0
        if removesExtraSpaces {
            while place < text.count {
                let next = prefix(bytes, place, text.count)
                guard isSpace(next, bytes, place) else { break }
                place += next.consumed
            }
            if place == text.count { return }
        }
        let first = result.count
        result.reserve(text.count - place + 3)
        if addsDummyPrefix { appendSpace(&result) }
        var isBehindSpace = removesExtraSpaces
        while place < text.count {
            let next = prefix(bytes, place, text.count)
            switch next.text {
            case -2:
                // U+FFFD, which stands for a byte that is no character's.
                result.append(0xef, 0xbf, 0xbd)
                isBehindSpace = false
            case -1: append(bytes + place, next.consumed, &isBehindSpace, &result)
            default:
                let replaced = UnsafePointer(texts + next.text)
                var length = 0
                while replaced[length] != 0 { length &+= 1 }
                append(replaced, length, &isBehindSpace, &result)
            }
            place &+= next.consumed
            if !removesExtraSpaces { isBehindSpace = false }
        }
        if removesExtraSpaces {
            if escapesSpaces {
                while result.count - first >= 3, result.ends(with: Self.visibleSpace) { result.count -= 3 }
            } else {
                while result.count > first, result.last == Self.space { result.count -= 1 }
            }
        }
    }

    private func isSpace(_ prefix: Prefix, _ text: UnsafePointer<UInt8>, _ place: Int) -> Bool {
        switch prefix.text {
        case -2: false
        case -1: prefix.consumed == 1 && text[place] == Self.space
        default: texts[prefix.text] == Self.space && texts[prefix.text + 1] == 0
        }
    }

    @inline(__always)
    private func append(
        _ text: UnsafePointer<UInt8>, _ length: Int, _ isBehindSpace: inout Bool, _ result: inout ByteBuffer
    ) {
        var start = 0
        if isBehindSpace { while start < length, text[start] == Self.space { start &+= 1 } }
        guard start < length else { return }
        for index in start..<length {
            if text[index] == Self.space { appendSpace(&result) } else { result.append(text[index]) }
        }
        isBehindSpace = text[length &- 1] == Self.space
    }

    @inline(__always)
    private func appendSpace(_ result: inout ByteBuffer) {
        guard escapesSpaces else { return result.append(Self.space) }
        result.append(0xe2, 0x96, 0x81)
    }
}
