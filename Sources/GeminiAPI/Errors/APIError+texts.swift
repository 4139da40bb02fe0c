package import Castor

/// The service's texts, and Castor's in its manner where the service's are not known.
extension APIError {
    package static func invalid(_ message: String) -> APIError { APIError(.invalidArgument, message) }

    /// JSON that is not of the request's form. `field` is a path in the service's spelling, as in `requests[0].content`.
    package static func invalidPayload(_ violations: [ErrorDetail.FieldViolation]) -> APIError {
        APIError(
            .invalidArgument, violations.map(\.description).joined(separator: "\n"), details: [.badRequest(violations)])
    }

    /// - Parameter hint: what may have been meant
    package static func modelNotFound(
        _ model: String, version: String, method: String, hint: String = ""
    ) -> APIError {
        APIError(
            .notFound,
            "models/\(model) is not found for API version \(version), or is not supported for \(method). Call ListModels "
                + "to see the list of available models and their supported methods.\(hint)")
    }

    package static func bodyTooLarge(limit: Int) -> APIError {
        .invalid("Request payload size exceeds the limit: \(limit) bytes.")
    }

    package static let missingKey = APIError(
        .permissionDenied,
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
            + "form of API consumer identity to call this API.")

    package static let invalidKey: APIError = {
        let message = "API key not valid. Please pass a valid API key."
        return APIError(
            .invalidArgument, message,
            details: [
                .errorInfo(
                    reason: "API_KEY_INVALID", metadata: ["service": "generativelanguage.googleapis.com"]),
                .localizedMessage(message),
            ])
    }()

    /// A file that does not exist, or that the caller may not see: the service does not tell which.
    package static func fileNotAccessible(_ id: String) -> APIError {
        APIError(.permissionDenied, "You do not have permission to access the File \(id) or it may not exist.")
    }

    package static let deadlineExceeded = APIError(
        .deadlineExceeded, "Deadline expired before operation could complete.")

    package static let cancelled = APIError(.cancelled, "The operation was cancelled.")

    package static let draining = APIError(.unavailable, "The server is shutting down.")

    package static func queueFull(limit: Int, retryAfterSeconds: Int) -> APIError {
        APIError(
            .resourceExhausted,
            "The server has too many contents waiting (limit: \(limit)).\nPlease retry in \(retryAfterSeconds)s.",
            details: [
                .quotaFailure(
                    metric: "castor/embed_contents_waiting", id: "EmbedContentsWaiting", value: limit),
                .retryInfo(seconds: retryAfterSeconds),
            ])
    }

    package static func filesTooLarge(limit: Int) -> APIError {
        .invalid("The files that the request names have more than \(limit) bytes together, which is the limit.")
    }

    package static func memoryFull(retryAfterSeconds: Int) -> APIError {
        APIError(
            .resourceExhausted,
            "The server holds too many request bytes.\nPlease retry in \(retryAfterSeconds)s.",
            details: [.retryInfo(seconds: retryAfterSeconds)])
    }

    /// - Parameter reason: what was asked of the machine and is not there
    package static func outOfMemory(_ reason: String) -> APIError {
        APIError(
            .unavailable, "The server has no memory for this request now: \(reason).", details: [.retryInfo(seconds: 5)]
        )
    }

    /// - Parameter reason: what became of the process that decodes
    package static func decoderUnavailable(_ reason: String) -> APIError {
        APIError(
            .unavailable, "The server cannot decode this request's media now: \(reason).",
            details: [.retryInfo(seconds: 5)])
    }

    /// - Parameter place: where the content is, as in `BatchEmbedContentsRequest.requests[3]`; nil for a single one.
    package init(_ error: EmbedError, at place: String? = nil) {
        let place = place.map { "\($0): " } ?? ""
        switch error {
        case .noParts, .emptyPart:
            self = .invalid("* \(place)EmbedContentRequest.content contains an empty Part.\n")
        case .tooManyImages(_, let limit):
            self = .invalid("* \(place)the model supports at most \(limit) image parts in one content: \(error).\n")
        case .invalidDimensions(let value, let limit):
            self = .invalid("* \(place)output_dimensionality must be between 1 and \(limit), but is \(value).\n")
        case .fileNotAllowed(_, let path): self = .fileNotAccessible(path)
        case .noDecoder: self = .decoderUnavailable("\(place)\(error.description)")
        case .outOfMemory, .unreadableText: self = .outOfMemory("\(place)\(error.description)")
        case .model: self = APIError(.internal, "Internal error encountered.")
        default: self = .invalid("* \(place)\(error.description).\n")
        }
    }
}
