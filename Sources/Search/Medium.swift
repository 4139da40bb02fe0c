import Castor

/// What an item is, as search tells them apart.
package enum Medium: UInt8, Sendable, CaseIterable {
    case text = 1, image, audio, video, document

    package var name: String {
        switch self {
        case .text: "text"
        case .image: "image"
        case .audio: "audio"
        case .video: "video"
        case .document: "document"
        }
    }

    package init?(name: String) {
        guard let medium = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = medium
    }
}

/// Which part of its file an item is.
package enum Place: Sendable, Hashable {
    case whole
    /// Counted from 1.
    case lines(ClosedRange<Int>)
    /// Counted from 1.
    case page(Int)
    case seconds(Range<Double>)
}

extension Place: CustomStringConvertible {
    package var description: String {
        switch self {
        case .whole: ""
        case .lines(let lines):
            lines.count == 1 ? "line \(lines.lowerBound)" : "lines \(lines.lowerBound)-\(lines.upperBound)"
        case .page(let page): "page \(page)"
        case .seconds(let seconds): "\(Self.clock(seconds.lowerBound))-\(Self.clock(seconds.upperBound))"
        }
    }

    /// `0:07`, `1:02:33`.
    private static func clock(_ seconds: Double) -> String {
        let whole = Int(max(0, min(seconds, 1e9)).rounded())
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let (hours, minutes) = (whole / 3600, whole / 60 % 60)
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(whole % 60))" : "\(minutes):\(two(whole % 60))"
    }
}

extension Place {
    /// As the catalogue has it: a kind and two numbers.
    var columns: (kind: Int, from: Double, to: Double) {
        switch self {
        case .whole: (0, 0, 0)
        case .lines(let lines): (1, Double(lines.lowerBound), Double(lines.upperBound))
        case .page(let page): (2, Double(page), 0)
        case .seconds(let seconds): (3, seconds.lowerBound, seconds.upperBound)
        }
    }

    /// nil for what no version wrote.
    init?(kind: Int, from: Double, to: Double) {
        func whole(_ number: Double) -> Int? { Int(exactly: number) }
        switch kind {
        case 0: self = .whole
        case 1:
            guard let first = whole(from), let last = whole(to), first <= last else { return nil }
            self = .lines(first...last)
        case 2:
            guard let page = whole(from) else { return nil }
            self = .page(page)
        case 3:
            guard from <= to else { return nil }
            self = .seconds(from..<to)
        default: return nil
        }
    }
}
