import Glibc

/// The files that a content names, each read once, however many parts name it. Read and not mapped: whoever cuts a file that is
/// mapped ends the program.
struct PartFiles {
    let access: EmbedOptions.FileAccess
    let maxBytes: Int
    /// By path.
    private var read: [String: ByteSource] = [:]

    init(access: EmbedOptions.FileAccess, maxBytes: Int) {
        self.access = access
        self.maxBytes = maxBytes
    }

    mutating func bytes(_ path: String, part number: Int) throws(EmbedError) -> ByteSource {
        if let bytes = read[path] { return bytes }
        let bytes = ByteSource(try contents(path, number))
        read[path] = bytes
        return bytes
    }

    /// Nothing that was read is held any longer.
    mutating func forget() {
        read = [:]
    }

    private func contents(_ path: String, _ number: Int) throws(EmbedError) -> [UInt8] {
        guard case .relative(let folder) = access, !path.contains("://"), !path.utf8.contains(0) else {
            throw .fileNotAllowed(part: number, path: path)
        }
        func unreadable(_ code: Int32) -> EmbedError {
            code == ENOENT || code == ENOTDIR
                ? .fileNotFound(part: number, path: path)
                : .fileUnreadable(part: number, path: path, reason: String(cString: strerror(code)))
        }
        // Non-blocking: opening a FIFO must not wait for a writer. It has no effect on regular files.
        let descriptor = open(
            path.hasPrefix("/") ? path : "\(folder)/\(path)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let what = status.st_mode & S_IFMT == S_IFDIR ? "is a folder" : "is not a regular file"
            throw .fileUnreadable(part: number, path: path, reason: what)
        }
        let size = Int(status.st_size)
        guard size <= maxBytes else {
            throw .fileTooLarge(part: number, path: path, bytes: size, limit: maxBytes)
        }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got = Glibc.read(descriptor, buffer.baseAddress! + count, size - count)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { break }
                count += got
            }
        }
        guard failure == 0 else { throw unreadable(failure) }
        return bytes
    }
}
