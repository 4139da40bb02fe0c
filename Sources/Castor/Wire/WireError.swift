package import CastorJSON

/// JSON that is not of the service's form; the description names the place.
public struct WireError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, and where.
    public let description: String

    package init(_ error: JSONError) {
        description =
            error.isSyntax
            ? "is not valid JSON (\(error.line > 1 ? error.description : error.lineDescription))" : error.description
    }
}
