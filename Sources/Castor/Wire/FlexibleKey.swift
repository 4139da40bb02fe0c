/// A JSON field name in either spelling of proto3 JSON: `mimeType` and `mime_type` are one field.
struct FlexibleKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) {
        self.stringValue = stringValue
    }

    init?(intValue: Int) { nil }

    /// Without underscores and capitals.
    var canonical: String {
        stringValue.filter { $0 != "_" }.lowercased()
    }
}

/// The fields of a JSON object by canonical name. Names that the object may not have are refused.
package struct Fields {
    private let container: KeyedDecodingContainer<FlexibleKey>
    private let keys: [String: FlexibleKey]

    /// - Parameter known: canonical names, as in `mimetype`.
    package init(_ decoder: any Decoder, known: Set<String>) throws {
        container = try decoder.container(keyedBy: FlexibleKey.self)
        var keys: [String: FlexibleKey] = [:]
        for key in container.allKeys {
            guard known.contains(key.canonical) else {
                throw WireError(path: container.codingPath, reason: "unknown field \"\(key.stringValue)\"")
            }
            guard keys.updateValue(key, forKey: key.canonical) == nil else {
                throw WireError(path: container.codingPath, reason: "field \"\(key.stringValue)\" is given twice")
            }
        }
        self.keys = keys
    }

    /// nil where the field is absent or null.
    package func value<Value: Decodable>(_ name: String, _ type: Value.Type = Value.self) throws -> Value? {
        guard let key = keys[name] else { return nil }
        return try container.decodeIfPresent(Value.self, forKey: key)
    }

    package func failure(_ reason: String) -> WireError {
        WireError(path: container.codingPath, reason: reason)
    }
}

/// JSON that is not of the service's form; the description names the place.
public struct WireError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(path: [any CodingKey], reason: String) {
        let place = path.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
        description = place.isEmpty ? reason : "\(place.first == "." ? String(place.dropFirst()) : place): \(reason)"
    }

    package init(_ error: any Error) {
        guard let error = error as? DecodingError else {
            self = error as? WireError ?? WireError(path: [], reason: "\(error)")
            return
        }
        switch error {
        case .typeMismatch(_, let context): self.init(path: context.codingPath, reason: "has the wrong JSON type")
        case .valueNotFound(_, let context): self.init(path: context.codingPath, reason: "is null")
        case .keyNotFound(let key, let context):
            self.init(path: context.codingPath, reason: "lacks \"\(key.stringValue)\"")
        case .dataCorrupted(let context):
            self.init(
                path: context.codingPath,
                reason: context.codingPath.isEmpty ? "is not valid JSON" : "cannot be read")
        @unknown default: self.init(path: [], reason: "cannot be read")
        }
    }
}
