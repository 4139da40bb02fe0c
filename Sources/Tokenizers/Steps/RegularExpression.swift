private import COniguruma
private import Glibc

/// A pattern in Oniguruma's syntax. Searches are bounded in steps, in memory and in the time of all of a text's.
package final class RegularExpression: @unchecked Sendable {
    private let regex: OpaquePointer
    /// The field of the file.
    private let field: String

    static let mostBytes = 4_096
    /// Steps back in one search. A search of ordinary patterns takes as many as its match has characters.
    private static let mostRetries: UInt = 4_000_000
    private static let mostStackEntries: UInt32 = 16_000_000
    /// What the searches in all pieces of a text have together.
    package struct Budget {
        /// Of processor time.
        private let mostSeconds: Double
        private static let searchesBetweenLooks = 64

        private var searches = 0
        private var began = 0.0

        /// - Parameter mostSeconds: patterns that are no attack stay far below
        package init(mostSeconds: Double = 10) {
            self.mostSeconds = mostSeconds
        }

        /// Counts a search; false where they have taken too long.
        mutating func isLeft() -> Bool {
            if searches == 0 { began = Self.seconds }
            searches += 1
            return searches % Self.searchesBetweenLooks != 0 || Self.seconds - began <= mostSeconds
        }

        private static var seconds: Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }
    }

    package init(_ pattern: String, field: String) throws(TokenizerError) {
        guard pattern.utf8.count <= Self.mostBytes else {
            throw .invalid(field: field, reason: "the pattern has more than \(Self.mostBytes) bytes")
        }
        var message = [CChar](repeating: 0, count: 256)
        var text = pattern
        let regex = text.withUTF8 { castor_onig_compile($0.baseAddress, $0.count, &message, message.count) }
        guard let regex else {
            let reason = String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            throw reason.hasPrefix("lib")
                ? .library(name: "Oniguruma (libonig5)", reason: reason) : .invalid(field: field, reason: reason)
        }
        self.regex = regex
        self.field = field
    }

    deinit { castor_onig_free(regex) }

    /// Matches from the left, none within another; an empty one not directly behind another.
    package func forEachMatch(
        in text: UnsafeBufferPointer<UInt8>, _ budget: inout Budget, _ body: (Range<Int>) -> Void
    ) throws(TokenizerError) {
        guard let base = text.baseAddress,
            let matcher = castor_onig_matcher_make(Self.mostRetries, Self.mostStackEntries)
        else { return }
        defer { castor_onig_matcher_free(matcher) }
        let known = Self.withKnownCharacters(text)
        var isOK = true
        if let known {
            known.withUnsafeBufferPointer { isOK = search($0.baseAddress!, text.count, matcher, &budget, body) }
        } else {
            isOK = search(base, text.count, matcher, &budget, body)
        }
        if !isOK { throw .pattern(field: field) }
    }

    private func search(
        _ base: UnsafePointer<UInt8>, _ count: Int, _ matcher: OpaquePointer, _ budget: inout Budget,
        _ body: (Range<Int>) -> Void
    ) -> Bool {
        var position = 0
        var lastEnd = -1
        var (start, end) = (0, 0)
        while position <= count {
            let status = castor_onig_search(regex, matcher, base, count, position, &start, &end)
            if status < 0 { return false }
            if status == 0 { break }
            if !budget.isLeft() { return false }
            if start == end, lastEnd == end {
                guard position < count else { break }
                _ = UTF8Characters.next(base, &position)
                continue
            }
            position = end
            lastEnd = end
            body(start..<end)
        }
        return true
    }

    // MARK: - Characters that are newer than the library

    private struct Substitute {
        var first: UInt32
        var last: UInt32
        var substitute: UInt32
    }

    private static let substitutes: [Substitute] = {
        var result: [Substitute] = []
        var numbers: [UInt32] = []
        var end: UInt32 = 0
        CharacterSet.numbers(UnicodeTables.substitutes) { number in
            numbers.append(UInt32(number))
            guard numbers.count == 3 else { return }
            let first = end + numbers[0]
            end = first + numbers[1]
            result.append(Substitute(first: first, last: end - 1, substitute: numbers[2]))
            numbers.removeAll()
        }
        return result
    }()

    /// The text with older characters of the same kind and length in the place of those that Oniguruma 6.9.8 does not know; nil where there are none.
    private static func withKnownCharacters(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard let base = text.baseAddress else { return nil }
        var result: [UInt8]?
        var position = 0
        while position < text.count {
            // The first of them is U+0897.
            if base[position] < 0xe0 {
                position += 1
                continue
            }
            let start = position
            let code = UTF8Characters.next(base, &position)
            guard CharacterSet.substituted.contains(code),
                let entry = substitutes.first(where: { $0.first...$0.last ~= code })
            else { continue }
            if result == nil { result = Array(text) }
            var bytes: [UInt8] = []
            UTF8Characters.append(entry.substitute, to: &bytes)
            for (index, byte) in bytes.enumerated() { result?[start + index] = byte }
        }
        return result
    }
}
