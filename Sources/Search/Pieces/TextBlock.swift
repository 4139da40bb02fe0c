import Castor

/// A paragraph, a heading, a line of a subtitle: what pieces of a text are put together from.
struct TextBlock: Equatable {
    var text: String
    /// Counted from 1.
    var lines: ClosedRange<Int>
    /// 1 is the highest, 0 the title of all; nil for what is no heading.
    var headingLevel: Int?
    /// Of a subtitle.
    var seconds: Range<Double>?

    var byteCount: Int { text.utf8.count }

    /// The same in parts that are not longer than that: at the ends of lines, else of sentences, else of words, else anywhere.
    func split(atMost bytes: Int) -> [TextBlock] {
        guard byteCount > bytes else { return [self] }
        let rows = text.split(separator: "\n", omittingEmptySubsequences: false)
        var parts: [TextBlock] = []
        var current: [Substring] = []
        var (size, first) = (0, lines.lowerBound)
        func close(_ before: Int) {
            guard !current.isEmpty else { return }
            let text = current.joined(separator: "\n")
            if text.contains(where: { !$0.isWhitespace }) {
                parts.append(TextBlock(text: text, lines: first...max(first, before), seconds: seconds))
            }
            (current, size) = ([], 0)
        }
        for (index, row) in rows.enumerated() {
            // Of a block that is not laid out as its file is, all lines are where it is.
            let line = rows.count == lines.count ? lines.lowerBound + index : lines.lowerBound
            if size + row.utf8.count + 1 > bytes {
                close(max(first, line - 1))
                first = line
            }
            if current.isEmpty { first = line }
            guard row.utf8.count > bytes else {
                current.append(row)
                size += row.utf8.count + 1
                continue
            }
            for piece in Self.pieces(row, atMost: bytes) {
                parts.append(TextBlock(text: String(piece), lines: line...line, seconds: seconds))
            }
        }
        close(lines.upperBound)
        return parts
    }

    /// One long line, at ends of sentences where they come late enough.
    private static func pieces(_ line: Substring, atMost bytes: Int) -> [Substring] {
        var pieces: [Substring] = []
        var rest = line
        while rest.utf8.count > bytes {
            var end = rest.utf8.index(rest.startIndex, offsetBy: bytes)
            // Not amid a character.
            while end > rest.startIndex, String.Index(end, within: rest) == nil { end = rest.utf8.index(before: end) }
            if end == rest.startIndex { end = rest.index(after: rest.startIndex) }
            let head = rest[..<end]
            let half = rest.utf8.index(rest.startIndex, offsetBy: bytes / 2)
            let cut = Self.lastEnd(of: head, after: half) ?? end
            pieces.append(rest[..<cut])
            rest = rest[cut...].drop(while: \.isWhitespace)
        }
        if !rest.isEmpty { pieces.append(rest) }
        return pieces
    }

    private static let sentenceEnds: Set<Character> = [".", "!", "?", "。", "！", "？", "…", ";"]

    /// Behind the last sentence, else the last word, that ends behind `start`.
    private static func lastEnd(of text: Substring, after start: Substring.Index) -> Substring.Index? {
        var word: Substring.Index?
        var index = text.endIndex
        while index > start {
            let before = text.index(before: index)
            if text[before].isWhitespace {
                if word == nil { word = index }
                if before > text.startIndex, sentenceEnds.contains(text[text.index(before: before)]) { return index }
            } else if "。！？".contains(text[before]) {
                return index
            }
            index = before
        }
        return word
    }

    /// The last sentences or lines that have room, of a longer one the last words; nil where even the last of these has none.
    func ending(atMost bytes: Int) -> TextBlock? {
        guard byteCount > bytes, bytes > 0 else { return byteCount > bytes ? nil : self }
        var start = text.utf8.index(text.endIndex, offsetBy: -bytes)
        while start < text.endIndex, String.Index(start, within: text) == nil { start = text.utf8.index(after: start) }
        let tail = text[start...]
        var (index, word) = (tail.startIndex, tail.endIndex)
        while index < tail.endIndex {
            let next = tail.index(after: index)
            let endsSentence =
                tail[index].isNewline
                || Self.sentenceEnds.contains(tail[index])
                    && (next == tail.endIndex || tail[next].isWhitespace)
            if endsSentence, next < tail.endIndex { return end(from: next) }
            if word == tail.endIndex, tail[index].isWhitespace { word = index }
            index = next
        }
        return end(from: word)
    }

    private func end(from start: String.Index) -> TextBlock? {
        let rest = text[start...].drop(while: \.isWhitespace)
        guard !rest.isEmpty else { return nil }
        let below = rest.count(where: \.isNewline)
        return TextBlock(
            text: String(rest), lines: max(lines.lowerBound, lines.upperBound - below)...lines.upperBound,
            seconds: seconds)
    }
}

extension TextBlock {
    /// What blank lines stand between; of Markdown also headings, and code between fences as one.
    static func paragraphs(of text: String, markdown: Bool) -> [TextBlock] {
        var blocks: [TextBlock] = []
        var rows: [Substring] = []
        var first = 1
        var fence: Substring?
        func close(_ next: Int) {
            guard !rows.isEmpty else { return }
            blocks.append(TextBlock(text: rows.joined(separator: "\n"), lines: first...next - 1))
            rows = []
        }
        let lines = lines(of: text)
        let (title, skipped) = markdown ? frontMatter(lines) : (nil, 0)
        if let title { blocks.append(TextBlock(text: title, lines: 1...skipped, headingLevel: 0)) }
        for (index, line) in lines.enumerated().dropFirst(skipped) {
            let number = index + 1
            if let open = fence {
                rows.append(line)
                if line.drop(while: { $0 == " " }).hasPrefix(open) { fence = nil }
                continue
            }
            if markdown, let mark = fenceMark(line) { fence = mark }
            if fence == nil, line.allSatisfy(\.isWhitespace) {
                close(number)
            } else if markdown, fence == nil, let (level, title) = heading(line) {
                close(number)
                blocks.append(TextBlock(text: title, lines: number...number, headingLevel: level))
            } else if markdown, fence == nil, rows.count == 1, let level = underline(line) {
                blocks.append(
                    TextBlock(text: String(rows[0]).trimmingSpaces, lines: first...number, headingLevel: level))
                rows = []
            } else {
                if rows.isEmpty { first = number }
                rows.append(line)
            }
        }
        close(lines.count + 1)
        return blocks
    }

    /// What programs that make pages read at the top of Markdown, between lines of three dashes: its title, and how many lines it has.
    private static func frontMatter(_ lines: [Substring]) -> (title: String?, lines: Int) {
        guard lines.first.map(isRule) == true, let end = lines.dropFirst().prefix(200).firstIndex(where: isRule) else {
            return (nil, 0)
        }
        // A rule at the top of a text that has another one is followed by a blank line.
        guard lines[1..<end].allSatisfy({ !$0.allSatisfy(\.isWhitespace) }), end > 1 else { return (nil, 0) }
        let title = lines[1..<end].first { $0.lowercased().hasPrefix("title:") }.map {
            String($0.dropFirst(6)).trimmingSpaces.filter { !"\"'".contains($0) }
        }
        return (title.flatMap { $0.isEmpty ? nil : $0 }, end + 1)
    }

    private static func isRule(_ line: Substring) -> Bool { String(line).trimmingSpaces == "---" }

    static func lines(of text: String) -> [Substring] {
        text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    }

    private static func fenceMark(_ line: Substring) -> Substring? {
        let line = line.drop { $0 == " " }
        return line.hasPrefix("```") ? "```" : line.hasPrefix("~~~") ? "~~~" : nil
    }

    /// `## A title ##`.
    private static func heading(_ line: Substring) -> (level: Int, title: String)? {
        let marks = line.prefix { $0 == "#" }
        guard (1...6).contains(marks.count), line.dropFirst(marks.count).first == " " else { return nil }
        var title = line.dropFirst(marks.count)
        while let last = title.last, last == "#" || last.isWhitespace { title.removeLast() }
        let trimmed = String(title).trimmingSpaces
        return trimmed.isEmpty ? nil : (marks.count, trimmed)
    }

    private static func underline(_ line: Substring) -> Int? {
        let trimmed = String(line).trimmingSpaces
        guard trimmed.count >= 3 else { return nil }
        if trimmed.allSatisfy({ $0 == "=" }) { return 1 }
        return trimmed.allSatisfy { $0 == "-" } ? 2 : nil
    }
}

extension String {
    /// Without white space at both ends.
    var trimmingSpaces: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }
}
