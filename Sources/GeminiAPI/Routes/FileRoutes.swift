import Castor
import HTTPTypes
import Hummingbird
import NIOCore
import ServerState
import Store

/// The Files API, but for uploads.
enum FileRoutes {
    static func add(to table: inout RouteTable) {
        table.on(.get, "/files", handler: list)
        table.on(.post, "/files", handler: create)
        table.on(.get, "/files/{file}", handler: get)
        table.on(.delete, "/files/{file}", handler: delete)
        table.on(.get, "/files/{file}:download", handler: download)
        table.on(.get, "/files/{file}:download", before: "/download", handler: download)
        UploadRoutes.add(to: &table)
    }

    private static func list(_ call: APIRequest) async throws -> Response {
        let size = try call.pageSize(default: 10, limit: 100)
        let page = try await call.withState { try await $0.files.list(pageSize: size, pageToken: call.pageToken) }
        var json = JSONWriter()
        json.raw("{")
        if !page.elements.isEmpty {
            json.raw("\"files\":[")
            for (index, file) in page.elements.enumerated() {
                if index > 0 { json.raw(",") }
                json.file(file, base: call.base)
            }
            json.raw("]")
        }
        if let token = page.nextPageToken {
            json.raw("\(page.elements.isEmpty ? "" : ",")\"nextPageToken\":\"\(token)\"")
        }
        json.raw("}\n")
        return Response(json: json)
    }

    /// A file of which only the description is known, with no bytes.
    private static func create(_ call: APIRequest) async throws -> Response {
        let upload: NewUpload
        do {
            let body = try await call.json(CreateFileBody.self)
            upload = try call.upload(body.file, mimeType: nil, bytes: nil)
            if call.isUpload { throw APIError.invalid("This is no path for an upload.") }
        } catch var error as APIError where error.status == .invalidArgument {
            error.message += " The bytes of a file go to /upload\(call.route.version.prefix)/files."
            throw error
        }
        var empty = upload
        empty.declaredBytes = 0
        return try await UploadRoutes.atOnce(call, empty) { _, _ in }
    }

    private static func get(_ call: APIRequest) async throws -> Response {
        let id = try call.parameter("file")
        let file = try await call.withState { try await $0.files.file(id) }
        var json = JSONWriter()
        json.file(file, base: call.base)
        json.raw("\n")
        return Response(json: json)
    }

    private static func delete(_ call: APIRequest) async throws -> Response {
        let id = try call.parameter("file")
        try await call.withState { try await $0.files.delete(id) }
        return .emptyObject
    }

    /// What the server made; what a client uploaded is not given back, as in the service.
    private static func download(_ call: APIRequest) async throws -> Response {
        let id = try call.parameter("file")
        let (file, blob) = try await call.withState { try await $0.files.open(id) }
        guard file.source == .generated else {
            throw APIError(.failedPrecondition, "The File \(id) was uploaded; only generated files can be downloaded.")
        }
        guard file.state == .active else { throw APIError(.fileNotActive(id: id, state: file.state)) }
        let body = ResponseBody(contentLength: file.sizeBytes) { writer in
            try await writer.write(blob, count: file.sizeBytes)
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: file.mimeType], body: body)
    }
}

extension ResponseBodyWriter {
    /// The first bytes of a file, in pieces.
    mutating func write(_ blob: Blob, count: Int, separator: UInt8? = nil) async throws {
        var offset = 0
        while offset < count {
            var piece = try blob.read(at: offset, count: min(count - offset, 1 << 18))
            guard !piece.isEmpty else { throw StoreError.storage(reason: "a file is shorter than it was") }
            offset += piece.count
            if let separator {
                for index in piece.indices where piece[index] == UInt8(ascii: "\n") { piece[index] = separator }
            }
            try await write(ByteBuffer(bytes: piece))
        }
    }
}

extension APIRequest {
    /// What the `uri` of a file begins with. Without a version in the path it is the service's usual one.
    var base: String { "\(origin)/\(route.version.name)" }

    /// `{"file": File}`
    func reply(_ file: StoredFile, headers: HTTPFields = [:]) -> Response {
        var json = JSONWriter()
        json.raw("{\"file\":")
        json.file(file, base: base)
        json.raw("}\n")
        return Response(json: json, headers: headers)
    }

    /// - Parameters:
    ///   - mimeType: what the headers say, if the description says nothing.
    ///   - bytes: the same.
    func upload(_ body: FileBody, mimeType: String?, bytes: Int?) throws -> NewUpload {
        let type = body.mimeType ?? mimeType ?? ""
        guard !type.isEmpty else {
            throw APIError.invalid(
                "Unsupported MIME type: none is given. Say it by mime_type in the body, by the header X-Goog-Upload-Header-Content-Type, "
                    + "or by Content-Type where the body is the file.")
        }
        guard MIMETypes.isSupported(type) else {
            throw APIError.invalid("Unsupported MIME type: \(type.shortened)")
        }
        if let given = body.sizeBytes, let announced = bytes, given != announced {
            throw APIError.invalid("size_bytes is \(given), and the headers announce \(announced) bytes.")
        }
        return NewUpload(
            fileID: body.id, displayName: body.displayName, mimeType: type, declaredBytes: bytes ?? body.sizeBytes)
    }
}

/// The kinds of files that are taken in; whether a content may have them is seen when it has.
enum MIMETypes {
    private static let kinds: Set = ["text", "image", "audio", "video", "application"]

    static func isSupported(_ type: String) -> Bool {
        // What the service's own example gives for a batch job's file.
        if type == "jsonl" { return true }
        guard type.utf8.count <= 200, type.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F || $0 == 0x20 }) else {
            return false
        }
        let parts = type.split(separator: ";", omittingEmptySubsequences: false)[0].split(
            separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && kinds.contains(parts[0].lowercased()) && !parts[1].isEmpty
    }
}
