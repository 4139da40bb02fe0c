import Glibc

extension JSONReader {
    /// A text where it stands, without its quotes.
    struct Text {
        var start: Int
        var end: Int
        var hasEscapes: Bool
    }

    // MARK: - Texts

    package mutating func string() throws(JSONError) -> String {
        let text = try dueText()
        if text.hasEscapes { return try unescaped(text) }
        return String(
            decoding: UnsafeBufferPointer(start: base + text.start, count: text.end - text.start), as: UTF8.self)
    }

    /// As ``string()``, for the bytes of a text that may be many megabytes long and is needed once.
    package mutating func withStringBytes<Value>(
        _ body: (UnsafeBufferPointer<UInt8>) -> Value
    ) throws(JSONError) -> Value {
        let text = try dueText()
        if text.hasEscapes {
            var string = try unescaped(text)
            return string.withUTF8(body)
        }
        return body(UnsafeBufferPointer(start: base + text.start, count: text.end - text.start))
    }

    private mutating func dueText() throws(JSONError) -> Text {
        guard try kind() == .string else { throw type("a text") }
        try begin()
        return try scanString()
    }

    /// From its quote on.
    mutating func scanString() throws(JSONError) -> Text {
        let quote = base[position]
        let opened = position
        var at = position + 1
        var hasEscapes = false
        while true {
            at = plainEnd(at, quote)
            guard at < count else { throw syntax("the text that starts here has no closing quote", at: opened) }
            switch base[at] {
            case quote:
                position = at + 1
                return Text(start: opened + 1, end: at, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                guard at + 1 < count else { throw syntax("a backslash is the end", at: at) }
                at += 2
            case 0..<32 where !options.isTolerant:
                throw syntax("a text ends at the end of its line, or holds a control character", at: at)
            default: at += 1
            }
        }
    }

    /// The first byte from `at` on that is a quote, a backslash or a control character, eight at a time.
    private func plainEnd(_ start: Int, _ quote: UInt8) -> Int {
        var at = start
        let (ones, highs): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
        let quotes = ones &* UInt64(quote)
        let raw = UnsafeRawPointer(base)
        while at + 8 <= count {
            let word = raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            let (q, b) = (word ^ quotes, word ^ 0x5c5c_5c5c_5c5c_5c5c)
            let found = (q &- ones) & ~q | (b &- ones) & ~b | (word &- (ones &* 32)) & ~word
            if found & highs != 0 { break }
            at += 8
        }
        while at < count, base[at] != quote, base[at] != UInt8(ascii: "\\"), base[at] >= 32 { at += 1 }
        return at
    }

    func unescaped(_ text: Text) throws(JSONError) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.end - text.start)
        var at = text.start
        while at < text.end {
            var next = at
            while next < text.end, base[next] != UInt8(ascii: "\\") { next += 1 }
            bytes.append(contentsOf: UnsafeBufferPointer(start: base + at, count: next - at))
            at = next
            if at < text.end { try appendEscape(&at, to: &bytes) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What the backslash at `at` begins; a text never ends with one.
    private func appendEscape(_ at: inout Int, to bytes: inout [UInt8]) throws(JSONError) {
        let start = at
        at += 2
        switch base[start + 1] {
        case UInt8(ascii: "n"): bytes.append(10)
        case UInt8(ascii: "t"): bytes.append(9)
        case UInt8(ascii: "r"): bytes.append(13)
        case UInt8(ascii: "b"): bytes.append(8)
        case UInt8(ascii: "f"): bytes.append(12)
        case UInt8(ascii: "v") where options.isTolerant: bytes.append(11)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(base[start + 1])
        case UInt8(ascii: "u"):
            var code = try digits(&at, of: start)
            if code & 0xfc00 == 0xd800, at + 1 < count, base[at] == UInt8(ascii: "\\"),
                base[at + 1] == UInt8(ascii: "u")
            {
                at += 2
                let low = try digits(&at, of: start)
                guard low & 0xfc00 == 0xdc00 else { throw syntax("half a surrogate pair", at: start) }
                code = 0x10000 + (code & 0x3ff) << 10 + low & 0x3ff
            }
            guard let scalar = Unicode.Scalar(code) else { throw syntax("half a surrogate pair", at: start) }
            bytes.append(contentsOf: UTF8.encode(scalar)!)
        case let byte:
            // The bytes of a longer character follow as they are.
            guard options.isTolerant else {
                let end = Self.characterEnd(base, start + 1, count)
                let character = String(
                    decoding: UnsafeBufferPointer(start: base + start + 1, count: end - start - 1), as: UTF8.self)
                throw syntax("\\\(character) is no escape", at: start)
            }
            bytes.append(byte)
        }
    }

    private static func characterEnd(_ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
        var end = start + 1
        while end < count, base[end] & 0xc0 == 0x80 { end += 1 }
        return end
    }

    private func digits(_ at: inout Int, of start: Int) throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for index in at..<at + 4 {
            guard index < count, let digit = Self.hexadecimal(base[index]) else {
                throw syntax("\\u needs four hexadecimal digits", at: start)
            }
            code = code << 4 | UInt32(digit)
        }
        at += 4
        return code
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    // MARK: - Words

    package mutating func bool() throws(JSONError) -> Bool {
        guard try kind() == .flag else { throw type("true or false") }
        let value = base[position] == UInt8(ascii: "t")
        try word(value ? "true" : "false")
        return value
    }

    package mutating func null() throws(JSONError) {
        guard try kind() == .null else { throw type("null") }
        try word("null")
    }

    private mutating func word(_ word: StaticString) throws(JSONError) {
        let end = position + word.utf8CodeUnitCount
        guard end <= count, memcmp(base + position, word.utf8Start, word.utf8CodeUnitCount) == 0,
            end == count || Self.endsWord(base[end])
        else { throw notAValue() }
        try begin()
        position = end
    }

    // MARK: - Numbers

    /// A number as it is written.
    package struct Number {
        fileprivate var start: Int
        fileprivate var end: Int
        /// All digits as one whole number, where there are 19 at most.
        fileprivate var digits: UInt64
        fileprivate var digitCount: Int
        /// The number is `digits` times ten to the power of this.
        fileprivate var exponent: Int
        fileprivate var isNegative: Bool
        /// Whether it has neither a point nor an exponent.
        package fileprivate(set) var isWhole: Bool
    }

    /// A number of JSON's grammar, to be looked at by ``text(_:)``, ``double(_:)`` or ``int(_:)``.
    package mutating func number() throws(JSONError) -> Number {
        guard try kind() == .number else { throw type("a number") }
        guard let number = scanNumber() else { throw notAValue() }
        try begin()
        position = number.end
        return number
    }

    @inline(__always)
    private func scanNumber() -> Number? {
        var at = position
        let isNegative = at < count && base[at] == UInt8(ascii: "-")
        if isNegative { at += 1 }
        let first = at
        var digits: UInt64 = 0
        @inline(__always)
        func takeDigits() {
            while at < count, base[at] &- UInt8(ascii: "0") <= 9 {
                digits = digits &* 10 &+ UInt64(base[at] &- UInt8(ascii: "0"))
                at += 1
            }
        }
        takeDigits()
        let whole = at - first
        guard whole == 1 || whole > 1 && base[first] != UInt8(ascii: "0") else { return nil }
        var (decimals, exponent) = (0, 0)
        var isWhole = true
        if at < count, base[at] == UInt8(ascii: ".") {
            at += 1
            let start = at
            takeDigits()
            decimals = at - start
            guard decimals > 0 else { return nil }
            isWhole = false
        }
        if at < count, base[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            let isSmall = at < count && base[at] == UInt8(ascii: "-")
            if isSmall || at < count && base[at] == UInt8(ascii: "+") { at += 1 }
            let start = at
            while at < count, base[at] &- UInt8(ascii: "0") <= 9 {
                exponent = min(exponent * 10 + Int(base[at] &- UInt8(ascii: "0")), 1 << 40)
                at += 1
            }
            guard at > start else { return nil }
            if isSmall { exponent = -exponent }
            isWhole = false
        }
        guard at == count || Self.endsWord(base[at]) else { return nil }
        return Number(
            start: position, end: at, digits: digits, digitCount: whole + decimals, exponent: exponent - decimals,
            isNegative: isNegative, isWhole: isWhole)
    }

    package func text(_ number: Number) -> String {
        String(
            decoding: UnsafeBufferPointer(start: base + number.start, count: number.end - number.start), as: UTF8.self)
    }

    private static let powersOfTen: [Double] = (0...22).map { power in
        (0..<power).reduce(1.0) { value, _ in value * 10 }
    }

    /// The nearest f64; infinite where the number is beyond them.
    package func double(_ number: Number) -> Double {
        quick(number) ?? Double(text(number)) ?? .nan
    }

    /// Digits and power are exact in f64, so that their product or quotient is the nearest f64 (Clinger 1990).
    @inline(__always)
    private func quick(_ number: Number) -> Double? {
        guard number.digitCount <= 19, number.digits <= 1 << 53, abs(number.exponent) <= 22 else { return nil }
        let power = Self.powersOfTen[abs(number.exponent)]
        let value = number.exponent < 0 ? Double(number.digits) / power : Double(number.digits) * power
        return number.isNegative ? -value : value
    }

    /// nil for a fraction, and beyond 64 bits; `7.0` and `7e2` are whole.
    package func int(_ number: Number) -> Int? {
        if number.isWhole {
            if number.digitCount <= 18 { return number.isNegative ? -Int(number.digits) : Int(number.digits) }
            return Int(text(number))
        }
        return Int(exactly: double(number))
    }

    package mutating func double() throws(JSONError) -> Double {
        let start = position
        let value = double(try number())
        guard value.isFinite else { throw syntax("the number is beyond what 64 bits hold", at: start) }
        return value
    }

    /// Appends a list of numbers, each the nearest f32. `NaN` and `Infinity`, which some writers give and JSON does not have, are taken as
    /// well: who needs finite values looks.
    package mutating func appendFloats(to values: inout [Float]) throws(JSONError) {
        try startList()
        while try nextItem() { values.append(try float()) }
    }

    private mutating func float() throws(JSONError) -> Float {
        skipSpace()
        if let number = scanNumber() {
            try begin()
            position = number.end
            // A second rounding is right unless the f64 lies in the middle of two f32 values or next to it.
            if let value = quick(number) {
                let rest = value.bitPattern & 0x1fff_ffff
                if rest < 0x0fff_ffff || rest > 0x1000_0001, value == 0 || abs(value) > 1e-30 { return Float(value) }
            }
            return strtof(text(number), nil)
        }
        let start = position
        var end = position
        while end < count, !Self.endsWord(base[end]) { end += 1 }
        switch String(decoding: UnsafeBufferPointer(start: base + start, count: end - start), as: UTF8.self)
            .lowercased()
        {
        case "nan", "-nan":
            try begin()
            position = end
            return .nan
        case "infinity", "inf", "-infinity", "-inf":
            try begin()
            position = end
            return base[start] == UInt8(ascii: "-") ? -.infinity : .infinity
        default: throw try kind() == .number ? notAValue() : type("a number")
        }
    }
}
