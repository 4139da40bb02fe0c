import FoundationEssentials

/// A JSON tree, for what people write: small, of any form, and strict. Objects remember no order: messages and defaults come from those
/// who know what belongs there.
package enum JSONValue: Sendable, Equatable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    /// The value that all of `bytes` is.
    package init(json bytes: UnsafeRawBufferPointer) throws(JSONError) {
        var options = JSONReader.Options.strict
        options.maxDepth = 64
        self = try JSONReader.read(bytes, options) { (json) throws(JSONError) in try JSONValue(&json) }
    }

    /// The value that all of `bytes` is.
    package init(json bytes: [UInt8]) throws(JSONError) {
        self = try bytes.span.bytes.withUnsafeBytes { (bytes) throws(JSONError) in try JSONValue(json: bytes) }
    }

    /// Depth is bounded by the reader's.
    private init(_ json: inout JSONReader) throws(JSONError) {
        switch try json.kind() {
        case .null:
            try json.null()
            self = .null
        case .flag: self = .flag(try json.bool())
        case .number:
            let start = json.position
            let number = try json.number()
            let value = json.double(number)
            guard value.isFinite else {
                throw json.syntax(
                    "\(json.text(number)) is neither a number nor true, false, null or a text in quotes", at: start)
            }
            self = .number(value)
        case .string: self = .text(try json.string())
        case .list:
            var values: [JSONValue] = []
            try json.startList()
            while try json.nextItem() { values.append(try JSONValue(&json)) }
            self = .list(values)
        case .object:
            var fields: [String: JSONValue] = [:]
            try json.startObject()
            while let name = try json.nextName() {
                let (key, place) = (name.text, json.nameStart)
                guard fields.updateValue(try JSONValue(&json), forKey: key) == nil else {
                    throw json.syntax("the key \"\(key)\" is given twice", at: place)
                }
            }
            self = .object(fields)
        }
    }

    /// What it is, as a message says it.
    package var kind: String {
        switch self {
        case .null: "null"
        case .flag(let value): "\(value)"
        case .number(let value): Self.string(value)
        case .text(let value): "\"\(value)\""
        case .list: "a list"
        case .object: "an object"
        }
    }

    package static func string(_ number: Double) -> String {
        Int(exactly: number).map { "\($0)" } ?? "\(number)"
    }

    package subscript(key: String) -> JSONValue? {
        if case .object(let fields) = self { fields[key] } else { nil }
    }
}

extension JSONValue: Encodable {
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

    /// Sorted keys, indented: what a report or a model card shows.
    package var pretty: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
    }
}

/// Where in a file its values stand: a line for a path such as `stages[0].steps`. Made when a mistake is to be shown.
package struct JSONLines: Sendable {
    private var lines: [String: Int] = [:]
    private var line = 1
    private var offset = 0

    /// Empty where the bytes cannot be read.
    package init(_ bytes: [UInt8]) {
        _ = try? JSONReader.read(bytes) { (json) throws(JSONError) in try note(&json, bytes) }
    }

    private mutating func note(_ json: inout JSONReader, _ bytes: [UInt8]) throws(JSONError) {
        switch try json.kind() {
        case .list:
            try json.startList()
            while try json.nextItem() {
                _ = try json.kind()
                note(json.path, at: json.position, bytes)
                try note(&json, bytes)
            }
        case .object:
            try json.startObject()
            while try json.nextName() != nil {
                note(json.path, at: json.nameStart, bytes)
                try note(&json, bytes)
            }
        default: try json.skip()
        }
    }

    private mutating func note(_ path: [JSONStep], at place: Int, _ bytes: [UInt8]) {
        line += bytes[offset..<place].count { $0 == 10 }
        offset = place
        lines[path.text] = line
    }

    package subscript(path: String) -> Int? { lines[path] }
}
