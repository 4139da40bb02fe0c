import CastorJSON

/// An object of a hub's JSON file, read field by field with checks.
struct HubConfiguration {
    let file: String
    /// Of this object in the file, with a dot at its end; empty for the whole.
    private let path: String
    private let fields: [String: JSONValue]

    init(_ value: JSONValue, file: String, path: String = "") throws(CheckpointError) {
        guard case .object(let fields) = value else {
            throw .field(file: file, key: path.isEmpty ? "(whole file)" : path, reason: "is not an object")
        }
        self.file = file
        self.path = path
        self.fields = fields
    }

    /// nil where the field is missing or null.
    private func value(_ key: String) -> JSONValue? {
        guard let value = fields[key], value != .null else { return nil }
        return value
    }

    func failure(_ key: String, _ reason: String) -> CheckpointError {
        .field(file: file, key: path + key, reason: reason)
    }

    func isNull(_ key: String) -> Bool { fields[key] == .null }

    func has(_ key: String) -> Bool { value(key) != nil }

    func object(_ key: String) throws(CheckpointError) -> HubConfiguration? {
        guard let value = value(key) else { return nil }
        return try HubConfiguration(value, file: file, path: "\(path)\(key).")
    }

    func optionalInt(_ key: String, in range: ClosedRange<Int> = 0...1 << 30) throws(CheckpointError) -> Int? {
        guard let value = value(key) else { return nil }
        guard case .number(let number) = value, let whole = Int(exactly: number) else {
            throw failure(key, "is \(value.kind), not a whole number")
        }
        guard range.contains(whole) else {
            throw failure(key, "\(whole) is outside \(range.lowerBound)...\(range.upperBound)")
        }
        return whole
    }

    func int(_ key: String, in range: ClosedRange<Int> = 1...1 << 24) throws(CheckpointError) -> Int {
        guard let value = try optionalInt(key, in: range) else { throw failure(key, "is missing") }
        return value
    }

    /// The field of `exception` where that has it, else this object's.
    func int(
        _ key: String, unless exception: HubConfiguration?, in range: ClosedRange<Int> = 1...1 << 24
    ) throws(CheckpointError) -> Int {
        if let value = try exception?.optionalInt(key, in: range) { return value }
        return try int(key, in: range)
    }

    func optionalNumber(_ key: String) throws(CheckpointError) -> Double? {
        guard let value = value(key) else { return nil }
        guard case .number(let number) = value else { throw failure(key, "is \(value.kind), not a number") }
        return number
    }

    func number(_ key: String) throws(CheckpointError) -> Double {
        guard let value = try optionalNumber(key) else { throw failure(key, "is missing") }
        return value
    }

    func optionalFlag(_ key: String) throws(CheckpointError) -> Bool? {
        guard let value = value(key) else { return nil }
        guard case .flag(let flag) = value else { throw failure(key, "is \(value.kind), not true or false") }
        return flag
    }

    func flag(_ key: String) throws(CheckpointError) -> Bool { try optionalFlag(key) ?? false }

    func optionalText(_ key: String) throws(CheckpointError) -> String? {
        guard let value = value(key) else { return nil }
        guard case .text(let text) = value else { throw failure(key, "is \(value.kind), not a text") }
        return text
    }

    func optionalInts(_ key: String, in range: ClosedRange<Int>) throws(CheckpointError) -> [Int]? {
        guard let value = value(key) else { return nil }
        guard case .list(let list) = value else { throw failure(key, "is \(value.kind), not a list") }
        var numbers: [Int] = []
        for item in list {
            guard case .number(let number) = item, let whole = Int(exactly: number), range.contains(whole) else {
                throw failure(
                    key, "holds \(item.kind), not a whole number of \(range.lowerBound)...\(range.upperBound)")
            }
            numbers.append(whole)
        }
        return numbers
    }

    func texts(_ key: String) throws(CheckpointError) -> [String] {
        guard let value = value(key) else { return [] }
        guard case .list(let list) = value else { throw failure(key, "is \(value.kind), not a list") }
        var texts: [String] = []
        for item in list {
            guard case .text(let text) = item else { throw failure(key, "holds \(item.kind), not a text") }
            texts.append(text)
        }
        return texts
    }

    /// Keys of an object; none where there is no object.
    func names(of key: String) -> [String] {
        guard case .object(let fields)? = value(key) else { return [] }
        return Array(fields.keys)
    }

    /// Of an object of texts, as prompts are; other values are passed over.
    func textsByName(_ key: String) -> [String: String] {
        guard case .object(let fields)? = value(key) else { return [:] }
        return fields.compactMapValues { if case .text(let text) = $0 { text } else { nil } }
    }

    /// Throws where the field has another value than those that this program computes.
    func require(_ key: String, _ allowed: String...) throws(CheckpointError) {
        guard let text = try optionalText(key), !allowed.contains(text) else { return }
        throw failure(key, "is \"\(text)\", supported: \(allowed.joined(separator: ", "))")
    }

    func refuseFalse(_ key: String) throws(CheckpointError) {
        if try optionalFlag(key) == false { throw failure(key, "false is not supported") }
    }

    func refuse(_ key: String) throws(CheckpointError) {
        if try optionalFlag(key) == true { throw failure(key, "true is not supported") }
    }

    func optionalNumbers(_ key: String) throws(CheckpointError) -> [Double]? {
        guard let value = value(key) else { return nil }
        guard case .list(let list) = value else { throw failure(key, "is \(value.kind), not a list") }
        var numbers: [Double] = []
        for item in list {
            guard case .number(let number) = item else { throw failure(key, "holds \(item.kind), not a number") }
            numbers.append(number)
        }
        return numbers
    }

    /// The content of a token, which newer files write as a text and older ones as an object.
    func optionalToken(_ key: String) throws(CheckpointError) -> String? {
        if case .object(let fields)? = value(key), case .text(let content)? = fields["content"] { return content }
        return try optionalText(key)
    }

    func isNumber(_ key: String) -> Bool {
        if case .number? = value(key) { true } else { false }
    }

    /// Where it is missing, one without fields: all have their defaults.
    func objectOrEmpty(_ key: String) throws(CheckpointError) -> HubConfiguration {
        if let object = try object(key) { return object }
        return try HubConfiguration(.object([:]), file: file, path: "\(path)\(key).")
    }
}
