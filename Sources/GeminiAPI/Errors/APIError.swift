package import HTTPTypes

/// What a client is told instead of an answer: the service's `google.rpc.Status`.
package struct APIError: Error, Sendable, Equatable {
    /// The names of `google.rpc.Code` that Castor answers with, and one of HTTP's own.
    package enum Status: String, Sendable, CaseIterable {
        case invalidArgument = "INVALID_ARGUMENT"
        case failedPrecondition = "FAILED_PRECONDITION"
        case unauthenticated = "UNAUTHENTICATED"
        case permissionDenied = "PERMISSION_DENIED"
        case notFound = "NOT_FOUND"
        case methodNotAllowed = "METHOD_NOT_ALLOWED"
        case alreadyExists = "ALREADY_EXISTS"
        case aborted = "ABORTED"
        case resourceExhausted = "RESOURCE_EXHAUSTED"
        case cancelled = "CANCELLED"
        case `internal` = "INTERNAL"
        case unimplemented = "UNIMPLEMENTED"
        case unavailable = "UNAVAILABLE"
        case deadlineExceeded = "DEADLINE_EXCEEDED"

        /// The HTTP status that goes with it.
        package var code: Int {
            switch self {
            case .invalidArgument, .failedPrecondition: 400
            case .unauthenticated: 401
            case .permissionDenied: 403
            case .notFound: 404
            case .methodNotAllowed: 405
            case .alreadyExists, .aborted: 409
            case .resourceExhausted: 429
            case .cancelled: 499
            case .internal: 500
            case .unimplemented: 501
            case .unavailable: 503
            case .deadlineExceeded: 504
            }
        }
    }

    package var status: Status
    package var message: String
    package var details: [ErrorDetail] = []

    package init(_ status: Status, _ message: String, details: [ErrorDetail] = []) {
        self.status = status
        self.message = message
        self.details = details
    }

    /// `retry-after`, where a detail says when to come again.
    package var headers: HTTPFields {
        var headers = HTTPFields()
        for case .retryInfo(let seconds) in details { headers[.retryAfter] = "\(seconds)" }
        return headers
    }
}

/// The kinds of `details` entries that the service sends.
package enum ErrorDetail: Sendable, Equatable {
    /// `google.rpc.BadRequest`: the fields at fault; an empty field name is left out.
    case badRequest([FieldViolation])
    /// `google.rpc.ErrorInfo`
    case errorInfo(reason: String, metadata: [String: String])
    /// `google.rpc.LocalizedMessage` in American English.
    case localizedMessage(String)
    /// `google.rpc.RetryInfo`
    case retryInfo(seconds: Int)
    /// `google.rpc.QuotaFailure` with one violation.
    case quotaFailure(metric: String, id: String, value: Int)

    package struct FieldViolation: Sendable, Equatable {
        package var field: String
        package var description: String

        package init(field: String, description: String) {
            self.field = field
            self.description = description
        }
    }
}
