import CastorJSON
import Foundation
import TestSupport
import Testing

/// Documents drawn by lot, whole and damaged, beside Foundation's reader.
@Suite struct RandomTests {
    /// A document of at most `size` values.
    static func document(_ size: Int, _ random: inout SeededRandom) -> JSONValue {
        switch Int.random(in: 0..<(size > 1 ? 7 : 5), using: &random) {
        case 0: return .null
        case 1: return .flag(Bool.random(using: &random))
        case 2: return .number(Double(Int.random(in: -1_000_000...1_000_000, using: &random)) / 1_000)
        case 3, 4: return .text(text(&random))
        case 5: return .list((0..<Int.random(in: 0...4, using: &random)).map { _ in document(size / 4, &random) })
        default:
            var fields: [String: JSONValue] = [:]
            for _ in 0..<Int.random(in: 0...4, using: &random) { fields[text(&random)] = document(size / 4, &random) }
            return .object(fields)
        }
    }

    private static func text(_ random: inout SeededRandom) -> String {
        let characters: [Character] = [
            "a", "Z", "_", " ", "\"", "\\", "/", "\n", "\u{0}", "\u{1f}", "\u{7f}", "é", "\u{2028}", "€", "😀", "'",
        ]
        return String(
            (0..<Int.random(in: 0...12, using: &random)).map { _ in characters.randomElement(using: &random)! })
    }

    /// Written with what JSON leaves free: space, escapes, order.
    static func write(_ value: JSONValue, _ random: inout SeededRandom) -> String {
        func space() -> String { ["", "", " ", "\n\t", "\r\n"].randomElement(using: &random)! }
        func string(_ text: String) -> String {
            "\""
                + text.unicodeScalars.map { scalar -> String in
                    let mustEscape = scalar.value < 32 || scalar == "\"" || scalar == "\\"
                    guard mustEscape || Int.random(in: 0..<4, using: &random) == 0 else { return String(scalar) }
                    return String(scalar).utf16.map { unit in
                        let digits = String(unit, radix: 16)
                        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                    }.joined()
                }.joined() + "\""
        }
        switch value {
        case .null: return "null"
        case .flag(let flag): return "\(flag)"
        case .number(let number): return "\(number)"
        case .text(let text): return string(text)
        case .list(let values):
            return "[" + values.map { space() + write($0, &random) + space() }.joined(separator: ",") + space() + "]"
        case .object(let fields):
            return "{"
                + fields.map { space() + string($0.key) + space() + ":" + space() + write($0.value, &random) }.joined(
                    separator: ",")
                + space() + "}"
        }
    }

    private static func value(_ any: Any) -> JSONValue {
        switch any {
        case is NSNull: .null
        case let number as NSNumber:
            CFBooleanCheck.isBoolean(number) ? .flag(number.boolValue) : .number(number.doubleValue)
        case let text as String: .text(text)
        case let list as [Any]: .list(list.map(value))
        case let object as [String: Any]: .object(object.mapValues(value))
        default: preconditionFailure("\(type(of: any)) is no JSON")
        }
    }

    private enum CFBooleanCheck {
        static func isBoolean(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }
    }

    @Test func validDocumentsAreReadAsFoundationReadsThem() throws {
        var random = SeededRandom(seed: 7)
        for _ in 0..<2_000 {
            let document = Self.document(200, &random)
            let text = Self.write(document, &random)
            let own = try JSONValue(json: Array(text.utf8))
            #expect(own == document, "\(text)")
            let other = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
            #expect(own == Self.value(other), "\(text)")
            // A copy is the same document, for both.
            let copy = try JSONReader.read(Array(text.utf8), .service) { (json) throws(JSONError) in try json.copy() }
            #expect(try JSONValue(json: copy) == document, "\(text)")
        }
    }

    /// Never a trap; and what strict reading takes, tolerant reading and passing over take as well.
    @Test func damagedDocumentsHaveAnAnswer() throws {
        var random = SeededRandom(seed: 8)
        var taken = 0
        for _ in 0..<20_000 {
            var bytes = Array(Self.write(Self.document(60, &random), &random).utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: at)
                case 2:
                    bytes.insert(
                        contentsOf: Array("{}[]\",:\\u0d8'-.e1tfn ".utf8).shuffled(using: &random).prefix(2), at: at)
                default: bytes.removeSubrange(at...)
                }
            }
            let strict = AcceptanceTests.copy(bytes)
            let tolerant = AcceptanceTests.copy(bytes, .service)
            let skipped = (try? JSONReader.read(bytes) { (json) throws(JSONError) in try json.skip() }) != nil
            if let strict {
                taken += 1
                #expect(tolerant == strict)
                // A number beyond f64 is JSON, and no value.
                if (try? JSONValue(json: bytes)) != nil {
                    #expect(
                        (try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil,
                        "\(strict)")
                }
            }
            #expect(skipped == (strict != nil), "\(String(decoding: bytes, as: UTF8.self))")
            if let tolerant { #expect(AcceptanceTests.copy(Array(tolerant.utf8)) == tolerant) }
        }
        #expect(taken > 500, "the damage is not real, or all of it is fatal: \(taken)")
    }
}
