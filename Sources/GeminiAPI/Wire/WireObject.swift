package import Castor

/// One JSON object of a request, its fields read by the names of a ``WireSchema``.
///
/// `null` is as good as absent. Unknown names are noted, so that the client learns all of them at once, or passed over
/// where the server is lenient.
package struct WireObject {
    private let container: KeyedDecodingContainer<WireKey>
    private let keys: [String: WireKey]

    package init(_ decoder: any Decoder, _ schema: WireSchema) throws {
        do {
            container = try decoder.container(keyedBy: WireKey.self)
        } catch DecodingError.typeMismatch {
            throw WireFailure.wrongType(decoder.codingPath, expected: "an object")
        }
        let findings = decoder.userInfo[.wireFindings] as? WireFindings
        var keys: [String: WireKey] = [:]
        for key in container.allKeys {
            guard let name = schema.names[key.stringValue] else {
                findings?.unknown(key.stringValue, in: container.codingPath)
                continue
            }
            guard keys.updateValue(key, forKey: name) == nil else {
                throw WireFailure(container.codingPath, "The field \"\(name)\" is given in both spellings.")
            }
        }
        self.keys = keys
    }

    package func has(_ name: String) -> Bool { keys[name] != nil }

    package func value<Value: Decodable>(_ name: String, _ type: Value.Type = Value.self) throws -> Value? {
        guard let key = keys[name] else { return nil }
        do {
            return try container.decodeIfPresent(Value.self, forKey: key)
        } catch DecodingError.typeMismatch(_, let context) {
            throw WireFailure.wrongType(context.codingPath, expected: "another type")
        }
    }

    package func string(_ name: String) throws -> String? { try value(name, as: "TYPE_STRING") }

    package func bool(_ name: String) throws -> Bool? { try value(name, as: "TYPE_BOOL") }

    /// A whole number; proto3 JSON also takes `"768"` and `768.0`.
    package func int32(_ name: String) throws -> Int? {
        guard let number = try value(name, WireNumber.self, as: "TYPE_INT32")?.value else { return nil }
        guard let whole = Int32(exactly: number) else { throw failure(name, "TYPE_INT32") }
        return Int(whole)
    }

    /// As ``int32(_:)``, for the service's 64-bit numbers, which come as strings.
    package func int64(_ name: String) throws -> Int? {
        if let key = keys[name], let whole = try? container.decode(Int.self, forKey: key) { return whole }
        if let key = keys[name], let text = try? container.decode(String.self, forKey: key) {
            guard let whole = Int(text) else { throw failure(name, "TYPE_INT64") }
            return whole
        }
        guard let number = try value(name, WireNumber.self, as: "TYPE_INT64")?.value else { return nil }
        guard let whole = Int(exactly: number) else { throw failure(name, "TYPE_INT64") }
        return whole
    }

    package func double(_ name: String) throws -> Double? {
        try value(name, WireNumber.self, as: "TYPE_DOUBLE")?.value
    }

    /// A duration of proto3 JSON, as in `"3.5s"`, in seconds.
    package func duration(_ name: String) throws -> Double? {
        guard let text = try string(name) else { return nil }
        guard text.last == "s", let seconds = Double(text.dropLast()), seconds.isFinite else {
            throw failure(name, "type.googleapis.com/google.protobuf.Duration", "Illegal duration format")
        }
        return seconds
    }

    /// A task by its name, in upper or lower case, or number; nil for "unspecified".
    package func task(_ name: String) throws -> TaskType? {
        guard let key = keys[name] else { return nil }
        if let number = try? container.decode(Int.self, forKey: key) {
            guard number != 0 else { return nil }
            guard (1...TaskType.allCases.count).contains(number) else { throw failure(name, "TYPE_ENUM") }
            return TaskType.allCases[number - 1]
        }
        guard let text = try value(name, String.self, as: "TYPE_ENUM") else { return nil }
        if ["TASK_TYPE_UNSPECIFIED", "UNSPECIFIED"].contains(text.uppercased()) { return nil }
        guard let task = TaskType(name: text) else {
            throw failure(name, "TYPE_ENUM", "\"\(text.shortened)\"")
        }
        return task
    }

    /// - Parameter reason: what the service says after the place.
    package func failure(_ name: String, _ type: String, _ reason: String? = nil) -> WireFailure {
        let path = container.codingPath + (keys[name].map { [$0] } ?? [])
        let reason = reason.map { ", \($0)" } ?? ""
        return WireFailure(path, "Invalid value at '\(WireFailure.path(path))' (\(type))\(reason)")
    }

    /// What is wrong with the object as a whole, in words of one sentence.
    package func failure(_ message: String) -> WireFailure {
        WireFailure(container.codingPath, message)
    }

    private func value<Value: Decodable>(
        _ name: String, _ type: Value.Type = Value.self, as typeName: String
    ) throws -> Value? {
        guard let key = keys[name] else { return nil }
        do {
            return try container.decodeIfPresent(Value.self, forKey: key)
        } catch is DecodingError {
            throw failure(name, typeName)
        }
    }
}

struct WireKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) {
        self.stringValue = stringValue
    }

    init?(intValue: Int) { nil }
}

/// A number, or a string that holds one.
struct WireNumber: Decodable {
    let value: Double

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Double.self) {
            value = number
        } else {
            guard let number = Double(try container.decode(String.self)), number.isFinite else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a number")
            }
            value = number
        }
    }
}

extension String {
    /// For messages: what a client sent may be long.
    package var shortened: String { utf8.count > 200 ? "\(prefix(100))..." : self }
}
