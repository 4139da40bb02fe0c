internal import CastorJSON

/// The fields of one step of the file, with its place for messages.
struct StepFields {
    /// `pre_tokenizer.pretokenizers[1]`
    let place: String
    private let fields: [String: JSONValue]

    init(_ value: JSONValue, place: String) throws(TokenizerError) {
        guard case .object(let fields) = value else {
            throw .invalid(field: place, reason: "must be an object, is \(value.kind)")
        }
        self.place = place
        self.fields = fields
    }

    func field(_ name: String) -> String { "\(place).\(name)" }

    /// What it does not know may change what the step does.
    func allow(_ names: Set<String>) throws(TokenizerError) {
        for (name, value) in fields where name != "type" && !names.contains(name) {
            throw .unsupported(field: field(name), value: value.kind)
        }
    }

    /// nil where it is missing or null.
    subscript(name: String) -> JSONValue? {
        guard let value = fields[name], value != .null else { return nil }
        return value
    }

    private func missing(_ name: String) -> TokenizerError { .invalid(field: field(name), reason: "is missing") }

    private func wrong(_ name: String, _ wanted: String) -> TokenizerError {
        .invalid(field: field(name), reason: "must be \(wanted), is \(fields[name]?.kind ?? "missing")")
    }

    var type: String {
        get throws(TokenizerError) { try text("type") }
    }

    func text(_ name: String) throws(TokenizerError) -> String {
        guard let value = self[name] else { throw missing(name) }
        guard case .text(let text) = value else { throw wrong(name, "a text") }
        return text
    }

    func flag(_ name: String, default standard: Bool? = nil) throws(TokenizerError) -> Bool {
        guard let value = self[name] else {
            if let standard { return standard }
            throw missing(name)
        }
        guard case .flag(let flag) = value else { throw wrong(name, "true or false") }
        return flag
    }

    func integer(_ name: String, default standard: Int? = nil) throws(TokenizerError) -> Int {
        guard let value = self[name] else {
            if let standard { return standard }
            throw missing(name)
        }
        guard case .number(let number) = value, let integer = Int(exactly: number) else {
            throw wrong(name, "a whole number")
        }
        return integer
    }

    func list(_ name: String) throws(TokenizerError) -> [JSONValue] {
        guard let value = self[name] else { throw missing(name) }
        guard case .list(let list) = value else { throw wrong(name, "a list") }
        return list
    }

    /// The only character of a text.
    func character(_ name: String) throws(TokenizerError) -> Unicode.Scalar {
        let scalars = try text(name).unicodeScalars
        guard let scalar = scalars.first, scalars.count == 1 else { throw wrong(name, "one character") }
        return scalar
    }

    /// One of an enumeration's names.
    func choice<Choice: RawRepresentable<String>>(
        _ name: String, default standard: Choice? = nil
    ) throws(TokenizerError) -> Choice {
        if self[name] == nil, let standard { return standard }
        let text = try text(name)
        guard let choice = Choice(rawValue: text) else { throw .unsupported(field: field(name), value: "\"\(text)\"") }
        return choice
    }

    /// `{"String": ...}` or `{"Regex": ...}`.
    func pattern(_ name: String) throws(TokenizerError) -> TextPattern {
        guard let value = self[name] else { throw missing(name) }
        let pattern = try StepFields(value, place: field(name))
        try pattern.allow(["String", "Regex"])
        if pattern["Regex"] != nil {
            return .expression(try RegularExpression(try pattern.text("Regex"), field: pattern.field("Regex")))
        }
        let text = try pattern.text("String")
        guard !text.isEmpty else { throw .unsupported(field: pattern.field("String"), value: "an empty text") }
        return .text(Array(text.utf8))
    }
}
