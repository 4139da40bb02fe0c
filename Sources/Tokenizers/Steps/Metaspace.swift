/// Spaces as a character of their own, which begins a word.
struct Metaspace: Sendable {
    enum Prepending: String, Sendable {
        case always, first, never
    }

    /// UTF-8 of one character.
    var replacement: [UInt8]
    var prepending: Prepending
    var splits: Bool

    func apply(_ pieces: inout Pieces) {
        let space = UInt8(ascii: " ")
        var isFirst = pieces.isStart
        var result: [UInt8] = []
        result.reserveCapacity(pieces.text.count * 3 / 2)
        var ranges: [Range<Int>] = []
        pieces.text.withUnsafeBufferPointer { bytes in
            for range in pieces.ranges {
                let start = result.count
                let begins =
                    bytes[range.lowerBound] == space || isReplacement(bytes, range.lowerBound, range.upperBound)
                if !begins, prepending == .always || prepending == .first && isFirst {
                    result.append(contentsOf: replacement)
                }
                isFirst = false
                var open = start
                var position = range.lowerBound
                while position < range.upperBound {
                    let isSpace = bytes[position] == space
                    guard isSpace || isReplacement(bytes, position, range.upperBound) else {
                        result.append(bytes[position])
                        position += 1
                        continue
                    }
                    if splits, open < result.count {
                        ranges.append(open..<result.count)
                        open = result.count
                    }
                    result.append(contentsOf: replacement)
                    position += isSpace ? 1 : replacement.count
                }
                if open < result.count { ranges.append(open..<result.count) }
            }
        }
        pieces.text = result
        pieces.ranges = ranges
    }

    @inline(__always)
    private func isReplacement(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Bool {
        guard bytes[start] == replacement[0], start + replacement.count <= end else { return false }
        for index in 1..<max(1, replacement.count) where bytes[start + index] != replacement[index] { return false }
        return true
    }
}
