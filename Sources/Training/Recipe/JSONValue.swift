import FoundationEssentials

/// A JSON tree. Objects remember no order: messages and defaults come from the schema.
package enum JSONValue: Sendable, Equatable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    /// What it is, as a message says it.
    var kind: String {
        switch self {
        case .null: "null"
        case .flag(let value): "\(value)"
        case .number(let value): Self.string(value)
        case .text(let value): "\"\(value)\""
        case .list: "a list"
        case .object: "an object"
        }
    }

    static func string(_ number: Double) -> String {
        Int(exactly: number).map { "\($0)" } ?? "\(number)"
    }

    package subscript(key: String) -> JSONValue? {
        if case .object(let fields) = self { fields[key] } else { nil }
    }
}

extension JSONValue: Codable {
    package init(from decoder: any Decoder) throws {
        if let fields = try? decoder.container(keyedBy: Key.self) {
            var object: [String: JSONValue] = [:]
            for key in fields.allKeys { object[key.stringValue] = try fields.decode(JSONValue.self, forKey: key) }
            self = .object(object)
            return
        }
        let single = try decoder.singleValueContainer()
        if single.decodeNil() {
            self = .null
        } else if let flag = try? single.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? single.decode(Double.self) {
            self = .number(number)
        } else if let text = try? single.decode(String.self) {
            self = .text(text)
        } else {
            self = .list(try single.decode([JSONValue].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var single = encoder.singleValueContainer()
        switch self {
        case .null: try single.encodeNil()
        case .flag(let value): try single.encode(value)
        case .number(let value):
            if let whole = Int(exactly: value) { try single.encode(whole) } else { try single.encode(value) }
        case .text(let value): try single.encode(value)
        case .list(let values): try single.encode(values)
        case .object(let fields): try single.encode(fields)
        }
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Throws the line and what is wrong there.
    package init(json: [UInt8]) throws(Unparsable) {
        self = try JSONText.parse(json)
    }

    package struct Unparsable: Error, Sendable, Equatable {
        package let reason: String
    }

    /// Sorted keys, indented: what a report or a model card shows.
    package var pretty: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
    }
}
