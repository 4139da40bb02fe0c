/// What part of a file is asked for (RFC 9110, section 14).
enum ByteRange: Equatable {
    case whole
    case part(Range<Int>)
    /// No byte of the file.
    case unsatisfiable

    /// Several ranges at once, another unit and what cannot be read are answered with the whole file, which the standard allows.
    init(_ field: String?, size: Int) {
        self = .whole
        guard let field, field.utf8.count < 100, let equals = field.firstIndex(of: "="),
            field[..<equals].lowercased() == "bytes"
        else { return }
        let words = field[field.index(after: equals)...].filter { $0 != " " }
            .split(separator: "-", omittingEmptySubsequences: false)
        guard words.count == 2 else { return }
        let numbers = words.map(Self.number)
        switch (words[0].isEmpty, numbers[0], words[1].isEmpty, numbers[1]) {
        case (false, let first?, true, _): self = Self.clamped(first, size - 1, size)
        case (false, let first?, false, let last?) where first <= last: self = Self.clamped(first, last, size)
        case (true, _, false, let count?):
            self = count == 0 ? .unsatisfiable : Self.clamped(max(0, size - count), size - 1, size)
        default: return
        }
    }

    private static func clamped(_ first: Int, _ last: Int, _ size: Int) -> ByteRange {
        first < size ? .part(first..<min(last, size - 1) + 1) : .unsatisfiable
    }

    /// Digits alone; one beyond 64 bits is as good as the largest.
    private static func number(_ word: Substring) -> Int? {
        guard !word.isEmpty, word.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return min(Int(word) ?? Int.max - 1, Int.max - 1)
    }
}
