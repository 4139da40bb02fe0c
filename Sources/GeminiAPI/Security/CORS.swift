import HTTPTypes
import Hummingbird

/// Which web pages may call the server. None unless the operator names them.
struct CORS: Sendable {
    let origins: [String]

    /// The answer to a browser's question; nil where there is nothing to say.
    func preflight(_ request: Request) -> Response? {
        guard !origins.isEmpty, request.method == .options, request.headers[.origin] != nil,
            request.headers[.accessControlRequestMethod] != nil
        else { return nil }
        var response = Response(status: .noContent)
        mark(&response, for: request)
        response.headers[.accessControlAllowMethods] = "GET, POST, PUT, PATCH, DELETE"
        response.headers[.accessControlAllowHeaders] = request.headers[.accessControlRequestHeaders] ?? "*"
        response.headers[.accessControlMaxAge] = "600"
        return response
    }

    func mark(_ response: inout Response, for request: Request) {
        guard !origins.isEmpty, let origin = request.headers[.origin] else { return }
        response.headers[values: .vary].append("Origin")
        if origins.contains("*") {
            response.headers[.accessControlAllowOrigin] = "*"
        } else if origins.contains(origin) {
            response.headers[.accessControlAllowOrigin] = origin
        }
        response.headers[.accessControlExposeHeaders] =
            "server-timing, x-castor-truncated, x-castor-notes, x-goog-upload-url, x-goog-upload-status"
    }
}
