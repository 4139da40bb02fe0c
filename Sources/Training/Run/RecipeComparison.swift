import FoundationEssentials

/// Whether a training may go on under a recipe: every key that changes what comes out must be as it was.
enum RecipeComparison {
    /// Keys, or beginnings of keys, that change only when something is written or how fast it goes.
    static let free: Set<String> = [
        "name", "description", "output", "checkpoint", "log", "threads", "workers", "cache", "licenses",
    ]

    static func check(old: String, new: String) throws(RunError) {
        guard old != new else { return }
        let decoder = JSONDecoder()
        guard let old = try? decoder.decode(JSONValue.self, from: Data(old.utf8)),
            let new = try? decoder.decode(JSONValue.self, from: Data(new.utf8))
        else { throw .changed(key: "the recipe", was: "another one", now: "this one") }
        if let difference = Self.difference(old, new, at: "") {
            throw .changed(key: difference.key, was: difference.was, now: difference.now)
        }
    }

    private static func difference(
        _ old: JSONValue, _ new: JSONValue, at key: String
    ) -> (key: String, was: String, now: String)? {
        guard old != new else { return nil }
        switch (old, new) {
        case (.object(let a), .object(let b)):
            for name in Set(a.keys).union(b.keys).sorted() where !free.contains(name) {
                let place = key.isEmpty ? name : "\(key).\(name)"
                if let found = difference(a[name] ?? .null, b[name] ?? .null, at: place) { return found }
            }
            return nil
        case (.array(let a), .array(let b)) where a.count == b.count:
            for (index, pair) in zip(a, b).enumerated() {
                if let found = difference(pair.0, pair.1, at: "\(key)[\(index)]") { return found }
            }
            return nil
        default: return (key, old.description, new.description)
        }
    }
}

/// Any JSON value.
enum JSONValue: Decodable, Equatable, CustomStringConvertible {
    case null
    case boolean(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    var description: String {
        switch self {
        case .null: "not set"
        case .boolean(let value): "\(value)"
        case .number(let value): value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
        case .string(let value): "\"\(value)\""
        case .array(let values): "[\(values.map(\.description).joined(separator: ", "))]"
        case .object(let values):
            "{\(values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "))}"
        }
    }
}
