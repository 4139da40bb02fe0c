extension TextBlock {
    /// What a page says: the text between its tags, in paragraphs where tags of blocks end them, with the lines of the file that it stands in.
    static func html(_ text: String) -> [TextBlock] {
        var reader = HTMLReader(text)
        reader.read()
        return reader.blocks
    }
}

/// Tags are passed over, not understood: a page that is not well made gives its text all the same.
private struct HTMLReader {
    private(set) var blocks: [TextBlock] = []
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var current: [UInt8] = []
    private var firstLine = 1
    private var lastLine = 1
    private var heading: Int?

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    mutating func read() {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "<"): tag()
            case UInt8(ascii: "&"): entity()
            default: append(bytes[position])
            }
        }
        close()
    }

    private mutating func append(_ byte: UInt8) {
        position += 1
        if byte == UInt8(ascii: "\n") { line += 1 }
        add(byte)
    }

    private mutating func add(_ byte: UInt8) {
        let isSpace = byte == 0x20 || (9...13).contains(byte)
        if isSpace {
            if let last = current.last, last != 0x20 { current.append(0x20) }
            return
        }
        if current.isEmpty { firstLine = line }
        lastLine = line
        current.append(byte)
    }

    private mutating func close() {
        while current.last == 0x20 { current.removeLast() }
        guard !current.isEmpty else { return }
        blocks.append(
            TextBlock(
                text: String(decoding: current, as: UTF8.self), lines: firstLine...lastLine, headingLevel: heading))
        current = []
    }

    private mutating func skip(to end: Int) {
        for byte in bytes[position..<end] where byte == UInt8(ascii: "\n") { line += 1 }
        position = end
    }

    /// Behind the next occurrence, or the end.
    private func end(after mark: String, from start: Int) -> Int {
        let mark = Array(mark.utf8)
        var index = start
        while index + mark.count <= bytes.count {
            if zip(mark, bytes[index...]).allSatisfy({ $0 == ($1 >= 65 && $1 <= 90 ? $1 | 32 : $1) }) {
                return index + mark.count
            }
            index += 1
        }
        return bytes.count
    }

    private mutating func tag() {
        let rest = bytes[(position + 1)...]
        if rest.starts(with: "!--".utf8) { return skip(to: end(after: "-->", from: position + 4)) }
        guard let next = rest.first, isLetter(next) || "/!?".utf8.contains(next) else { return append(bytes[position]) }
        let isEnd = next == UInt8(ascii: "/")
        let letters = rest.dropFirst(isEnd ? 1 : 0).prefix { isLetter($0) || (48...57).contains($0) }
        let name = String(decoding: letters, as: UTF8.self).lowercased()
        skip(to: tagEnd(position + 1))
        if !isEnd, Self.hidden.contains(name) {
            skip(to: end(after: "</\(name)", from: position))
            return skip(to: tagEnd(position))
        }
        if Self.inline.contains(name) { return }
        close()
        if name.count == 2, name.first == "h", let level = name.last?.wholeNumberValue, (1...6).contains(level) {
            heading = isEnd ? nil : level
        } else if name == "title" {
            // Above all headings of the page.
            heading = isEnd ? nil : 0
        } else if Self.blocksOfText.contains(name) {
            heading = nil
        }
    }

    /// Behind the `>` that is not in quotes.
    private func tagEnd(_ start: Int) -> Int {
        var quote: UInt8?
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: ">") {
                return index + 1
            }
            index += 1
        }
        // A quote that is never closed: to the next bracket, whatever it is in.
        return bytes[start...].firstIndex(of: UInt8(ascii: ">")).map { $0 + 1 } ?? bytes.count
    }

    private func isLetter(_ byte: UInt8) -> Bool { (65...90).contains(byte) || (97...122).contains(byte) }

    private mutating func entity() {
        let longest = 12
        let rest = bytes[(position + 1)...].prefix(longest)
        guard let end = rest.firstIndex(of: UInt8(ascii: ";")),
            let character = Self.character(String(decoding: rest[..<end], as: UTF8.self))
        else { return append(bytes[position]) }
        for byte in String(character).utf8 { add(byte) }
        position = end + 1
    }

    private static func character(_ name: String) -> Character? {
        if let named = names[name] { return named }
        guard name.first == "#" else { return nil }
        let digits = name.dropFirst()
        let isHexadecimal = digits.first == "x" || digits.first == "X"
        guard let code = isHexadecimal ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits),
            code != 0, let scalar = Unicode.Scalar(code)
        else { return nil }
        return Character(scalar)
    }

    private static let names: [String: Character] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": " ", "copy": "©", "reg": "®",
        "hellip": "…",
        "mdash": "—", "ndash": "–", "lsquo": "‘", "rsquo": "’", "ldquo": "“", "rdquo": "”", "laquo": "«", "raquo": "»",
        "euro": "€", "deg": "°", "times": "×", "middot": "·", "bull": "•", "auml": "ä", "ouml": "ö", "uuml": "ü",
        "Auml": "Ä", "Ouml": "Ö", "Uuml": "Ü", "szlig": "ß", "eacute": "é", "egrave": "è", "agrave": "à", "ccedil": "ç",
        "shy": "\u{AD}",
    ]
    private static let hidden: Set<String> = ["script", "style", "template", "noscript", "svg", "math", "iframe"]
    private static let inline: Set<String> = [
        "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img", "ins", "kbd",
        "label",
        "mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var",
        "wbr",
    ]
    private static let blocksOfText: Set<String> = [
        "p", "div", "section", "article", "main", "body", "ul", "ol", "table",
    ]
}
