import HTTPTypes
import Hummingbird
import Logging
package import ServerState
package import Store

extension APIError {
    /// What a client is told when the server's state cannot do what it asked.
    package init(_ error: StateError) {
        switch error {
        case .fileNotFound(let id): self = .fileNotAccessible(id.shortened)
        case .batchNotFound, .uploadNotFound: self = APIError(.notFound, "Requested entity was not found.")
        case .fileExists: self = APIError(.alreadyExists, error.description)
        case .fileNotActive, .uploadClosed: self = APIError(.failedPrecondition, error.description)
        case .uploadTakenOver: self = APIError(.aborted, error.description)
        case .quotaExceeded, .tooManyFiles, .tooManyUploads, .tooManyBatches:
            self = APIError(.resourceExhausted, error.description)
        case .invalidFileID(let id): self = APIError(StateError.invalidFileID(id.shortened).description)
        case .invalidPageToken: self = .invalid("page_token is not one that this server gave.")
        case .displayNameTooLong, .fileTooLarge, .wrongOffset, .wrongSize, .noRequests, .tooManyRequests:
            self = APIError(error.description)
        }
    }

    /// The same, of its disk.
    package init(_ error: StoreError) {
        switch error {
        case .diskFull: self = APIError(.resourceExhausted, "the server's disk is full")
        case .folderInUse, .folderUnusable, .storage, .busy, .closed, .bytesLost:
            self = APIError(.internal, "Internal error encountered.")
        }
    }

    private init(_ message: String) {
        self = .invalid(message)
    }
}

extension APIRequest {
    /// The files and jobs; refused where the server has no data folder.
    var state: ServerState {
        get throws {
            guard let state = server.options.state else {
                throw APIError(.unimplemented, "This server has no data folder for files and batch jobs.")
            }
            return state
        }
    }

    var pageToken: String? { query("pageToken") ?? query("page_token") }

    /// Runs with the state's errors in the service's form.
    func withState<Value>(_ body: (ServerState) async throws -> Value) async throws -> Value {
        do {
            return try await body(state)
        } catch let error as StateError {
            throw APIError(error)
        } catch let error as StoreError {
            if error != .diskFull { server.logger.error("state", metadata: ["reason": "\(error)"]) }
            throw APIError(error)
        }
    }

    /// `http://host:port`, as the client wrote it: what a reply's URLs begin with.
    var origin: String {
        let isTLS = server.options.tlsCertificatePath != nil || headers[.forwardedProto]?.lowercased() == "https"
        return
            "\(isTLS ? "https" : "http")://\(request.head.authority ?? "\(server.options.host):\(server.options.port)")"
    }
}

extension HTTPField.Name {
    static let forwardedProto = Self("x-forwarded-proto")!
}
