import Glibc

/// A file under a temporary name until ``commit()``: readers see the old contents or all of the new ones.
/// Dropped without commit, it leaves nothing behind.
package final class AtomicFile {
    private let path: String
    private let temporaryPath: String
    private var descriptor: Int32

    package init(path: String) throws(ModelError) {
        self.path = path
        temporaryPath = "\(path).\(getpid()).partial"
        descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure(path) }
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unlink(temporaryPath)
        }
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(ModelError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = Glibc.write(descriptor, rest.base.baseAddress! + rest.startIndex, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                throw Self.failure(path)
            }
            rest = rest.dropFirst(written)
        }
    }

    /// Makes the contents durable and gives the file its name.
    package func commit() throws(ModelError) {
        guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else { throw Self.failure(path) }
        close(descriptor)
        descriptor = -1
    }

    private static func failure(_ path: String) -> ModelError {
        .unreadable(path: path, reason: "cannot be written: \(String(cString: strerror(errno)))")
    }
}
