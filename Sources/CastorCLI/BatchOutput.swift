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
    /// Lines that an earlier run left, as far as they were read.
    private var finishedCount = 0
    /// The first vector that an earlier run left, and its line, from 0: what a run that goes on has to give as well.
    private(set) var firstVector: (line: Int, values: [Float])?

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

    /// Whether there is something to go on from: a device or a pipe keeps nothing.
    var isFile: Bool { reader.size != nil }

    /// A line of output; a line of input has a key, too.
    private struct Finished: Decodable {
        let key: String
        let response: Anything?
        let error: Anything?

        /// Present, and not read.
        struct Anything: Decodable {
            init(from decoder: any Decoder) {}
        }
    }

    /// The numbers of a line that has them.
    private struct Numbers: Decodable {
        let response: Response

        struct Response: Decodable {
            let embedding: Vector

            struct Vector: Decodable {
                let values: [Float]
            }
        }
    }

    /// The key of the next whole line that an earlier run left; nil after the last.
    func nextFinishedKey() throws -> String? {
        guard !isAppending, let size = reader.size, size > 0, let line = try reader.next() else { return nil }
        // A last line without its line feed was cut short, even if it parses.
        guard reader.position > end, reader.position <= size, try endsWithLineFeed(reader.position) else { return nil }
        guard case .text(let bytes) = line, let key = key(of: Data(bytes)) else {
            throw Failure(.badInput, "\(path) exists and is not a batch's output; remove it to start anew")
        }
        end = reader.position
        finishedCount += 1
        return key
    }

    private func key(of line: Data) -> String? {
        guard let finished = try? JSONDecoder().decode(Finished.self, from: line),
            finished.response != nil || finished.error != nil
        else { return nil }
        if firstVector == nil, let numbers = try? JSONDecoder().decode(Numbers.self, from: line) {
            firstVector = (finishedCount, numbers.response.embedding.values)
        }
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
