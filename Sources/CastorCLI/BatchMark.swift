import Glibc

/// Says beside a batch's output what is being embedded, so that a run which ended in the middle of it is known by the next: what ended two runs
/// is tried a line at a time, and a line that ended two more is given up.
///
/// The file is there while a run is, and left behind by one that a crash or SIGKILL ended. It need not survive a power cut.
final class BatchMark {
    enum Place: Equatable {
        /// Of the first line of a group, from 1.
        case group(Int)
        /// A line of its own.
        case line(Int)
    }

    /// Runs that may end at one place before that is taken for its doing.
    static let maxStarts = 2

    private let path: String
    private let descriptor: Int32
    private var last: (place: Place, starts: Int)?

    /// - Parameter output: of a regular file, or of one that is to be
    ///
    /// Throws where something else has its name, which would be lost.
    init(output: String) throws {
        path = Self.path(of: output)
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o644)
        // Without the mark, as in a folder that cannot be written, a batch goes on as well.
        guard descriptor >= 0 || errno != ELOOP, descriptor < 0 || Self.isMark(descriptor) else {
            throw Failure(.cannotWrite, "\(path) exists and was not left by a batch; move it away")
        }
        last = descriptor < 0 ? nil : Self.read(descriptor)
        Interruption.removeAtEnd(path)
    }

    /// Whether it is what an earlier run left, perhaps half written.
    private static func isMark(_ descriptor: Int32) -> Bool {
        var status = stat()
        var bytes = [UInt8](repeating: 0, count: maxBytes)
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= maxBytes else {
            return false
        }
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return count == 0 || ["group ", "line "].contains { bytes.starts(with: $0.utf8) }
    }

    private static let maxBytes = 64

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    static func path(of output: String) -> String { "\(output).started" }

    /// Before a place is embedded: how many runs began it in a row, this one among them.
    func begin(_ place: Place) -> Int {
        let starts = (last.map { $0.place == place ? $0.starts : 0 } ?? 0) + 1
        last = (place, starts)
        let bytes = Array(Self.text(place, starts).utf8)
        // Without the mark, as on a disk that is full, a batch goes on as well.
        _ = pwrite(descriptor, bytes, bytes.count, 0)
        ftruncate(descriptor, off_t(bytes.count))
        return starts
    }

    /// Whether the run before had come to single lines among these.
    func wasAlone(in lines: ClosedRange<Int>) -> Bool {
        if case .line(let line)? = last?.place { lines.contains(line) } else { false }
    }

    /// The run ends in good order.
    func end() {
        if descriptor >= 0 { unlink(path) }
    }

    private static func text(_ place: Place, _ starts: Int) -> String {
        switch place {
        case .group(let line): "group \(line) \(starts)\n"
        case .line(let line): "line \(line) \(starts)\n"
        }
    }

    /// nil for what is no mark, or not a whole one.
    private static func read(_ descriptor: Int32) -> (Place, Int)? {
        var bytes = [UInt8](repeating: 0, count: maxBytes)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0, bytes[count - 1] == UInt8(ascii: "\n") else { return nil }
        let words = String(decoding: bytes[..<(count - 1)], as: UTF8.self).split(separator: " ")
        guard words.count == 3, let line = Int(words[1]), let starts = Int(words[2]), (0..<1 << 20).contains(starts)
        else {
            return nil
        }
        switch words[0] {
        case "group": return (.group(line), starts)
        case "line": return (.line(line), starts)
        default: return nil
        }
    }
}
