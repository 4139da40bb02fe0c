import Castor
import HTTPTypes
import Hummingbird
import NIOCore
import ServerState
import Store

/// `/upload/.../files`: resumable, multipart and raw.
///
/// Who may start an upload is asked for a key; the requests with the data have none, but the id that only the first reply told.
enum UploadRoutes {
    static func add(to table: inout RouteTable) {
        for method in [HTTPRequest.Method.post, .put] {
            table.on(method, "/files", before: "/upload", access: .open, hasTimeLimit: false, handler: upload)
        }
    }

    private static func upload(_ call: APIRequest) async throws -> Response {
        if let id = call.query("upload_id") { return try await proceed(call, id) }
        try call.server.keys.check(call.request)
        switch call.uploadProtocol {
        case "resumable": return try await start(call)
        case "multipart": return try await multipart(call)
        case "raw", "media": return try await raw(call)
        case let other:
            throw APIError.invalid(
                "X-Goog-Upload-Protocol must be resumable, multipart or raw, not \"\(other.shortened)\".")
        }
    }

    // MARK: - Resumable

    private static func start(_ call: APIRequest) async throws -> Response {
        let commands = call.uploadCommands
        guard commands.isEmpty || commands == ["start"] else {
            throw APIError.invalid("X-Goog-Upload-Command without an upload_id must be start.")
        }
        let data = try await call.body()
        let body =
            data.readableBytes == 0
            ? CreateFileBody()
            : try WireDecoder.decode(CreateFileBody.self, from: data, call.server.options)
        let upload = try call.upload(
            body.file, mimeType: call.headers[.uploadContentType], bytes: try call.number(.uploadContentLength))
        let id = try await call.withState { try await $0.files.startUpload(upload) }
        let url = "\(call.origin)/upload\(call.route.version.prefix)/files?upload_id=\(id)&upload_protocol=resumable"
        return Response(
            status: .ok,
            headers: [
                .uploadURL: url, .uploadControlURL: url, .uploadStatus: "active", .uploadGranularity: "262144",
                .contentType: "text/plain; charset=utf-8",
            ])
    }

    private static func proceed(_ call: APIRequest, _ id: String) async throws -> Response {
        do {
            return try await call.withState { state in try await proceed(call, id, state.files) }
        } catch let error as UploadFailure {
            var response = Response(error.error)
            response.headers[.uploadStatus] = error.isOver ? "final" : nil
            response.headers[.uploadSizeReceived] = error.received.map(String.init)
            return response
        }
    }

    private static func proceed(_ call: APIRequest, _ id: String, _ files: FileStore) async throws -> Response {
        let commands = call.uploadCommands
        do {
            switch commands {
            case ["query"]: return reply(call, try await files.uploadStatus(id))
            case ["cancel"]:
                try await files.cancelUpload(id)
                return Response(status: .ok, headers: [.uploadStatus: "cancelled"])
            case ["upload"]: return reply(call, .active(received: try await receive(call, id, files)))
            case ["upload", "finalize"], ["finalize"]:
                if commands.contains("upload") { _ = try await receive(call, id, files) }
                let file = try await files.finish(id, call.server)
                return call.reply(file, headers: [.uploadStatus: "final"])
            default:
                throw APIError.invalid(
                    "X-Goog-Upload-Command must be upload, finalize, \"upload, finalize\", query or cancel.")
            }
        } catch let error as StateError {
            throw UploadFailure(error)
        } catch let error as StoreError {
            throw UploadFailure(error)
        }
    }

    private static func reply(_ call: APIRequest, _ status: UploadStatus) -> Response {
        switch status {
        case .active(let received):
            Response(
                status: .ok, headers: [.uploadStatus: "active", .uploadSizeReceived: "\(received)"])
        case .final(let file):
            call.reply(file, headers: [.uploadStatus: "final", .uploadSizeReceived: "\(file.sizeBytes)"])
        }
    }

    /// Writes the request's body. What came is kept when the connection breaks.
    private static func receive(_ call: APIRequest, _ id: String, _ files: FileStore) async throws -> Int {
        try call.refuseCompression()
        let writer = try await files.resumeUpload(id, at: try call.number(.uploadOffset) ?? 0)
        do {
            try await call.forEachPiece { piece in try await writer.write(piece.readableBytesView) }
        } catch {
            _ = try? await writer.finish()
            throw error
        }
        return try await writer.finish()
    }

    // MARK: - In one request

    private static func raw(_ call: APIRequest) async throws -> Response {
        let upload = try call.upload(
            FileBody(), mimeType: call.headers[.uploadContentType] ?? call.headers[.contentType],
            bytes: try call.number(.contentLength))
        return try await atOnce(call, upload) { id, files in _ = try await receive(call, id, files) }
    }

    /// An upload whose bytes come with it. Of one that fails nothing is left: nobody knows its id, so nobody could go on.
    static func atOnce(
        _ call: APIRequest, _ upload: NewUpload, write: (_ id: String, FileStore) async throws -> Void
    ) async throws -> Response {
        try await call.withState { state in
            var upload = upload
            upload.isPassing = true
            let id = try await state.files.startUpload(upload)
            do {
                try await write(id, state.files)
                return call.reply(try await state.files.finish(id, call.server), headers: [.uploadStatus: "final"])
            } catch {
                try? await state.files.cancelUpload(id)
                throw error
            }
        }
    }

    /// Held in memory, so bounded as other bodies are.
    private static func multipart(_ call: APIRequest) async throws -> Response {
        let data = try await call.body()
        let parts = try MultipartRelated.parts(of: data, contentType: call.headers[.contentType] ?? "")
        guard parts.count == 2 else {
            throw APIError.invalid(
                "A multipart upload has two parts, the file's description and its bytes, not \(parts.count).")
        }
        let body = try WireDecoder.decode(
            CreateFileBody.self, from: ByteBuffer(bytes: parts[0].bytes), call.server.options)
        let bytes = parts[1].bytes
        let upload = try call.upload(body.file, mimeType: parts[1].contentType, bytes: bytes.count)
        return try await atOnce(call, upload) { id, files in
            let writer = try await files.resumeUpload(id, at: 0)
            try await writer.write(bytes)
            _ = try await writer.finish()
        }
    }
}

/// An error with what a client needs to know about its upload.
private struct UploadFailure: Error {
    let error: APIError
    /// The service's clients repeat a request whose reply has no `X-Goog-Upload-Status`; with `final` they give up.
    var isOver = true
    var received: Int?

    init(_ error: StateError) {
        self.error = APIError(error)
        switch error {
        case .wrongOffset(_, let received):
            isOver = false
            self.received = received
        case .uploadTakenOver: isOver = false
        default: break
        }
    }

    init(_ error: StoreError) {
        self.error = APIError(error)
        if case .storage = error { isOver = false }
    }
}

extension APIRequest {
    /// Whether a client speaks of an upload.
    var isUpload: Bool { headers[.uploadProtocol] != nil || headers[.uploadCommand] != nil }

    /// `upload, finalize` in parts.
    fileprivate var uploadCommands: [String] {
        (headers[.uploadCommand] ?? "").split(separator: ",").map { $0.trimmingSpaces.lowercased() }
    }

    /// By header, or as Google's older upload protocol has it.
    fileprivate var uploadProtocol: String {
        headers[.uploadProtocol]?.lowercased() ?? query("upload_protocol")?.lowercased()
            ?? query("uploadType")?.lowercased() ?? (headers[.uploadCommand] != nil ? "resumable" : "raw")
    }

    fileprivate func number(_ name: HTTPField.Name) throws -> Int? {
        guard let text = headers[name] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw APIError.invalid("\(name.canonicalName) must be a number of bytes, not \(text.shortened).")
        }
        return number
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}

extension HTTPField.Name {
    fileprivate static let uploadProtocol = Self("x-goog-upload-protocol")!
    fileprivate static let uploadCommand = Self("x-goog-upload-command")!
    fileprivate static let uploadOffset = Self("x-goog-upload-offset")!
    fileprivate static let uploadStatus = Self("x-goog-upload-status")!
    fileprivate static let uploadURL = Self("x-goog-upload-url")!
    fileprivate static let uploadControlURL = Self("x-goog-upload-control-url")!
    fileprivate static let uploadGranularity = Self("x-goog-upload-chunk-granularity")!
    fileprivate static let uploadSizeReceived = Self("x-goog-upload-size-received")!
    fileprivate static let uploadContentType = Self("x-goog-upload-header-content-type")!
    fileprivate static let uploadContentLength = Self("x-goog-upload-header-content-length")!
}
