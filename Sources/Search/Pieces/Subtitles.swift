extension TextBlock {
    /// The cues of SubRip and WebVTT, each with its time; what is neither is passed over.
    static func cues(of text: String) -> [TextBlock] {
        var blocks: [TextBlock] = []
        var current: (seconds: Range<Double>, first: Int, rows: [String])?
        func close(_ last: Int) {
            guard let cue = current else { return }
            current = nil
            let text = cue.rows.joined(separator: " ").trimmingSpaces
            guard !text.isEmpty else { return }
            blocks.append(TextBlock(text: text, lines: cue.first...max(cue.first, last), seconds: cue.seconds))
        }
        let lines = lines(of: text)
        for (index, line) in lines.enumerated() {
            if let seconds = times(line) {
                // The number or name of a cue stands right before its time, and is no text of the one before it.
                close(index)
                current = (seconds, index + 1, [])
            } else if line.allSatisfy(\.isWhitespace) {
                close(index)
            } else {
                current?.rows.append(withoutMarks(line))
            }
        }
        close(lines.count)
        return blocks
    }

    /// `00:01:02,500 --> 00:01:04,000`, with dots or commas, hours or none, and settings behind it.
    private static func times(_ line: Substring) -> Range<Double>? {
        guard let arrow = line.firstRange(of: "-->") else { return nil }
        let end = line[arrow.upperBound...].drop(while: \.isWhitespace).prefix { !$0.isWhitespace }
        guard let start = seconds(line[..<arrow.lowerBound]), let stop = seconds(end) else { return nil }
        // What ends before it begins is said all the same.
        return start..<max(start, stop)
    }

    private static func seconds(_ text: Substring) -> Double? {
        // The fourth would be a frame of the second.
        let parts = text.split(separator: ":").prefix(3)
        guard (2...3).contains(parts.count) else { return nil }
        var sum = 0.0
        for part in parts {
            let number = String(part.map { $0 == "," ? "." : $0 }).trimmingSpaces
            guard let value = Double(number), value >= 0, value < 1e6 else { return nil }
            sum = sum * 60 + value
        }
        return sum
    }

    /// Without `<i>`, `<v Name>`, `{\an8}`.
    private static func withoutMarks(_ line: Substring) -> String {
        var (result, rest) = ("", line)
        while let start = rest.firstIndex(where: { $0 == "<" || $0 == "{" }) {
            result += rest[..<start]
            rest = rest[start...]
            // One that is never closed is text.
            guard let end = rest.firstIndex(of: rest.first == "<" ? ">" : "}") else { break }
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }
}
