package import Castor
import ServerState
import Store
import Synchronization

/// Parts of one request as the embedder takes them, their files looked up: each is mapped once, however many parts name it, and charged to
/// the request. Only uploaded files are ever opened: no path, no foreign URL, no `gs://`.
package final class FileParts: Sendable {
    private let state: ServerState?
    private let lease: BodyLease
    /// By id.
    private let known = Mutex<[String: File]>([:])

    private struct File {
        let bytes: ByteSource
        let mimeType: String
        var isText = false
    }

    init(_ server: ServerCore, _ lease: BodyLease) {
        state = server.options.state
        self.lease = lease
    }

    /// What the embedder takes for a part of a request.
    package func part(_ part: Part) async throws -> Part {
        switch part {
        case .text, .data: part
        case .file(let uri, let mimeType): try await self.part(uri: uri, mimeType: mimeType)
        case .clip(let video, let metadata): .clip(try await self.part(video), metadata)
        }
    }

    /// - Parameter uri: the `uri` of an uploaded file, or its name, `files/{id}`.
    private func part(uri: String, mimeType: String?) async throws -> Part {
        guard let id = Self.id(uri) else {
            throw APIError.invalid(
                "Invalid or unsupported file uri: \(uri.shortened). Only files of the Files API can be used.")
        }
        var file = try await file(id)
        // As for inline data: what the request says of the file goes before what the upload said.
        let type = mimeType ?? file.mimeType
        if type.lowercased().hasPrefix("text/"), !file.isText {
            // A text is copied, whatever else it is taken for.
            try lease.reserveFile(file.bytes.count, isFirst: known.withLock { $0.count == 1 })
            file.isText = true
            known.withLock { [file] in $0[id] = file }
        }
        return .data(file.bytes, mimeType: type)
    }

    private func file(_ id: String) async throws -> File {
        if let file = known.withLock({ $0[id] }) { return file }
        guard let state else { throw APIError.fileNotAccessible(id.shortened) }
        do {
            let (stored, blob) = try await state.files.mapped(id)
            let file = File(bytes: ByteSource(blob.bytes, owner: blob), mimeType: stored.mimeType)
            try lease.reserveFile(Self.charge(stored), isFirst: known.withLock { $0.isEmpty })
            known.withLock { $0[id] = file }
            return file
        } catch let error as StateError {
            throw APIError(error)
        } catch let error as StoreError {
            throw APIError(error)
        }
    }

    /// Documents are copied for the process that renders them; of other files, what has been looked at can be given back.
    private static func charge(_ file: StoredFile) -> Int {
        file.mimeType == "application/pdf" ? file.sizeBytes : min(file.sizeBytes, mostMappedCharge)
    }

    private static let mostMappedCharge = 64 << 20

    /// `files/{id}`, and any URL that ends in `/{version}/files/{id}`: clients know the server by several names, and some have the
    /// hosted one's written in. It is a name to look up, never an address to go to.
    static func id(_ uri: String) -> String? {
        var rest = Substring(uri)
        for scheme in ["http://", "https://"] where uri.hasPrefix(scheme) {
            guard let slash = uri.dropFirst(scheme.count).firstIndex(of: "/") else { return nil }
            rest = uri[slash...].dropFirst()
            for version in APIVersion.gemini where version != .none && rest.hasPrefix("\(version.rawValue)/") {
                rest = rest.dropFirst(version.rawValue.count + 1)
            }
        }
        guard rest.hasPrefix("files/") else { return nil }
        let id = rest.dropFirst("files/".count)
        return id.isEmpty || id.contains("/") ? nil : String(id)
    }
}
