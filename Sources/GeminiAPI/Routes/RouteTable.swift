package import HTTPTypes
package import Hummingbird

/// Every route that the server has, in one place: the router is built from it, and the OpenAPI document is checked against it.
package struct RouteTable: Sendable {
    /// Who may call.
    package enum Access: Sendable {
        /// Holders of a key, where the server has keys.
        case key
        /// Everybody, or whom the handler lets in: an upload's data carries no key, but an id that cannot be guessed.
        case open
    }

    /// Which family of clients a route is for; errors differ.
    package enum Face: Sendable {
        case gemini, openAI, vertex, search, operation
    }

    package typealias Handler = @Sendable (APIRequest) async throws -> Response

    package struct Route: Sendable {
        package let method: HTTPRequest.Method
        /// As in `/v1beta/models/{model}:embedContent`.
        package let template: String
        package let version: APIVersion
        package let face: Face
        package let access: Access
        /// Whether ``ServerLimits/requestSeconds`` holds; an upload may take as long as it does.
        package let hasTimeLimit: Bool
        package let handler: Handler
    }

    package private(set) var routes: [Route] = []

    package init() {}

    /// Adds a route once for each version.
    ///
    /// - Parameters:
    ///   - path: without the version, as in `/models/{model}:embedContent`.
    ///   - before: what precedes the version, as in `/upload`.
    package mutating func on(
        _ method: HTTPRequest.Method, _ path: String, before: String = "", versions: [APIVersion] = APIVersion.gemini,
        face: Face = .gemini, access: Access = .key, hasTimeLimit: Bool = true, handler: @escaping Handler
    ) {
        for version in versions {
            routes.append(
                Route(
                    method: method, template: "\(before)\(version.prefix)\(path)", version: version, face: face,
                    access: access, hasTimeLimit: hasTimeLimit, handler: handler))
        }
    }
}
