package import Castor
import Media
import ServerState

/// Parts of requests as the embedder takes them, their files looked up. Only uploaded files are ever opened: no path, no foreign URL, no `gs://`.
package struct FileParts: Sendable {
    private let state: ServerState?

    package init(_ server: ServerCore) {
        state = server.options.state
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
        guard let state else { throw APIError.fileNotAccessible(id.shortened) }
        do {
            let (file, bytes) = try await state.files.contents(id)
            // As for inline data: what the request says of the file goes before what the upload said.
            return .data(bytes, mimeType: mimeType ?? file.mimeType)
        } catch let error as StateError {
            throw APIError(error)
        }
    }

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
