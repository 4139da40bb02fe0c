import CastorJSON

extension JSONValue {
    /// The value with `{name}` replaced by its binding in every string.
    func replacing(_ bindings: [String: String]) -> JSONValue {
        switch self {
        case .text(let text): .text(bindings.reduce(text) { $0.replacing("{\($1.key)}", with: $1.value) })
        case .list(let list): .list(list.map { $0.replacing(bindings) })
        case .object(let object): .object(object.mapValues { $0.replacing(bindings) })
        default: self
        }
    }
}

extension String {
    fileprivate func replacing(_ part: String, with other: String) -> String {
        var result = ""
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            result += rest[..<range.lowerBound] + other
            rest = rest[range.upperBound...]
        }
        return result + rest
    }
}

/// The members of one JSON object in a task file, by type, with errors that name file and place.
struct TaskFields {
    let path: String
    /// Of the object in the file, empty at the top.
    let place: String
    private let members: [String: JSONValue]

    init(_ value: JSONValue, path: String, place: String = "", known: [String]) throws(EvaluationError) {
        (self.path, self.place) = (path, place)
        guard case .object(let members) = value else {
            throw .task(path: path, key: place.isEmpty ? nil : place, reason: "must be an object")
        }
        self.members = members
        for key in members.keys.sorted() where !known.contains(key) {
            throw .task(
                path: path, key: self.key(key), reason: "unknown key; known here: \(known.joined(separator: ", "))")
        }
    }

    func key(_ name: String) -> String { place.isEmpty ? name : "\(place).\(name)" }

    func failure(_ name: String?, _ reason: String) -> EvaluationError {
        .task(path: path, key: name.map(key) ?? (place.isEmpty ? nil : place), reason: reason)
    }

    /// nil where absent or null.
    func value(_ name: String) -> JSONValue? {
        members[name].flatMap { $0 == .null ? nil : $0 }
    }

    func has(_ name: String) -> Bool { members[name] != nil }

    func required(_ name: String) throws(EvaluationError) -> JSONValue {
        guard let value = value(name) else { throw failure(name, "is missing") }
        return value
    }

    func string(_ name: String) throws(EvaluationError) -> String? {
        guard let value = value(name) else { return nil }
        guard case .text(let text) = value, !text.isEmpty else { throw failure(name, "must be a text") }
        return text
    }

    func requiredString(_ name: String) throws(EvaluationError) -> String {
        _ = try required(name)
        return try string(name)!
    }

    func strings(_ name: String) throws(EvaluationError) -> [String]? {
        guard let value = value(name) else { return nil }
        guard let texts = value.texts, !texts.isEmpty else { throw failure(name, "must be a list of texts") }
        return texts
    }

    func number(_ name: String) throws(EvaluationError) -> Double? {
        guard let value = value(name) else { return nil }
        guard case .number(let number) = value else { throw failure(name, "must be a number") }
        return number
    }

    func flag(_ name: String) throws(EvaluationError) -> Bool? {
        guard let value = value(name) else { return nil }
        guard case .flag(let flag) = value else { throw failure(name, "must be true or false") }
        return flag
    }

    /// The objects of a list.
    func list(_ name: String) throws(EvaluationError) -> [JSONValue]? {
        guard let value = value(name) else { return nil }
        guard case .list(let list) = value else { throw failure(name, "must be a list") }
        return list
    }
}

extension JSONValue {
    /// A list of texts.
    var texts: [String]? {
        guard case .list(let list) = self else { return nil }
        var texts: [String] = []
        for item in list {
            guard case .text(let text) = item else { return nil }
            texts.append(text)
        }
        return texts
    }
}
