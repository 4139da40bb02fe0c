/// A step that changes a text before it is cut.
enum Normalizer: Sendable {
    case bert(BertNormalizer)
    case form(NormalForm)
    case lowercase
    case stripAccents
    case strip(left: Bool, right: Bool)
    case replace(TextPattern, content: [UInt8])
    case prepend([UInt8])
    case precompiled(Charsmap)
    case nmt
    case byteLevel

    /// Bytes that may be made of one; Unicode makes 11 at most.
    private static let mostExpansion = 64
    /// Bytes that may be made of any text.
    private static let leastMost = 1 << 16

    /// One after the other.
    ///
    /// - Parameter movesStart: set where characters at the beginning are gone
    static func apply(
        _ steps: [Normalizer], to text: inout [UInt8], movesStart: inout Bool
    ) throws(TokenizerError) {
        let (product, overflow) = text.count.multipliedReportingOverflow(by: mostExpansion)
        let most = overflow ? .max : max(leastMost, product)
        for step in steps {
            try step.apply(&text, movesStart: &movesStart, most: most)
            guard text.count <= most else { throw .expansion(bytes: text.count, limit: most) }
        }
    }

    /// - Parameter most: bytes, soon after which a step that makes many of few ends
    private func apply(_ text: inout [UInt8], movesStart: inout Bool, most: Int) throws(TokenizerError) {
        switch self {
        case .bert(let options): options.apply(&text, movesStart: &movesStart)
        case .form(let form): text = form.apply(text)
        case .lowercase:
            text = Self.mapped(text) { code, result in
                Lowercase.append(code, to: &result)
                return true
            }
        case .stripAccents:
            guard text.contains(where: { $0 >= 0x80 }) else { return }
            text = Self.filtered(text, &movesStart) { !CharacterSet.combiningMarks.contains($0) }
        case .strip(let left, let right): Self.strip(&text, left, right, &movesStart)
        case .replace(let pattern, let content): try Self.replace(&text, pattern, content, &movesStart, most)
        case .prepend(let content): if !text.isEmpty { text.insert(contentsOf: content, at: 0) }
        case .precompiled(let map): text = map.apply(text, most: most)
        case .nmt: Self.nmt(&text, &movesStart)
        case .byteLevel: text = ByteLevel.mapped(text)
        }
    }

    /// - Parameter append: false where the character is dropped
    static func mapped(_ text: [UInt8], _ append: (UInt32, inout [UInt8]) -> Bool) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 8)
        text.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            var position = 0
            while position < bytes.count { _ = append(UTF8Characters.next(base, &position), &result) }
        }
        return result
    }

    static func filtered(_ text: [UInt8], _ movesStart: inout Bool, _ isKept: (UInt32) -> Bool) -> [UInt8] {
        var isStart = true
        var isMoved = false
        let result = mapped(text) { code, result in
            guard isKept(code) else {
                if isStart { isMoved = true }
                return false
            }
            isStart = false
            UTF8Characters.append(code, to: &result)
            return true
        }
        if isMoved { movesStart = true }
        return result
    }

    private static func strip(_ text: inout [UInt8], _ left: Bool, _ right: Bool, _ movesStart: inout Bool) {
        let kept = text.withUnsafeBufferPointer { bytes -> Range<Int> in
            guard let base = bytes.baseAddress else { return 0..<0 }
            var (start, end) = (0, bytes.count)
            while left, start < end {
                var next = start
                guard CharacterSet.spaces.contains(UTF8Characters.next(base, &next)) else { break }
                start = next
            }
            while right, end > start {
                let code = UTF8Characters.previous(base, end)
                guard CharacterSet.spaces.contains(code) else { break }
                end -= code < 0x80 ? 1 : code < 0x800 ? 2 : 3
            }
            return start..<end
        }
        if kept.lowerBound > 0 { movesStart = true }
        if kept.count < text.count { text = Array(text[kept]) }
    }

    private static func replace(
        _ text: inout [UInt8], _ pattern: TextPattern, _ content: [UInt8], _ movesStart: inout Bool,
        _ most: Int
    ) throws(TokenizerError) {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var end = 0
        try pattern.forEachMatch(in: text) { match in
            guard result.count <= most else { return }
            if match.lowerBound == 0, content.isEmpty, !match.isEmpty { movesStart = true }
            result.append(contentsOf: text[end..<match.lowerBound])
            result.append(contentsOf: content)
            end = match.upperBound
        }
        if result.count <= most { result.append(contentsOf: text[end...]) }
        text = result
    }

    private static func nmt(_ text: inout [UInt8], _ movesStart: inout Bool) {
        text = filtered(text, &movesStart) { code in
            switch code {
            case 0x1...0x8, 0xb, 0xe...0x1f, 0x7f, 0x8f, 0x9f: false
            default: true
            }
        }
        text = mapped(text) { code, result in
            switch code {
            case 0x9, 0xa, 0xc, 0xd, 0x1680, 0x200b...0x200f, 0x2028, 0x2029, 0x2581, 0xfeff, 0xfffd: result.append(32)
            default: UTF8Characters.append(code, to: &result)
            }
            return true
        }
    }
}
