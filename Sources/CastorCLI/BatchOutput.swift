import Encoder
import Glibc

/// The result file of a batch. Lines that an earlier run left are kept, new ones are appended whole.
///
/// Where one of those has to change, all are written anew, to a file beside it, `FILE.redo`, which takes the place of the other when it is
/// complete: until then both are there, and a run that is stopped goes on from both.
final class BatchOutput {
    /// One line for one line of input.
    enum Row {
        /// Stays as it is.
        case kept(ResultLine)
        /// Replaces what an earlier run left.
        case changed([UInt8])
        case new([UInt8])

        var bytes: [UInt8] {
            switch self {
            case .kept(let line): line.bytes
            case .changed(let bytes), .new(let bytes): bytes
            }
        }
    }

    private enum State {
        /// All rows so far are the file's own.
        case unchanged
        /// New rows go to the end of the file.
        case appending
        /// All rows so far are in the other file, which an earlier run began.
        case redone
        /// Rows go to the end of the other file.
        case redoing(Int32)
    }

    let path: String
    private let descriptor: Int32
    /// nil for a device or a pipe, which keeps nothing. It must not be opened to read: a pipe that has a reader in the program itself never
    /// tells it that the other end has gone.
    private let own: ResultLines?
    private var redone: ResultLines?
    private var state = State.unchanged
    /// Where the rows so far end in the file that holds them.
    private var end = 0

    /// Beside the file itself, where `path` is a link to it.
    let redoPath: String
    private let target: String

    /// The file that a line which an earlier run left is in.
    func path(of line: ResultLine) -> String { line.isRedone ? redoPath : path }

    /// Whether there is something to go on from.
    var isFile: Bool { own != nil }

    /// All files that a batch writes for this output.
    static func paths(of output: String) -> [String] {
        [output, "\(resolved(output)).redo", BatchMark.path(of: output)]
    }

    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    init(path: String, input: LineReader) throws {
        self.path = path
        var status = stat()
        let isFile = stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
        descriptor = open(path, (isFile ? O_RDWR | O_CREAT : O_WRONLY) | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw Failure(.cannotWrite, "\(path): \(String(cString: strerror(errno)))")
        }
        target = Self.resolved(path)
        redoPath = "\(target).redo"
        guard isFile else {
            own = nil
            return
        }
        let own = try ResultLines(path: path)
        self.own = own
        guard own.identity != input.identity else {
            throw Failure(.usage, "\(path) is both the input and the output")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw Failure(.cannotWrite, "\(path): another castor is writing to it")
        }
        guard lstat(redoPath, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.cannotWrite, "\(redoPath) exists and was not left by a batch; move it away")
        }
        let other = try ResultLines(path: redoPath, isRedone: true)
        if own.isEmpty {
            // Begun for a file that was removed since; whatever else has this name is not to be lost.
            guard try other.isOutput() else { throw other.isNoOutput }
            unlink(redoPath)
        } else {
            redone = other
            state = .redone
        }
    }

    deinit {
        if case .redoing(let descriptor) = state { close(descriptor) }
        close(descriptor)
    }

    /// The next whole line that an earlier run left; nil after the last.
    func next() throws -> ResultLine? {
        let line = try own?.next()
        return try redone?.next() ?? line
    }

    /// Takes the next rows, in order. Nothing is written as long as all are kept.
    func append(_ rows: [Row]) throws {
        do {
            switch state {
            case .unchanged:
                let kept = rows.prefix { if case .kept = $0 { true } else { false } }
                if rows.contains(where: { if case .changed = $0 { true } else { false } }) {
                    try beginRedoing()
                    try write(rows)
                } else {
                    if case .kept(let line)? = kept.last { end = line.end }
                    if kept.count < rows.count {
                        try beginAppending()
                        try write(rows.dropFirst(kept.count))
                    }
                }
            case .redone:
                let kept = rows.prefix { if case .kept(let line) = $0 { line.isRedone } else { false } }
                if case .kept(let line)? = kept.last { end = line.end }
                if kept.count < rows.count {
                    try goOnRedoing()
                    try write(rows.dropFirst(kept.count))
                }
            case .appending, .redoing: try write(rows[...])
            }
        } catch let failure as Failure {
            throw Failure(.cannotWrite, "\(path): \(failure.message)")
        }
    }

    private func write(_ rows: some Sequence<Row>) throws {
        var target = descriptor
        if case .redoing(let other) = state { target = other }
        var bytes: [UInt8] = []
        for row in rows {
            bytes += row.bytes
            if bytes.count >= 1 << 20 {
                try Terminal.write(bytes, to: target)
                bytes.removeAll(keepingCapacity: true)
            }
        }
        try Terminal.write(bytes, to: target)
    }

    /// Behind the last whole line: one that was cut short is no result, even if it parses.
    private func beginAppending() throws {
        state = .appending
        guard isFile else { return }
        try Self.check(ftruncate(descriptor, off_t(end)) == 0 && lseek(descriptor, 0, SEEK_END) >= 0)
    }

    /// The rows so far, copied.
    private func beginRedoing() throws {
        // Whoever may read the one may read the other.
        var status = stat()
        try Self.check(fstat(descriptor, &status) == 0)
        let other = open(redoPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        try Self.check(other >= 0, redoPath)
        try Self.check(fchmod(other, status.st_mode & 0o7777) == 0, redoPath)
        state = .redoing(other)
        var offset = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while offset < end {
            let wanted = min(buffer.count, end - offset)
            let got = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, wanted, off_t(offset)) }
            if got < 0, errno == EINTR { continue }
            try Self.check(got > 0)
            try Terminal.write(Array(buffer.prefix(got)), to: other)
            offset += got
        }
    }

    private func goOnRedoing() throws {
        let other = open(redoPath, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        try Self.check(other >= 0, redoPath)
        state = .redoing(other)
        // What comes behind is the file's own again.
        redone = nil
        try Self.check(ftruncate(other, off_t(end)) == 0 && lseek(other, 0, SEEK_END) >= 0)
    }

    /// - Parameter file: where that is not the output itself
    private static func check(_ succeeded: Bool, _ file: String? = nil) throws {
        guard succeeded else {
            throw Failure(.cannotWrite, (file.map { "\($0): " } ?? "") + String(cString: strerror(errno)))
        }
    }

    /// Behind the last row.
    func finish() throws {
        do {
            if case .redone = state { try goOnRedoing() }
            if case .unchanged = state { try beginAppending() }
            if case .redoing(let other) = state {
                try Self.check(fsync(other) == 0 && rename(redoPath, target) == 0)
            } else {
                try Self.check(fsync(descriptor) == 0 || errno == EINVAL)
            }
            if own != nil { try Self.check(syncNames(beside: target)) }
        } catch let failure as Failure {
            throw Failure(.cannotWrite, "\(path): \(failure.message)")
        }
    }
}
