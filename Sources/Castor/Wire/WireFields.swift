package import CastorJSON

/// What a field of the service's protocol buffers may hold; the raw value is how a message says it.
package enum WireType: String, Sendable, CaseIterable {
    case string = "a text"
    case bool = "true or false"
    case int32 = "a whole number of 32 bits"
    case int64 = "a whole number of 64 bits"
    case double = "a number"
    case bytes = "base64"
    case duration = "a duration in seconds, as in \"3.5s\""
    case task = "a task type"
}

/// Values as proto3 JSON has them, and as the service's reader takes them beyond that: numbers and truth values in quotes, enumerations by
/// number and in lower case.
extension JSONReader {
    /// - Parameter start: where the value began; nil where nothing of it was read
    package func failure(_ type: WireType, at start: Int? = nil) -> JSONError { self.type(type.rawValue, at: start) }

    package mutating func wireString() throws(JSONError) -> String {
        guard try kind() == .string else { throw failure(.string) }
        return try string()
    }

    package mutating func wireBool() throws(JSONError) -> Bool {
        switch try kind() {
        case .flag: return try bool()
        case .string:
            let start = position
            switch try string() {
            case "true": return true
            case "false": return false
            default: throw failure(.bool, at: start)
            }
        default: throw failure(.bool)
        }
    }

    /// `768`, `"768"` and `768.0`.
    package mutating func wireInt32() throws(JSONError) -> Int {
        let start = position
        guard let whole = try wireWhole(), Int32(exactly: whole) != nil else { throw failure(.int32, at: start) }
        return whole
    }

    /// The service's own 64-bit numbers come in quotes.
    package mutating func wireInt64() throws(JSONError) -> Int {
        let start = position
        guard let whole = try wireWhole() else { throw failure(.int64, at: start) }
        return whole
    }

    private mutating func wireWhole() throws(JSONError) -> Int? {
        switch try kind() {
        case .number:
            let number = try number()
            return int(number)
        case .string:
            let text = try string()
            return try? JSONReader.read(Array(text.utf8), .strict, Self.whole)
        default: return nil
        }
    }

    private static func whole(_ json: inout JSONReader) throws(JSONError) -> Int? {
        let number = try json.number()
        return json.int(number)
    }

    private static func double(_ json: inout JSONReader) throws(JSONError) -> Double { try json.double() }

    package mutating func wireDouble() throws(JSONError) -> Double {
        switch try kind() {
        case .number: return try double()
        case .string:
            let start = position
            let text = try string()
            do throws(JSONError) { return try JSONReader.read(Array(text.utf8), .strict, Self.double) } catch {
                throw failure(.double, at: start)
            }
        default: throw failure(.double)
        }
    }

    /// A duration of proto3 JSON, as in `"3.5s"`, in seconds.
    package mutating func wireSeconds() throws(JSONError) -> Double {
        guard try kind() == .string else { throw failure(.duration) }
        let start = position
        let text = try string()
        guard text.last == "s", let seconds = Double(text.dropLast()), seconds.isFinite else {
            throw failure(.duration, at: start)
        }
        return seconds
    }

    /// A task by its name, in any case, or its number; nil for "unspecified".
    package mutating func wireTask() throws(JSONError) -> TaskType? {
        let start = position
        switch try kind() {
        case .number:
            let number = try number()
            guard let value = int(number) else { throw failure(.task, at: start) }
            if value == 0 { return nil }
            guard (1...TaskType.allCases.count).contains(value) else { throw failure(.task, at: start) }
            return TaskType.allCases[value - 1]
        case .string:
            let text = try string()
            if ["TASK_TYPE_UNSPECIFIED", "UNSPECIFIED"].contains(text.uppercased()) { return nil }
            guard let task = TaskType(name: text) else { throw failure(.task, at: start) }
            return task
        default: throw failure(.task, at: start)
        }
    }

    /// Base64, decoded where it stands.
    package mutating func wireBytes() throws(JSONError) -> [UInt8] {
        guard try kind() == .string else { throw failure(.bytes) }
        let start = position
        if let bytes = try withStringBytes(Base64.decode) { return bytes }
        throw failure(.bytes, at: start)
    }
}
