import Glibc

/// Bytes on disk under random names. A row of the database says which of them exist; a file that no row names is an orphan.
package struct BlobFolder: Sendable {
    private let path: String

    package init(path: String) throws(StoreError) {
        self.path = path
        try DurableFolder.make(path)
    }

    /// Makes an empty file whose name survives a power cut.
    package func create(_ name: String) throws(StoreError) {
        let descriptor = Glibc.open("\(path)/\(name)", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system(errno) }
        close(descriptor)
        try DurableFolder.sync(path)
    }

    /// For reading and writing; nil where there is none that could be opened, now or later.
    package func open(_ name: String) throws(StoreError) -> Blob? {
        let descriptor = Glibc.open("\(path)/\(name)", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor < 0 else { return Blob(descriptor: descriptor) }
        switch errno {
        case EMFILE, ENFILE, ENOMEM, EINTR, EROFS: throw .system(errno)
        default: return nil
        }
    }

    /// nil where there is none.
    package func size(_ name: String) -> Int? {
        var status = stat()
        return stat("\(path)/\(name)", &status) == 0 ? Int(status.st_size) : nil
    }

    package func remove(_ name: String) {
        unlink("\(path)/\(name)")
    }

    package func names() throws(StoreError) -> [String] { try DurableFolder.names(path) }
}

/// An open file of a ``BlobFolder``. It stays readable when its name is removed.
package final class Blob: Sendable {
    private let descriptor: Int32

    package init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    package func size() throws(StoreError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(errno) }
        return Int(status.st_size)
    }

    /// As `mmap` answers: the descriptor may be closed afterwards.
    package func map(_ count: Int) -> UnsafeMutableRawPointer? {
        mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
    }

    /// Up to `count` bytes from `offset`; fewer only at the end.
    package func read(at offset: Int, count: Int) throws(StoreError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { break }
                filled += got
            }
        }
        guard failure == 0 else { throw .system(failure) }
        return bytes
    }

    package func write(_ bytes: [UInt8], at offset: Int) throws(StoreError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress! + written, bytes.count - written, off_t(offset + written))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system(errno) }
            written += count
        }
    }

    package func truncate(to size: Int) throws(StoreError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw .system(errno) }
    }

    package func sync() throws(StoreError) {
        guard fsync(descriptor) == 0 else { throw .system(errno) }
    }

    /// Reads from `start` to `end` in pieces that fit a cache.
    package func forEachPiece(from start: Int = 0, to end: Int, _ body: ([UInt8]) throws -> Void) throws {
        var offset = start
        while offset < end {
            let piece = try read(at: offset, count: min(end - offset, 1 << 20))
            guard !piece.isEmpty else { throw StoreError.storage(reason: "a file is shorter than it was") }
            try body(piece)
            offset += piece.count
        }
    }
}
