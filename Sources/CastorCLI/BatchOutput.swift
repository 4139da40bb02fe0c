import FoundationEssentials
import Glibc

/// The result file of a batch: lines that are already there are kept, new ones are appended whole.
final class BatchOutput {
    private let path: String
    private let descriptor: Int32
    private let reader: LineReader
    /// End of the last whole line.
    private var end = 0

    init(path: String) throws {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw Failure(.cannotWrite, "\(path): \(String(cString: strerror(errno)))")
        }
        reader = try LineReader(path: path, maxLineBytes: 1 << 20)
    }

    deinit {
        close(descriptor)
    }

    private struct Finished: Decodable {
        let key: String
    }

    /// The key of the next whole line that an earlier run left; nil after the last.
    func nextFinishedKey() throws -> String? {
        guard let size = reader.size, size > 0, let line = try reader.next() else { return nil }
        // A last line without its line feed was cut short, even if it parses.
        guard reader.position > end, reader.position <= size, try endsWithLineFeed(reader.position) else { return nil }
        guard case .text(let bytes) = line,
            let finished = try? JSONDecoder().decode(Finished.self, from: Data(bytes))
        else { throw Failure(.badInput, "\(path) exists and is not a batch's output; remove it to start anew") }
        end = reader.position
        return finished.key
    }

    private func endsWithLineFeed(_ position: Int) throws -> Bool {
        var byte: UInt8 = 0
        return pread(descriptor, &byte, 1, position - 1) == 1 && byte == UInt8(ascii: "\n")
    }

    func dropUnfinishedLine() throws {
        // A device has no lines to go on from.
        guard reader.size != nil else { return }
        guard ftruncate(descriptor, end) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
            throw Failure(.cannotWrite, "\(path): \(String(cString: strerror(errno)))")
        }
    }

    func append(_ bytes: [UInt8]) throws {
        do {
            try Terminal.write(bytes, to: descriptor)
        } catch let failure as Failure {
            throw Failure(.cannotWrite, "\(path): \(failure.message)")
        }
    }

    func finish() throws {
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw Failure(.cannotWrite, "\(path): \(String(cString: strerror(errno)))")
        }
    }
}
