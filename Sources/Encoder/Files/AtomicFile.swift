import Glibc

/// A file under a temporary name until ``commit()``: readers see the old contents or all of the new ones, after a power cut too.
/// Dropped without commit, it leaves nothing behind.
package final class AtomicFile {
    private let path: String
    private let temporaryPath: String
    private var descriptor: Int32

    package init(path: String) throws(ModelError) {
        self.path = path
        temporaryPath = "\(path).\(getpid()).partial"
        // In a folder that others write to, what has this name may be another's link: it is not written through, but removed.
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        descriptor = open(temporaryPath, flags, 0o644)
        if descriptor < 0, errno == EEXIST, unlink(temporaryPath) == 0 {
            descriptor = open(temporaryPath, flags, 0o644)
        }
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

    /// Makes the contents durable, gives the file its name, and makes that durable.
    package func commit() throws(ModelError) {
        guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else { throw Self.failure(path) }
        close(descriptor)
        descriptor = -1
        guard syncNames(beside: path) else { throw Self.failure(path) }
    }

    private static func failure(_ path: String) -> ModelError {
        .unreadable(path: path, reason: "cannot be written: \(String(cString: strerror(errno)))")
    }
}

/// Makes durable what the folder of `path` says of names: a file whose own bytes are synced may be without its name, or have the old one, until
/// then. Folders that may not be read and file systems that know no such thing are as they are.
package func syncNames(beside path: String) -> Bool {
    var folder = "."
    if let slash = path.lastIndex(of: "/") { folder = slash == path.startIndex ? "/" : String(path[..<slash]) }
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return errno == EACCES }
    defer { close(descriptor) }
    return fsync(descriptor) == 0 || errno == EINVAL
}
