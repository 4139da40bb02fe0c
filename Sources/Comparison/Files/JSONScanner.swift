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
        while place < bytes.count, [9, 10, 13, 32].contains(bytes[place]) { place += 1 }
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
        let start = place
        while place < bytes.count, ![9, 10, 13, 32, 44, 93, 125].contains(bytes[place]) { place += 1 }
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
            while place < bytes.count, ![9, 10, 13, 32, 44, 93, 125].contains(bytes[place]) { place += 1 }
            guard place > start else { throw failure("a value is expected") }
        }
    }
}
