package import FoundationEssentials
import Glibc

/// A line of `metrics.jsonl`: `{"type": "step", "step": 1, "loss": ..}`.
package enum MetricsLine: Sendable, Equatable, Codable {
    /// The first line.
    case start(TrainingFacts)
    case step(StepRecord)
    case evaluation(EvaluationRecord)
    case tasks(TaskRecord)
    case end(TrainingHistory.Ending)

    private enum Kind: String, Codable { case start, step, evaluation, tasks, end }
    private enum Key: String, CodingKey { case type }

    package init(from decoder: any Decoder) throws {
        switch try decoder.container(keyedBy: Key.self).decode(Kind.self, forKey: .type) {
        case .start: self = .start(try TrainingFacts(from: decoder))
        case .step: self = .step(try StepRecord(from: decoder))
        case .evaluation: self = .evaluation(try EvaluationRecord(from: decoder))
        case .tasks: self = .tasks(try TaskRecord(from: decoder))
        case .end: self = .end(try TrainingHistory.Ending(from: decoder))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .start(let facts):
            try container.encode(Kind.start, forKey: .type)
            try facts.encode(to: encoder)
        case .step(let record):
            try container.encode(Kind.step, forKey: .type)
            try record.encode(to: encoder)
        case .evaluation(let record):
            try container.encode(Kind.evaluation, forKey: .type)
            try record.encode(to: encoder)
        case .tasks(let record):
            try container.encode(Kind.tasks, forKey: .type)
            try record.encode(to: encoder)
        case .end(let ending):
            try container.encode(Kind.end, forKey: .type)
            try ending.encode(to: encoder)
        }
    }
}

/// `metrics.jsonl`, and what it holds: the file is the memory of the training, whose history is read back from it.
package final class MetricsLog {
    package let path: String
    package private(set) var history: TrainingHistory
    /// Bytes of whole lines.
    package private(set) var byteCount: Int
    private let isWritten: Bool
    private let descriptor: Int32

    /// Starts a file.
    ///
    /// - Parameter isWritten: whether it is this process that writes it
    package init(path: String, facts: TrainingFacts, isWritten: Bool = true) throws(RunError) {
        self.path = path
        self.isWritten = isWritten
        history = TrainingHistory(facts: facts)
        byteCount = 0
        descriptor = isWritten ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644) : -1
        guard descriptor >= 0 || !isWritten else { throw RunFolder.failure(path) }
        try append(.start(facts))
    }

    /// Goes on after the first `byteCount` bytes of a file; what follows them happened after the checkpoint, and is dropped.
    package init(path: String, byteCount: Int, isWritten: Bool = true) throws(RunError) {
        self.path = path
        self.isWritten = isWritten
        self.byteCount = byteCount
        func damaged(_ reason: String) -> RunError { .checkpoint(path: path, reason: reason) }
        guard byteCount >= 0, let data = try? Data(contentsOf: URL(filePath: path)), data.count >= byteCount else {
            throw damaged("it is missing or shorter than the checkpoint says")
        }
        history = try Self.read(data.prefix(byteCount), path)
        guard isWritten else {
            descriptor = -1
            return
        }
        descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0, ftruncate(descriptor, byteCount) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
            throw RunFolder.failure(path)
        }
    }

    deinit {
        if isWritten { close(descriptor) }
    }

    /// The history in a file's bytes.
    package static func read(_ data: Data, _ path: String) throws(RunError) -> TrainingHistory {
        let decoder = JSONDecoder()
        var history: TrainingHistory?
        for (index, line) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
            guard let value = try? decoder.decode(MetricsLine.self, from: Data(line)) else {
                throw .checkpoint(path: path, reason: "line \(index + 1) cannot be read")
            }
            if case .start(let facts) = value { history = TrainingHistory(facts: facts) }
            history?.add(value)
        }
        guard let history else { throw .checkpoint(path: path, reason: "its first line is missing") }
        return history
    }

    package func append(_ line: MetricsLine) throws(RunError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard var bytes = try? encoder.encode(line) else {
            throw .cannotWrite(path: path, reason: "a value that is not finite cannot be written as JSON")
        }
        bytes.append(UInt8(ascii: "\n"))
        if isWritten { try writeAll([UInt8](bytes), to: descriptor, path) }
        byteCount += bytes.count
        history.add(line)
    }

    /// Makes durable what was appended.
    package func synchronise() throws(RunError) {
        guard !isWritten || fsync(descriptor) == 0 || errno == EINVAL else { throw RunFolder.failure(path) }
    }
}

extension TrainingHistory {
    mutating func add(_ line: MetricsLine) {
        switch line {
        case .start: break
        case .step(let record): steps.append(record)
        case .evaluation(let record): evaluations.append(record)
        case .tasks(let record): tasks.append(record)
        case .end(let ending): self.ending = ending
        }
    }
}

/// All bytes, or an error that says why not.
func writeAll(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(RunError) {
    var start = 0
    while start < bytes.count {
        let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + start, bytes.count - start) }
        if written < 0 {
            if errno == EINTR { continue }
            throw RunFolder.failure(path)
        }
        start += written
    }
}
