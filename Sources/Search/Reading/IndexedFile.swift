import Glibc
package import Store

/// The file of an item, open to be read, as it was when it was indexed.
package struct IndexedFile: Sendable {
    package let blob: Blob
    package let size: Int

    /// Throws `notFound` where the file is gone or cannot be opened, and `changed` where it is another one by size, time or number: what stands there now
    /// was never indexed, and the places of items do not hold for it.
    package init(_ hit: SearchHit) throws(SearchError) {
        // A FIFO must not wait. A link that leads elsewhere since then shows by the file's number.
        let descriptor = hit.path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
        guard descriptor >= 0 else { throw .notFound(path: hit.path.printable) }
        blob = Blob(descriptor: descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .notFound(path: hit.path.printable)
        }
        guard FileVersion(status) == hit.version else { throw .changed(path: hit.path.printable) }
        size = Int(hit.size)
    }

    /// All bytes; nil where there are more than `limit`.
    package func bytes(atMost limit: Int) throws(SearchError) -> [UInt8]? {
        guard size <= limit else { return nil }
        do {
            let bytes = try blob.read(at: 0, count: size)
            return bytes.count == size ? bytes : nil
        } catch { return nil }
    }
}

extension SearchHit {
    /// What has become of an item's file since.
    package enum FileNow: String, Sendable {
        case same, missing, changed
    }

    /// As a look at its name and time tells.
    package var fileNow: FileNow {
        var status = stat()
        guard path.withCString({ stat($0, &status) }) == 0 else { return .missing }
        return FileVersion(status) == version ? .same : .changed
    }
}
