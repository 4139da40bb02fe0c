import FoundationEssentials
import Glibc

/// The result file of a batch: lines that are already there are kept, new ones are appended whole.
final class BatchOutput {
    let path: String
    private let descriptor: Int32
    private let reader: LineReader
    /// End of the last whole line.
    private var end = 0
    /// Whether what an earlier run left is behind us.
    private var isAppending = false

    init(path: String, input: LineReader) throws {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw Failure(.cannotWrite, "\(path): \(String(cString: strerror(errno)))")
        }
        // A key may be as long as an input line.
        reader = try LineReader(path: path, maxLineBytes: 2 * BatchRun.maxLineBytes)
        guard reader.size == nil || reader.identity != input.identity else {
            throw Failure(.usage, "\(path) is both the input and the output")
        }
        guard reader.size == nil || flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw Failure(.cannotWrite, "\(path): another castor is writing to it")
        }
    }

    deinit {
        close(descriptor)
    }

    /// A line of output; a line of input has a key, too.
    private struct Finished: Decodable {
        let key: String
        let response: Anything?
        let error: Anything?

        struct Anything: Decodable {
            init(from decoder: any Decoder) {}
        }
    }

    /// The key of the next whole line that an earlier run left; nil after the last.
    func nextFinishedKey() throws -> String? {
        guard !isAppending, let size = reader.size, size > 0, let line = try reader.next() else { return nil }
        // A last line without its line feed was cut short, even if it parses.
        guard reader.position > end, reader.position <= size, try endsWithLineFeed(reader.position) else { return nil }
        guard case .text(let bytes) = line,
            let finished = try? JSONDecoder().decode(Finished.self, from: Data(bytes)),
            finished.response != nil || finished.error != nil
        else { throw Failure(.badInput, "\(path) exists and is not a batch's output; remove it to start anew") }
        end = reader.position
        return finished.key
    }

    private func endsWithLineFeed(_ position: Int) throws -> Bool {
        var byte: UInt8 = 0
        return pread(descriptor, &byte, 1, position - 1) == 1 && byte == UInt8(ascii: "\n")
    }

    private func dropUnfinishedLine() throws {
        isAppending = true
        // A device has no lines to go on from.
        guard reader.size != nil else { return }
        guard ftruncate(descriptor, end) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
            throw Failure(.cannotWrite, "\(path): \(String(cString: strerror(errno)))")
        }
    }

    /// After the last whole line.
    func append(_ bytes: [UInt8]) throws {
        if !isAppending { try dropUnfinishedLine() }
        do {
            try Terminal.write(bytes, to: descriptor)
        } catch let failure as Failure {
            throw Failure(.cannotWrite, "\(path): \(failure.message)")
        }
    }

    func finish() throws {
        if !isAppending { try dropUnfinishedLine() }
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw Failure(.cannotWrite, "\(path): \(String(cString: strerror(errno)))")
        }
    }
}
