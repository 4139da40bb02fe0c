import FoundationEssentials

extension ModelError {
    /// What is wrong with a `config.json`, and where.
    init(_ error: DecodingError) {
        func path(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
            let keys = (context.codingPath + (last.map { [$0] } ?? [])).map(name(of:))
            return keys.isEmpty ? "(whole file)" : keys.joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context): self = .configuration(key: path(context, key), reason: "missing")
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            self = .configuration(key: path(context), reason: "is not \(name(of: type))")
        case .dataCorrupted(let context):
            self = .configuration(
                key: path(context), reason: "is not valid JSON, or holds a number that does not fit its field")
        @unknown default: self = .configuration(key: "(whole file)", reason: "cannot be read")
        }
    }
}

/// As the file has it: `maxTokens` is `max_tokens` there, and a place in a list a number.
private func name(of key: any CodingKey) -> String {
    if let index = key.intValue { return "\(index)" }
    return key.stringValue.reduce(into: "") { name, letter in
        let isNewWord = letter.isUppercase && name.last?.isLowercase == true
        name += isNewWord ? "_\(letter.lowercased())" : "\(letter)"
    }
}

private func name(of type: Any.Type) -> String {
    switch type {
    case is Int.Type: "a whole number"
    case is Double.Type, is Float.Type: "a number"
    case is String.Type: "a text"
    case is SpecCase.Type: "one of its cases (docs/castor-2.md)"
    default: "an object of the expected form"
    }
}
