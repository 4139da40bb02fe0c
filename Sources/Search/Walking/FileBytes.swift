import Castor
import Glibc

/// A file, read as it was at one moment.
struct FileBytes {
    var source: ByteSource
    /// Of a large file, which is not read at once: what it is at the end is to be asked at the end.
    var mapping: LargeFile?
    var version: FileVersion
    /// Whether a change that comes soon might leave `version` as it is.
    var isYoung: Bool

    /// Clocks of file systems go in steps of some milliseconds, of some in two seconds.
    private static let youngNanoseconds: Int64 = 2_000_000_000
    private static let tries = 3

    var bytes: [UInt8] { source.array }

    /// - Parameter mapsAbove: files that are larger are mapped
    static func read(_ path: RawPath, maxBytes: Int, mapsAbove: Int = .max) -> Result<FileBytes, Failure> {
        var last = Failure(problem: Problem(.changing, "it changed \(tries) times while it was read"))
        for _ in 0..<tries {
            switch attempt(path, maxBytes, mapsAbove) {
            case .success(let read?): return .success(read)
            case .success(nil): continue
            case .failure(let failure):
                last = failure
                return .failure(last)
            }
        }
        return .failure(last)
    }

    struct Failure: Error {
        var problem: Problem
        /// Of what there is.
        var version: FileVersion?
        /// Whether there is nothing of the name any more.
        var isGone = false
    }

    /// nil where it changed meanwhile.
    private static func attempt(_ path: RawPath, _ maxBytes: Int, _ mapsAbove: Int) -> Result<FileBytes?, Failure> {
        func failure(_ code: Int32) -> Result<FileBytes?, Failure> {
            let isMachine = [EMFILE, ENFILE, ENOMEM].contains(code)
            return .failure(
                Failure(
                    problem: Problem(isMachine ? .machine : .unreadable, String(cString: strerror(code))),
                    isGone: code == ENOENT || code == ENOTDIR))
        }
        // Non-blocking: opening a FIFO must not wait for a writer.
        let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
        guard descriptor >= 0 else { return failure(errno) }
        defer { close(descriptor) }
        var before = stat()
        guard fstat(descriptor, &before) == 0 else { return failure(errno) }
        guard before.st_mode & S_IFMT == S_IFREG else {
            return .failure(Failure(problem: Problem(.unreadable, "is no regular file")))
        }
        let size = Int(before.st_size)
        guard size <= maxBytes else {
            return .failure(
                Failure(
                    problem: Problem(.tooLarge, "\(size) bytes, the limit is \(maxBytes)"), version: FileVersion(before)
                ))
        }
        guard size <= mapsAbove else {
            guard let mapping = LargeFile(descriptor, size: size) else { return failure(errno) }
            let version = FileVersion(before)
            return .success(
                FileBytes(source: mapping.bytes, mapping: mapping, version: version, isYoung: isYoung(version)))
        }
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size, let start = buffer.baseAddress {
                let got = Glibc.read(descriptor, start + count, size - count)
                if got < 0, errno == EINTR { continue }
                if got < 0 { code = errno }
                if got <= 0 { break }
                count += got
            }
        }
        guard code == 0 else { return failure(code) }
        var after = stat()
        guard fstat(descriptor, &after) == 0 else { return failure(errno) }
        let version = FileVersion(before)
        guard bytes.count == size, FileVersion(after) == version else { return .success(nil) }
        return .success(FileBytes(source: ByteSource(bytes), version: version, isYoung: isYoung(version)))
    }

    /// Whether the file of this name is as it was when it was mapped. One that was read whole was read as it was.
    func isStill(_ path: RawPath) -> Bool {
        guard let mapping else { return true }
        var status = stat()
        return !mapping.isCut && path.withCString { stat($0, &status) } == 0 && FileVersion(status) == version
    }

    static func isYoung(_ version: FileVersion) -> Bool {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let nanoseconds = Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
        return version.modified > nanoseconds - youngNanoseconds
    }
}
