/// What the file beside a picture says of it.
enum CaptionText {
    /// Of the file; more is not read.
    static let maxBytes = 1 << 20

    /// Empty for one that says nothing. Throws `damaged` for what is no text.
    static func read(_ bytes: [UInt8], _ path: RawPath) throws(Problem) -> String {
        guard let text = FilePieces.text(bytes) else { throw Problem(.damaged, "no text") }
        return path.fileExtension == "xmp" ? described(text) : text.trimmingSpaces
    }

    /// Of XMP its title, its description and its keywords (Dublin Core, as programs for photos write them), each on a line.
    private static func described(_ xmp: String) -> String {
        // Bytes: to look for a text among flags costs the square of their number.
        let text = plain(Array(xmp.utf8))
        return ["dc:title", "dc:description", "dc:subject"].compactMap { name -> String? in
            for value in [element(name, text), attribute(name, text)] {
                // Its lists are made of tags, which are passed over.
                let said = TextBlock.html(String(decoding: value ?? [], as: UTF8.self)).map(\.text)
                if !said.isEmpty { return said.joined(separator: ", ") }
            }
            return nil
        }.joined(separator: "\n")
    }

    /// What stands between its tags.
    private static func element(_ name: String, _ text: [UInt8]) -> ArraySlice<UInt8>? {
        var from = 0
        while let start = range(of: "<\(name)", in: text, from: from) {
            from = start.upperBound
            guard from < text.count, text[from] == UInt8(ascii: ">") || isSpace(text[from]),
                let open = text[from...].firstIndex(of: UInt8(ascii: ">")), text[open - 1] != UInt8(ascii: "/")
            else { continue }
            return range(of: "</\(name)", in: text, from: open + 1).map { text[(open + 1)..<$0.lowerBound] }
        }
        return nil
    }

    /// RDF's short form of an element that has no parts.
    private static func attribute(_ name: String, _ text: [UInt8]) -> ArraySlice<UInt8>? {
        var from = 0
        while let start = range(of: name, in: text, from: from) {
            from = start.upperBound
            guard start.lowerBound > 0, isSpace(text[start.lowerBound - 1]) else { continue }
            let rest = text[from...].drop(while: isSpace)
            guard rest.first == UInt8(ascii: "=") else { continue }
            let value = rest.dropFirst().drop(while: isSpace)
            guard let quote = value.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'"),
                let end = value.dropFirst().firstIndex(of: quote)
            else { return nil }
            return value[(value.startIndex + 1)..<end]
        }
        return nil
    }

    /// CDATA written as other text is, and without what is commented out.
    private static func plain(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var position = 0
        while let start = text[position...].firstIndex(of: UInt8(ascii: "<")) {
            result += text[position..<start]
            position = start
            if text[start...].starts(with: "<!--".utf8) {
                position = range(of: "-->", in: text, from: start + 4)?.upperBound ?? text.count
            } else if text[start...].starts(with: "<![CDATA[".utf8),
                let end = range(of: "]]>", in: text, from: start + 9)
            {
                for byte in text[(start + 9)..<end.lowerBound] {
                    switch byte {
                    case UInt8(ascii: "&"): result += "&amp;".utf8
                    case UInt8(ascii: "<"): result += "&lt;".utf8
                    default: result.append(byte)
                    }
                }
                position = end.upperBound
            } else {
                result.append(text[start])
                position = start + 1
            }
        }
        return result + text[position...]
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

    private static func range(of word: String, in text: [UInt8], from start: Int) -> Range<Int>? {
        let word = Array(word.utf8)
        var position = start
        while let first = text[position...].firstIndex(of: word[0]) {
            if text[first...].starts(with: word) { return first..<first + word.count }
            position = first + 1
        }
        return nil
    }
}
