/// A step that cuts a text into pieces, or changes the pieces.
enum PreTokenizer: Sendable {
    case bert
    case whitespace
    case whitespaceSplit
    case punctuation(SplitBehavior)
    case digits(areSingle: Bool)
    case delimiter(UInt32)
    case split(TextPattern, SplitBehavior, isInverted: Bool)
    case fixedLength(Int)
    case metaspace(Metaspace)
    case byteLevel(addsPrefixSpace: Bool, RegularExpression?)

    func apply(_ pieces: inout Pieces) throws(TokenizerError) {
        switch self {
        case .bert:
            Self.cut(&pieces, .removed) { CharacterSet.spaces.contains($0) }
            Self.cut(&pieces, .isolated) { CharacterSet.punctuation.contains($0) }
        case .whitespace: Self.cutWords(&pieces)
        case .whitespaceSplit: Self.cut(&pieces, .removed) { CharacterSet.spaces.contains($0) }
        case .punctuation(let behavior): Self.cut(&pieces, behavior) { CharacterSet.punctuation.contains($0) }
        case .digits(let areSingle):
            Self.cut(&pieces, areSingle ? .isolated : .contiguous) { CharacterSet.numbers.contains($0) }
        case .delimiter(let delimiter): Self.cut(&pieces, .removed) { $0 == delimiter }
        case .split(let pattern, let behavior, let isInverted):
            try Self.cut(&pieces, behavior, at: pattern, isInverted: isInverted)
        case .fixedLength(let length): Self.cut(&pieces, every: length)
        case .metaspace(let metaspace): metaspace.apply(&pieces)
        case .byteLevel(let addsPrefixSpace, let expression):
            if addsPrefixSpace { Self.addSpaces(&pieces) }
            if let expression { try Self.cut(&pieces, .isolated, at: .expression(expression), isInverted: false) }
            Self.mapBytes(&pieces)
        }
    }

    // MARK: - By characters

    @inline(__always)
    private static func cut(_ pieces: inout Pieces, _ behavior: SplitBehavior, _ isMatch: (UInt32) -> Bool) {
        var collector = SpanCollector(behavior, capacity: pieces.ranges.count + pieces.text.count / 4)
        pieces.text.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            for range in pieces.ranges {
                collector.begin()
                var position = range.lowerBound
                var open = position
                while position < range.upperBound {
                    let start = position
                    guard isMatch(UTF8Characters.next(base, &position)) else { continue }
                    if open < start { collector.add(open..<start, isMatch: false) }
                    collector.add(start..<position, isMatch: true)
                    open = position
                }
                if open < range.upperBound { collector.add(open..<range.upperBound, isMatch: false) }
                collector.end()
            }
        }
        pieces.setRanges(collector.ranges)
    }

    /// `\w+|[^\w\s]+`, and nothing else.
    private static func cutWords(_ pieces: inout Pieces) {
        var ranges: [Range<Int>] = []
        pieces.text.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            for range in pieces.ranges {
                var position = range.lowerBound
                var open = position
                // 0 is space, 1 what words are made of, 2 anything else.
                var openKind = 0
                while position < range.upperBound {
                    let start = position
                    let code = UTF8Characters.next(base, &position)
                    let kind = CharacterSet.words.contains(code) ? 1 : CharacterSet.spaces.contains(code) ? 0 : 2
                    guard kind != openKind else { continue }
                    if openKind != 0, open < start { ranges.append(open..<start) }
                    (open, openKind) = (start, kind)
                }
                if openKind != 0, open < range.upperBound { ranges.append(open..<range.upperBound) }
            }
        }
        pieces.setRanges(ranges)
    }

    private static func cut(_ pieces: inout Pieces, every length: Int) {
        var ranges: [Range<Int>] = []
        for range in pieces.ranges {
            var (open, count) = (range.lowerBound, 0)
            for position in range where pieces.text[position] & 0xc0 != 0x80 {
                if count == length {
                    ranges.append(open..<position)
                    (open, count) = (position, 0)
                }
                count += 1
            }
            ranges.append(open..<range.upperBound)
        }
        pieces.setRanges(ranges)
    }

    // MARK: - By patterns

    private static func cut(
        _ pieces: inout Pieces, _ behavior: SplitBehavior, at pattern: TextPattern, isInverted: Bool
    ) throws(TokenizerError) {
        var collector = SpanCollector(behavior, capacity: pieces.ranges.count + pieces.text.count / 4)
        var caught: TokenizerError?
        var budget = RegularExpression.Budget()
        pieces.text.withUnsafeBufferPointer { bytes in
            for range in pieces.ranges {
                collector.begin()
                var open = range.lowerBound
                do throws(TokenizerError) {
                    try pattern.forEachMatch(in: bytes, range, &budget) { match in
                        if open != match.lowerBound {
                            collector.add(open..<match.lowerBound, isMatch: isInverted)
                        }
                        collector.add(match, isMatch: !isInverted)
                        open = match.upperBound
                    }
                } catch {
                    caught = error
                    return
                }
                if open != range.upperBound { collector.add(open..<range.upperBound, isMatch: isInverted) }
                collector.end()
            }
        }
        if let caught { throw caught }
        pieces.setRanges(collector.ranges)
    }

    // MARK: - Bytes

    private static func addSpaces(_ pieces: inout Pieces) {
        let space = UInt8(ascii: " ")
        guard pieces.ranges.contains(where: { pieces.text[$0.lowerBound] != space }) else { return }
        pieces.rebuild { bytes, text in
            if bytes[0] != space { text.append(space) }
            text.append(contentsOf: bytes)
        }
    }

    private static func mapBytes(_ pieces: inout Pieces) {
        pieces.rebuild { bytes, text in ByteLevel.append(bytes, to: &text) }
    }
}

extension Pieces {
    /// Without those that are empty.
    mutating func setRanges(_ new: [Range<Int>]) {
        let old = ranges.first?.lowerBound
        ranges = new.contains(where: \.isEmpty) ? new.filter { !$0.isEmpty } : new
        if ranges.first?.lowerBound != old { isStart = false }
    }

    /// Each piece made anew; it must not become empty.
    mutating func rebuild(_ append: (UnsafeBufferPointer<UInt8>, inout [UInt8]) -> Void) {
        var result: [UInt8] = []
        result.reserveCapacity(text.count * 3 / 2)
        text.withUnsafeBufferPointer { bytes in
            for index in ranges.indices {
                let start = result.count
                append(UnsafeBufferPointer(rebasing: bytes[ranges[index]]), &result)
                ranges[index] = start..<result.count
            }
        }
        text = result
    }
}
