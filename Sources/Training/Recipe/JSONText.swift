import Glibc

/// Reads JSON that people write: unlike Foundation's decoder it names the line of a mistake, and a key that is given twice
/// is one.
struct JSONText {
    private let bytes: [UInt8]
    private var place = 0

    private static let deepest = 64

    /// The value that all of `bytes` is.
    static func parse(_ bytes: [UInt8]) throws(JSONValue.Unparsable) -> JSONValue {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw JSONValue.Unparsable(reason: "it is not UTF-8")
        }
        var text = JSONText(bytes: bytes)
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { text.place = 3 }
        let value = try text.value(depth: 0)
        text.skipSpace()
        guard text.place == bytes.count else { throw text.failure("there is more behind its end") }
        return value
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private func failure(_ reason: String, at offset: Int? = nil) -> JSONValue.Unparsable {
        let before = bytes[..<min(offset ?? place, bytes.count)]
        let line = before.count { $0 == 10 } + 1
        let column = before.count - (before.lastIndex(of: 10).map { $0 + 1 } ?? 0) + 1
        return JSONValue.Unparsable(reason: "line \(line), column \(column): \(reason)")
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 32 || byte == 10 || byte == 13 || byte == 9 { place += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard next == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONValue.Unparsable) -> JSONValue {
        skipSpace()
        guard depth < Self.deepest else { throw failure("it is nested more than \(Self.deepest) deep") }
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return .text(try string())
        case nil: throw failure("a value is missing at the end")
        default: return try word()
        }
    }

    private mutating func object(depth: Int) throws(JSONValue.Unparsable) -> JSONValue {
        place += 1
        var fields: [String: JSONValue] = [:]
        if take("}") { return .object(fields) }
        repeat {
            skipSpace()
            let start = place
            guard next == UInt8(ascii: "\"") else { throw failure("a key in quotes is expected here") }
            let key = try string()
            guard take(":") else { throw failure("a colon is expected behind the key \"\(key)\"") }
            guard fields.updateValue(try value(depth: depth + 1), forKey: key) == nil else {
                throw failure("the key \"\(key)\" is given twice", at: start)
            }
        } while take(",")
        guard take("}") else { throw failure("a comma or } is expected here") }
        return .object(fields)
    }

    private mutating func list(depth: Int) throws(JSONValue.Unparsable) -> JSONValue {
        place += 1
        var values: [JSONValue] = []
        if take("]") { return .list(values) }
        repeat { values.append(try value(depth: depth + 1)) } while take(",")
        guard take("]") else { throw failure("a comma or ] is expected here") }
        return .list(values)
    }

    /// true, false, null, or a number.
    private mutating func word() throws(JSONValue.Unparsable) -> JSONValue {
        let start = place
        while let byte = next, Self.isPartOfWord(byte) { place += 1 }
        let word = String(decoding: bytes[start..<place], as: UTF8.self)
        switch word {
        case "true": return .flag(true)
        case "false": return .flag(false)
        case "null": return .null
        case "": throw failure("a value is expected here")
        default:
            // Double also reads words such as nan and hexadecimal digits.
            guard word.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }), let number = Double(word),
                number.isFinite
            else { throw failure("\(word) is neither a number nor true, false, null or a text in quotes", at: start) }
            return .number(number)
        }
    }

    private static func isPartOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ":"), UInt8(ascii: "\""), 0...32:
            false
        default: true
        }
    }

    private mutating func string() throws(JSONValue.Unparsable) -> String {
        let start = place
        place += 1
        var text: [UInt8] = []
        while let byte = next {
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text += Array(String(try escaped()).utf8)
            case 0..<32:
                throw failure("a text ends at the end of its line, or holds a control character", at: place - 1)
            default: text.append(byte)
            }
        }
        throw failure("the text that starts here has no closing quote", at: start)
    }

    private mutating func escaped() throws(JSONValue.Unparsable) -> Unicode.Scalar {
        let start = place - 1
        guard let byte = next else { throw failure("a backslash is the end", at: start) }
        place += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "u"):
            var code = try digits(start)
            if code & 0xfc00 == 0xd800, place + 1 < bytes.count, bytes[place] == UInt8(ascii: "\\"),
                bytes[place + 1] == UInt8(ascii: "u")
            {
                place += 2
                let low = try digits(start)
                guard low & 0xfc00 == 0xdc00 else { throw failure("half a surrogate pair", at: start) }
                code = 0x10000 + (code & 0x3ff) << 10 + low & 0x3ff
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure("half a surrogate pair", at: start) }
            return scalar
        default: throw failure("\\\(Character(Unicode.Scalar(byte))) is no escape", at: start)
        }
    }

    private mutating func digits(_ start: Int) throws(JSONValue.Unparsable) -> UInt32 {
        guard place + 4 <= bytes.count,
            let code = UInt32(String(decoding: bytes[place..<place + 4], as: UTF8.self), radix: 16)
        else { throw failure("\\u needs four hexadecimal digits", at: start) }
        place += 4
        return code
    }
}
