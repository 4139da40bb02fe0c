/// Why a request's JSON cannot be read, and where.
package struct WireFailure: Error {
    package let field: String
    package let message: String

    package init(_ path: [any CodingKey], _ message: String) {
        field = Self.path(path)
        self.message = message
    }

    static func wrongType(_ path: [any CodingKey], expected: String) -> WireFailure {
        let field = Self.path(path)
        let place = field.isEmpty ? "the root" : "'\(field)'"
        return WireFailure(path, "Invalid JSON payload received. The value at \(place) must be \(expected).")
    }

    /// `requests[0].content.inline_data`
    static func path(_ keys: [any CodingKey]) -> String {
        var path = ""
        for key in keys {
            if let index = key.intValue {
                path += "[\(index)]"
            } else {
                path += (path.isEmpty ? "" : ".") + WireSchema.snakeCase(key.stringValue).shortened
            }
        }
        return path
    }
}

/// Unknown names met while one request is read.
final class WireFindings: @unchecked Sendable {
    private(set) var violations: [ErrorDetail.FieldViolation] = []
    let isLenient: Bool

    init(isLenient: Bool) {
        self.isLenient = isLenient
    }

    func unknown(_ name: String, in path: [any CodingKey]) {
        // A body of many megabytes of unknown names must not come back as large.
        guard !isLenient, violations.count < 20 else { return }
        let field = WireFailure.path(path)
        let place = field.isEmpty ? "" : " at '\(field)'"
        violations.append(
            .init(
                field: field,
                description:
                    "Invalid JSON payload received. Unknown name \"\(name.shortened)\"\(place): Cannot find field."))
    }
}

extension CodingUserInfoKey {
    static let wireFindings = CodingUserInfoKey(rawValue: "castor.findings")!
}
