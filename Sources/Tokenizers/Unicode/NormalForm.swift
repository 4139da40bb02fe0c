private import CUTF8Proc

/// Unicode's normalisation forms, of the characters that the library `tokenizers` knows: others stay as they are, and nothing moves past them.
enum NormalForm: String, Sendable {
    case nfd = "NFD"
    case nfkd = "NFKD"
    case nfc = "NFC"
    case nfkc = "NFKC"

    private var isCompatible: Bool { self == .nfkd || self == .nfkc }
    private var isComposed: Bool { self == .nfc || self == .nfkc }

    /// Loads the library; to be called before a form is used.
    static func prepare() throws(TokenizerError) {
        if let reason = castor_utf8proc_missing() {
            throw .library(name: "utf8proc (libutf8proc2)", reason: String(cString: reason))
        }
    }

    /// U+FDFA has 18.
    private static let mostParts = 32

    func apply(_ text: [UInt8]) -> [UInt8] {
        text.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress, bytes.contains(where: { $0 >= 0x80 }) else { return text }
            let active = CharacterSet.active
            var result: [UInt8] = []
            result.reserveCapacity(bytes.count + bytes.count / 8)
            var codes: [Int32] = []
            var position = 0
            var copied = 0
            while position < bytes.count {
                // A character and all after it that may change with it.
                let start = position
                let first = UTF8Characters.next(base, &position)
                var isActive = first >= 0x80 && active.contains(first)
                while position < bytes.count, base[position] >= 0x80 {
                    var next = position
                    guard active.contains(UTF8Characters.next(base, &next)) else { break }
                    position = next
                    isActive = true
                }
                guard isActive else { continue }
                result.append(contentsOf: bytes[copied..<start])
                copied = position
                append(base, start..<position, &codes, to: &result)
            }
            result.append(contentsOf: bytes[copied...])
            return result
        }
    }

    private func append(
        _ base: UnsafePointer<UInt8>, _ range: Range<Int>, _ codes: inout [Int32], to result: inout [UInt8]
    ) {
        codes.removeAll(keepingCapacity: true)
        var position = range.lowerBound
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: Self.mostParts) { parts in
            while position < range.upperBound {
                let code = UTF8Characters.next(base, &position)
                guard CharacterSet.active.contains(code) else {
                    codes.append(Int32(code))
                    continue
                }
                let count = Int(
                    castor_utf8proc_decompose(Int32(code), isCompatible, parts.baseAddress, Int32(Self.mostParts)))
                if count == 0 { codes.append(Int32(code)) } else { codes.append(contentsOf: parts[..<count]) }
            }
        }
        Self.order(&codes)
        var count = codes.count
        if isComposed {
            let left = codes.withUnsafeMutableBufferPointer { castor_utf8proc_compose($0.baseAddress, $0.count) }
            if left >= 0 { count = left }
        }
        for code in codes[..<count] { UTF8Characters.append(UInt32(code), to: &result) }
    }

    /// Marks by their combining class, those of one class as they were. Not by utf8proc, which takes quadratic time.
    private static func order(_ codes: inout [Int32]) {
        var start = 0
        while start < codes.count {
            var classes: [(key: Int, code: Int32)] = []
            var end = start
            while end < codes.count {
                let isMark = codes[end] >= 0x300 && CharacterSet.active.contains(UInt32(codes[end]))
                let combiningClass = isMark ? Int(castor_utf8proc_class(codes[end])) : 0
                guard combiningClass > 0 else { break }
                classes.append((combiningClass << 32 | end, codes[end]))
                end += 1
            }
            if classes.count > 1 {
                classes.sort { $0.key < $1.key }
                for (index, entry) in classes.enumerated() { codes[start + index] = entry.code }
            }
            start = end + 1
        }
    }
}
