package import Castor

/// Looks up the files that contents name. Only uploaded files are ever opened: no path, no foreign URL, no `gs://`.
package struct FileParts: Sendable {
    package init(_ server: ServerCore) {}

    /// - Parameter uri: the `uri` of an uploaded file, or its name, `files/{id}`.
    package func part(uri: String, mimeType: String?) async throws -> Part {
        throw APIError.fileNotAccessible(uri.shortened)
    }
}
