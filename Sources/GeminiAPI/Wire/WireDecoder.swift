import Castor
package import CastorJSON
package import NIOCore

/// What a request's body says, read from front to back.
package protocol WireBody {
    init(_ json: inout JSONReader) throws(JSONError)
}

/// Bytes of a request to its values.
package enum WireDecoder {
    package static func decode<Body: WireBody>(
        _ type: Body.Type, from body: ByteBuffer, _ server: ServerOptions
    ) throws(APIError) -> Body {
        try decode(from: body, server) { (json) throws(JSONError) in try Body(&json) }
    }

    package static func decode<Body>(
        from body: ByteBuffer, _ server: ServerOptions, _ read: (inout JSONReader) throws(JSONError) -> Body
    ) throws(APIError) -> Body {
        var options = JSONReader.Options.service
        options.unknownNames = server.isLenient ? .passed : .noted
        options.maxItems = server.limits.maxParts
        return try body.withUnsafeReadableBytes { bytes in
            Result { () throws(APIError) in try decode(bytes, options, read) }
        }.get()
    }

    private static func decode<Body>(
        _ bytes: UnsafeRawBufferPointer, _ options: JSONReader.Options,
        _ read: (inout JSONReader) throws(JSONError) -> Body
    ) throws(APIError) -> Body {
        var findings: [JSONError] = []
        do throws(JSONError) {
            var json = try JSONReader(bytes, options)
            defer { findings = json.findings }
            let body = try read(&json)
            try json.finish()
            if json.findings.isEmpty { return body }
        } catch {
            findings.append(error)
        }
        throw .invalidPayload(findings.map { .init(field: $0.field, description: $0.serviceText) })
    }
}

extension JSONError {
    /// `requests[0].content.inline_data`: as the service names fields.
    fileprivate var field: String { isSyntax ? "" : Self.field(path) }

    private static func field(_ path: some Collection<JSONStep>) -> String {
        path.map { step in
            if case .name(let name) = step { .name(snakeCase(name).shortened) } else { step }
        }.text
    }

    private static func snakeCase(_ name: String) -> String {
        var result = ""
        for character in name {
            if character.isUppercase {
                result += "_\(character.lowercased())"
            } else {
                result.append(character)
            }
        }
        return result
    }

    /// The service's words where they are known, and Castor's in their manner.
    fileprivate var serviceText: String {
        switch problem {
        case .syntax: return "Invalid JSON payload received. Unexpected token. \(description.capitalizedFirst)."
        case .limit: return "Invalid JSON payload received. \(description.capitalizedFirst)."
        case .unknown(let name): return unknownName(name, Self.field(path), "Cannot find field.")
        case .notRepeated(let name):
            return unknownName(
                Self.snakeCase(name), Self.field(path.dropLast()), "Proto field is not repeating, cannot start list.")
        case .twice(let name): return "The field \"\(Self.snakeCase(name).shortened)\" is given in both spellings."
        case .missing(let name):
            return "Invalid JSON payload received. The value at \(place) lacks \"\(Self.snakeCase(name))\"."
        case .type(let wanted, let given):
            guard let type = WireType(rawValue: wanted) else {
                return "Invalid JSON payload received. The value at \(place) must be \(wanted)."
            }
            let rest = type.complaint(given)
            return "Invalid value at '\(field)' (\(type.serviceName))" + (rest.map { ", \($0)" } ?? "")
        case .tooMany(let limit, let complaint):
            return complaint ?? "Invalid value at '\(field)': it has more than \(limit) items."
        case .value(let reason): return path.isEmpty ? reason : "Invalid value at '\(field)': \(reason)."
        }
    }

    private var place: String { path.isEmpty ? "the root" : "'\(field)'" }

    private func unknownName(_ name: String, _ place: String, _ reason: String) -> String {
        "Invalid JSON payload received. Unknown name \"\(name.shortened)\"\(place.isEmpty ? "" : " at '\(place)'"): \(reason)"
    }
}

extension WireType {
    fileprivate var serviceName: String {
        switch self {
        case .string: "TYPE_STRING"
        case .bool: "TYPE_BOOL"
        case .int32: "TYPE_INT32"
        case .int64: "TYPE_INT64"
        case .double: "TYPE_DOUBLE"
        case .bytes: "TYPE_BYTES"
        case .duration: "type.googleapis.com/google.protobuf.Duration"
        case .task: "TYPE_ENUM"
        }
    }

    /// What is said of a value after the place.
    fileprivate func complaint(_ given: String?) -> String? {
        guard self == .bytes, let given, let quote = given.first, quote == "\"" || quote == "'" else {
            return self == .duration ? "Illegal duration format" : given
        }
        let text = given.dropFirst().prefix { $0 != quote }
        var words = "Base64 decoding failed for \"\(text)\""
        if text.hasPrefix("data:"), let comma = text.firstIndex(of: ",") {
            words += "; leave out what is before the base64, \"\(text[...comma])\""
        }
        return words
    }
}

extension String {
    /// For messages: what a client sent may be long.
    package var shortened: String { utf8.count > 200 ? "\(prefix(100))..." : self }

    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
