import Glibc

/// Walks one line of JSON without making a tree of it: a line is mostly numbers, and there may be 150 million of them.
struct JSONScanner {
    struct Failure: Error {
        let reason: String
    }

    private let bytes: UnsafeRawBufferPointer
    private var place = 0

    private static let deepest = 64

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    private func failure(_ reason: String) -> Failure { Failure(reason: "\(reason) at byte \(place + 1)") }

    private mutating func skipSpace() {
        while place < bytes.count, Self.isSpace(bytes[place]) { place += 1 }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 10 || byte == 13 || byte == 9 }

    /// Behind a number or a word.
    private static func endsWord(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") || isSpace(byte)
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    mutating func finish() throws(Failure) {
        skipSpace()
        guard place == bytes.count else { throw failure("there is more behind the object") }
    }

    /// Calls `visit` for each key, which reads the value or has it skipped by returning false.
    mutating func object(_ visit: (inout JSONScanner, String) throws(Failure) -> Bool) throws(Failure) {
        guard take("{") else { throw failure("{ is expected") }
        if take("}") { return }
        repeat {
            let key = try string()
            guard take(":") else { throw failure("a colon is expected") }
            if !(try visit(&self, key)) { try skip(depth: 0) }
        } while take(",")
        guard take("}") else { throw failure("a comma or } is expected") }
    }

    /// Calls `visit` for each item, which reads it.
    mutating func list(_ visit: (inout JSONScanner) throws(Failure) -> Void) throws(Failure) {
        guard take("[") else { throw failure("[ is expected") }
        if take("]") { return }
        repeat { try visit(&self) } while take(",")
        guard take("]") else { throw failure("a comma or ] is expected") }
    }

    mutating func string() throws(Failure) -> String {
        guard take("\"") else { throw failure("a text in quotes is expected") }
        var text: [UInt8] = []
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: text, as: UTF8.self) else { throw failure("not valid UTF-8") }
                return text
            case UInt8(ascii: "\\"): text += Array(String(try escape()).utf8)
            default: text.append(byte)
            }
        }
        throw failure("a text does not end")
    }

    private mutating func escape() throws(Failure) -> Unicode.Scalar {
        guard place < bytes.count else { throw failure("a text does not end") }
        let byte = bytes[place]
        place += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "u"):
            var code = try digits()
            if code & 0xfc00 == 0xd800, place + 1 < bytes.count, bytes[place] == UInt8(ascii: "\\"),
                bytes[place + 1] == UInt8(ascii: "u")
            {
                place += 2
                code = 0x10000 + (code & 0x3ff) << 10 + (try digits()) & 0x3ff
            }
            return Unicode.Scalar(code) ?? "\u{fffd}"
        default: return Unicode.Scalar(byte)
        }
    }

    private mutating func digits() throws(Failure) -> UInt32 {
        guard place + 4 <= bytes.count,
            let code = UInt32(String(decoding: bytes[place..<place + 4], as: UTF8.self), radix: 16)
        else { throw failure("\\u needs four hexadecimal digits") }
        place += 4
        return code
    }

    /// A number, or one of the words `NaN`, `Infinity` that some writers give and JSON does not have.
    mutating func number() throws(Failure) -> Float {
        skipSpace()
        if let value = plainDecimal() { return value }
        let start = place
        while place < bytes.count, !Self.endsWord(bytes[place]) { place += 1 }
        let length = place - start
        guard length > 0, length < 64 else { throw failure("a number is expected") }
        return try withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text throws(Failure) in
            for index in 0..<length { text[index] = CChar(bitPattern: bytes[start + index]) }
            text[length] = 0
            var end: UnsafeMutablePointer<CChar>?
            let value = strtof(text.baseAddress!, &end)
            guard end == text.baseAddress! + length else { throw failure("a number is expected") }
            return value
        }
    }

    private static let powersOfTen: [Double] = (0...22).map { power in
        (0..<power).reduce(1.0) { value, _ in value * 10 }
    }

    /// A number of at most 15 digits with a small exponent, as nearly all are, in a tenth of the time of `strtof` and to the same bits:
    /// digits and power are exact in f64, so their quotient is the nearest f64 (Clinger 1990), and where that lies too near the middle of two f32
    /// values for the second rounding to be right, nil is returned. Nothing is taken then.
    private mutating func plainDecimal() -> Float? {
        var at = place
        let isNegative = at < bytes.count && bytes[at] == UInt8(ascii: "-")
        if isNegative { at += 1 }
        var (digits, count, decimals) = (0, 0, 0)
        var isFraction = false
        while at < bytes.count {
            let digit = bytes[at] &- UInt8(ascii: "0")
            if digit <= 9 {
                digits = digits &* 10 &+ Int(digit)
                count += 1
                if isFraction { decimals += 1 }
            } else if bytes[at] == UInt8(ascii: "."), !isFraction {
                isFraction = true
            } else {
                break
            }
            at += 1
        }
        guard count > 0, count <= 15 else { return nil }
        var exponent = -decimals
        if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            let isSmall = at < bytes.count && bytes[at] == UInt8(ascii: "-")
            if at < bytes.count, isSmall || bytes[at] == UInt8(ascii: "+") { at += 1 }
            var (power, length) = (0, 0)
            while at < bytes.count, bytes[at] &- UInt8(ascii: "0") <= 9, length < 4 {
                power = power * 10 + Int(bytes[at] &- UInt8(ascii: "0"))
                length += 1
                at += 1
            }
            guard length > 0 else { return nil }
            exponent += isSmall ? -power : power
        }
        guard abs(exponent) <= 22, at == bytes.count || Self.endsWord(bytes[at]) else { return nil }
        let power = Self.powersOfTen[abs(exponent)]
        let value = exponent < 0 ? Double(digits) / power : Double(digits) * power
        // The 29 bits that an f32 does not have: not one half or next to it.
        let rest = value.bitPattern & 0x1fff_ffff
        guard rest < 0x0fff_ffff || rest > 0x1000_0001, value == 0 || value > 1e-30 else { return nil }
        place = at
        return Float(isNegative ? -value : value)
    }

    /// Whatever comes next.
    mutating func skip(depth: Int) throws(Failure) {
        guard depth < Self.deepest else { throw failure("nested too deeply") }
        skipSpace()
        guard place < bytes.count else { throw failure("a value is missing") }
        switch bytes[place] {
        case UInt8(ascii: "{"):
            try object { (scanner, _) throws(Failure) in
                try scanner.skip(depth: depth + 1)
                return true
            }
        case UInt8(ascii: "["): try list { (scanner) throws(Failure) in try scanner.skip(depth: depth + 1) }
        case UInt8(ascii: "\""): _ = try string()
        default:
            let start = place
            while place < bytes.count, !Self.endsWord(bytes[place]) { place += 1 }
            guard place > start else { throw failure("a value is expected") }
        }
    }
}
