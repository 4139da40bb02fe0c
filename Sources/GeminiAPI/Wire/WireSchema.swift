/// The fields that a JSON object of a request may have, by the names of the service's protocol buffers: `mime_type`.
///
/// As in proto3 JSON, a client may write `mime_type` or `mimeType`, and no other spelling.
package struct WireSchema: Sendable {
    /// Both spellings to the field's name.
    let names: [String: String]

    package init(_ fields: [String]) {
        var names: [String: String] = [:]
        for field in fields {
            names[field] = field
            names[Self.camelCase(field)] = field
        }
        self.names = names
    }

    package static func camelCase(_ name: String) -> String {
        var result = ""
        var raises = false
        for character in name {
            if character == "_" {
                raises = true
            } else {
                result += raises ? character.uppercased() : String(character)
                raises = false
            }
        }
        return result
    }

    /// As the service names fields in its messages.
    static func snakeCase(_ name: String) -> String {
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
}
