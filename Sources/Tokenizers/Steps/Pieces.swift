/// A text and the pieces that it is cut into, in their order; none is empty.
struct Pieces {
    var text: [UInt8]
    var ranges: [Range<Int>]
    /// Whether the first piece is what the text as it was given begins with.
    var isStart: Bool
}

/// What becomes of the places where a pattern is found.
enum SplitBehavior: String, Sendable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
}

/// Spans of a text, matches and what lies between them, made into pieces.
struct SpanCollector {
    let behavior: SplitBehavior
    private(set) var ranges: [Range<Int>] = []
    /// Of the stretch that is being cut.
    private var first = 0
    private var previousIsMatch = false
    private var spans: [(range: Range<Int>, isMatch: Bool)] = []

    init(_ behavior: SplitBehavior, capacity: Int) {
        self.behavior = behavior
        ranges.reserveCapacity(capacity)
    }

    mutating func begin() {
        first = ranges.count
        previousIsMatch = false
    }

    @inline(__always)
    mutating func add(_ range: Range<Int>, isMatch: Bool) {
        switch behavior {
        case .removed: if !isMatch { ranges.append(range) }
        case .isolated: ranges.append(range)
        case .contiguous: join(range, isMatch == previousIsMatch, isMatch)
        case .mergedWithPrevious: join(range, isMatch && !previousIsMatch, isMatch)
        case .mergedWithNext: spans.append((range, isMatch))
        }
    }

    private mutating func join(_ range: Range<Int>, _ isJoined: Bool, _ isMatch: Bool) {
        if isJoined, ranges.count > first {
            ranges[ranges.count - 1] = ranges[ranges.count - 1].lowerBound..<range.upperBound
        } else {
            ranges.append(range)
        }
        previousIsMatch = isMatch
    }

    mutating func end() {
        guard behavior == .mergedWithNext else { return }
        var reversed: [Range<Int>] = []
        for (range, isMatch) in spans.reversed() {
            if isMatch, !previousIsMatch, let last = reversed.last {
                reversed[reversed.count - 1] = range.lowerBound..<last.upperBound
            } else {
                reversed.append(range)
            }
            previousIsMatch = isMatch
        }
        ranges.append(contentsOf: reversed.reversed())
        spans.removeAll(keepingCapacity: true)
    }
}
