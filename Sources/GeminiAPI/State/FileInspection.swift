import Logging
import Media
import ServerState
import Store

extension FileStore {
    /// A finished upload is a file at once, but for videos, which are looked into first.
    func finish(_ upload: String, _ server: ServerCore) async throws -> StoredFile {
        let file = try await finishUpload(upload) { $0.lowercased().hasPrefix("video/") ? .processing : .active }
        if file.state == .processing { Task { await inspect(file, server) } }
        return file
    }

    /// Ends the PROCESSING of a video: its container must be one that is known, and of the declared kind.
    func inspect(_ file: StoredFile, _ server: ServerCore) async {
        do {
            let (_, blob) = try await open(file.id)
            let head = try blob.read(at: 0, count: 64 << 10)
            var failure: String?
            do throws(MediaError) {
                _ = try MediaType.resolve(declared: MediaType(mimeType: file.mimeType), bytes: head.span.bytes)
            } catch {
                failure = error.description
            }
            try await finishProcessing(file.id, failure: failure)
        } catch StateError.fileNotFound {
            // Deleted meanwhile.
        } catch {
            server.logger.error("file inspection failed", metadata: ["type": "\(type(of: error))"])
        }
    }
}
