/// Lines of a text around an item.
package struct ItemText: Sendable, Equatable {
    /// Of the first line of ``before``, or of ``text`` where that is empty; counted from 1.
    package var firstLine: Int
    package var before: String
    package var text: String
    package var after: String

    /// Lines of context on either side.
    private static let context = 3
    /// Of a line without end, its beginning.
    private static let maxBytes = 64 << 10
    private static let maxFileBytes = 64 << 20

    /// nil for an item that is no lines of a text. Throws as ``IndexedFile``.
    package init?(_ hit: SearchHit) throws(SearchError) {
        guard hit.medium == .text, case .lines(let lines) = hit.place else { return nil }
        guard let bytes = try IndexedFile(hit).bytes(atMost: Self.maxFileBytes), let text = FilePieces.text(bytes)
        else { return nil }
        let wanted = max(1, lines.lowerBound - Self.context)...(lines.upperBound + Self.context)
        var (before, own, after): ([Substring], [Substring], [Substring]) = ([], [], [])
        var number = 0
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            number += 1
            guard number >= wanted.lowerBound else { continue }
            guard number <= wanted.upperBound else { break }
            if number < lines.lowerBound {
                before.append(line)
            } else if number <= lines.upperBound {
                own.append(line)
            } else {
                after.append(line)
            }
        }
        firstLine = wanted.lowerBound
        self.before = Self.joined(before)
        self.text = Self.joined(own)
        self.after = Self.joined(after)
    }

    private static func joined(_ lines: [Substring]) -> String {
        let text = lines.joined(separator: "\n")
        guard text.utf8.count > maxBytes else { return text }
        return String(decoding: text.utf8.prefix(maxBytes), as: UTF8.self) + "…"
    }
}
