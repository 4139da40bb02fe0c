/// How a case of an enum stands in `config.json`: its name where it has no values, an object of one key, its name, where it has.
struct SpecCase {
    struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    let name: String
    private let path: [any CodingKey]
    private let object: KeyedDecodingContainer<Key>?

    init(_ decoder: any Decoder) throws {
        path = decoder.codingPath
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            name = text
            object = nil
            return
        }
        let object = try decoder.container(keyedBy: Key.self)
        guard object.allKeys.count == 1 else {
            throw DecodingError.typeMismatch(
                SpecCase.self, .init(codingPath: path, debugDescription: "not an object of one key"))
        }
        name = object.allKeys[0].stringValue
        self.object = object
    }

    /// What the case has.
    func value<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        guard let object else {
            throw DecodingError.keyNotFound(
                Key(name), .init(codingPath: path, debugDescription: "\(name) has values"))
        }
        return try object.decode(Value.self, forKey: Key(name))
    }

    /// For a name that is none of the enum's.
    func unknown() -> DecodingError {
        .typeMismatch(SpecCase.self, .init(codingPath: path, debugDescription: "\(name) is not known here"))
    }

    /// For a case without values: those that are there would be lost.
    func plain<Case>(_ value: Case) throws -> Case {
        guard object == nil else { throw unknown() }
        return value
    }

    static func write(_ name: String, to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }

    static func write(_ name: String, _ value: some Encodable, to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(value, forKey: Key(name))
    }
}
