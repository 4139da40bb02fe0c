import Glibc

/// The lines of a file or of standard input, one at a time, in bounded memory.
final class LineReader {
    enum Line {
        case text([UInt8])
        /// A line above the limit; its bytes are gone.
        case tooLong(limit: Int)
    }

    private let descriptor: Int32
    /// For messages.
    private let name: String
    private let maxLineBytes: Int
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    /// Bytes handed out so far, with line ends.
    private(set) var position = 0
    /// Whether the line that was handed out last ended with a line feed, and not with the file.
    private(set) var hasLineFeed = false
    /// Bytes of the whole file; nil for a pipe.
    let size: Int?
    /// Device and number of the file.
    let identity: [UInt64]

    /// The share of the file that was handed out, 0...1; nil for a pipe.
    var share: Double? { size.map { Double(position) / Double(max($0, 1)) } }

    private static let chunk = 1 << 20

    /// - Parameter path: `-` for standard input.
    init(path: String, maxLineBytes: Int) throws {
        descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure(errno == ENOENT ? .notFound : .badInput, "\(path): \(String(cString: strerror(errno)))")
        }
        name = path == "-" ? "standard input" : path
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw Failure(.badInput, "\(name): \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw Failure(.badInput, "\(name): is a folder") }
        size = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
        identity = [UInt64(status.st_dev), UInt64(status.st_ino)]
        self.maxLineBytes = maxLineBytes
    }

    deinit {
        if descriptor != STDIN_FILENO { close(descriptor) }
    }

    /// The next line without its line feed; nil at the end.
    func next() throws -> Line? {
        var searched = start
        var dropped = false
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                return finish(end, dropped, hasLineFeed: true)
            }
            searched = buffer.count
            if buffer.count - start > maxLineBytes {
                dropped = true
                position += buffer.count - start
                buffer.removeAll(keepingCapacity: true)
                (start, searched) = (0, 0)
            }
            if isAtEnd {
                return start < buffer.count || dropped ? finish(buffer.count, dropped, hasLineFeed: false) : nil
            }
            try fill(&searched)
        }
    }

    private func finish(_ end: Int, _ dropped: Bool, hasLineFeed: Bool) -> Line {
        let line = Array(buffer[start..<end])
        self.hasLineFeed = hasLineFeed
        position += end - start + (hasLineFeed ? 1 : 0)
        start = end + (hasLineFeed ? 1 : 0)
        return dropped || line.count > maxLineBytes ? .tooLong(limit: maxLineBytes) : .text(line)
    }

    private func fill(_ searched: inout Int) throws {
        if start > 0 {
            buffer.removeFirst(start)
            searched -= start
            start = 0
        }
        let old = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: Self.chunk))
        var got = 0
        repeat {
            got = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + old, Self.chunk) }
        } while got < 0 && errno == EINTR
        buffer.removeLast(Self.chunk - max(got, 0))
        if got < 0 {
            throw Failure(
                .badInput,
                errno == EBADF && descriptor == STDIN_FILENO
                    ? "\(name) is closed" : "\(name): cannot read: \(String(cString: strerror(errno)))")
        }
        if got <= 0 { isAtEnd = true }
    }
}
