import Castor
import CastorNumerics
import Search

/// How the program ends; the numbers are those of sysexits.h.
enum ExitStatus: Int32 {
    case usage = 64
    case badInput = 65
    case notFound = 66
    /// The machine lacks what computing needs.
    case unavailable = 69
    case bug = 70
    case cannotWrite = 73
    /// A file became shorter, or a disk failed, while it was read.
    case cannotRead = 74
    /// Stopped by Ctrl-C, by SIGTERM.
    case interrupted = 130
    case terminated = 143
}

/// A message for a person and the status for a script.
struct Failure: Error {
    let status: ExitStatus
    /// A line each.
    let messages: [String]

    init(_ status: ExitStatus, _ messages: String...) {
        self.init(status, messages)
    }

    var message: String { messages.joined(separator: "\n") }

    init(_ status: ExitStatus, _ messages: [String]) {
        self.status = status
        self.messages = messages.map(Self.bounded)
    }

    /// Bytes of a line at most: it may quote what a file holds.
    private static let mostBytes = 2_000

    private static func bounded(_ line: String) -> String {
        let count = line.utf8.count
        guard count > mostBytes else { return line }
        return "\(line.prefix(mostBytes / 8)) ... \(line.suffix(mostBytes / 16)) (\(count) bytes, shortened)"
    }

    init(_ error: EmbedError) {
        let status: ExitStatus =
            switch error.kind {
            case .notFound: .notFound
            case .input, .model: .badInput
            case .machine: .unavailable
            }
        self.init(status, error.description)
    }

    init(_ error: ModelLoadError) {
        self.init(error.isMachine ? .unavailable : error.isMissing ? .notFound : .badInput, error.description)
    }

    init(_ error: SearchError) {
        let status: ExitStatus =
            switch error {
            case .noIndex, .notFound, .noItem, .changed: .notFound
            case .inUse, .emptied: .unavailable
            case .unusable, .diskFull: .cannotWrite
            case .emptyQuery: .usage
            case .otherVersion, .otherModel, .damaged, .wrongSize: .badInput
            }
        self.init(status, error.description)
    }

    init(_ error: BLASError) {
        self.init(.unavailable, error.description)
    }
}

extension WorkerPool {
    /// For commands that compute without a model.
    static func opened(threads: Int?) throws -> WorkerPool {
        do {
            return try WorkerPool(upTo: threads)
        } catch {
            throw Failure(error)
        }
    }
}
