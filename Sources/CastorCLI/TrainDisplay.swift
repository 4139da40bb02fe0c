import Castor
import FoundationEssentials
import Glibc
import Training

/// What a person sees of a training: one line that lives on a terminal, plain lines in a pipe; and the plain ones, with
/// times, in train.log.
final class TrainDisplay {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let log: Int32
    private var hasLine = false
    private var hasEvaluated = false
    private var lastShown = 0.0
    private var lastLogged = -Double.infinity

    /// Seconds between two states of the live line, and between two plain lines.
    private static let interval = 0.2
    private static let plainInterval = 10.0

    init(log path: String) throws(RunError) {
        log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard log >= 0 else {
            throw .cannotWrite(path: path, reason: "cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        Glibc.close(log)
    }

    func show(_ event: RunEvent) {
        switch event {
        case .note(let text): say("castor: \(text)")
        case .checkpoint: break
        case .evaluated(let record, let isBest):
            if !hasEvaluated { say(Self.legend) }
            hasEvaluated = true
            say(Self.line(record, isBest: isBest))
        case .measured(let record): for line in Self.lines(record) { say(line) }
        case .step(let record, let progress):
            let now = Progress.now
            let isEdge = progress.step == 1 || progress.step == progress.totalSteps
            if isEdge || now - lastLogged > Self.plainInterval {
                lastLogged = now
                let line = Self.line(record, progress)
                write(line)
                if !isTerminal { Terminal.error(line + "\n") }
            }
            guard isTerminal, now - lastShown > Self.interval else { return }
            lastShown = now
            hasLine = true
            Terminal.replaceLine(Self.line(record, progress))
        }
    }

    private static let legend =
        "castor: R@1 and R@10: how often what is right comes first, or among ten: question to answer/answer to question"

    /// Removes the live line and writes the last words to the log.
    func close(_ messages: [String]) {
        clear()
        for message in messages { write(message) }
    }

    private func say(_ text: String) {
        clear()
        write(text)
        Terminal.error(text + "\n")
    }

    private func clear() {
        if hasLine { Terminal.replaceLine() }
        hasLine = false
    }

    /// The log is for people: when it cannot be written, training and its metrics say so soon enough.
    private func write(_ line: String) {
        try? Terminal.write(Array("\(Date().formatted(.iso8601)) \(line.printable)\n".utf8), to: log)
    }

    private static func line(_ record: StepRecord, _ progress: RunProgress) -> String {
        "step \(progress.step)/\(progress.totalSteps), loss \(decimals(record.loss)), rate \(rate(record.rate)), "
            + "\(Progress.short(progress.tokensPerSecond)) tokens/s, \(Progress.duration(progress.secondsLeft)) left, "
            + "\((progress.memory + (1 << 19)) >> 20) MB"
    }

    private static func line(_ record: EvaluationRecord, isBest: Bool) -> String {
        let sets = record.sets.map { set in
            let scores = set.sizes.first
            func percent(_ value: Double?) -> String { "\(((value ?? 0) * 1000).rounded() / 10)" }
            return "\(set.data) R@1 \(percent(scores?.forward.recallAt1))/\(percent(scores?.backward.recallAt1)) %, "
                + "R@10 \(percent(scores?.forward.recallAt10))/\(percent(scores?.backward.recallAt10)) %"
        }
        return "evaluation after step \(record.step): \(sets.joined(separator: "; "))\(isBest ? " (best so far)" : "")"
    }

    /// One a task: every metric at the largest size.
    private static func lines(_ record: TaskRecord) -> [String] {
        record.tasks.map { task in
            let metrics = task.metrics.map { metric in
                "\(metric.name) \((metric.values.first ?? nil).map(decimals) ?? "-")"
            }
            return "task \(task.name) after step \(record.step): \(metrics.joined(separator: ", "))"
        }
    }

    private static func decimals(_ value: Double) -> String { "\((value * 10_000).rounded() / 10_000)" }

    /// Two digits that count.
    private static func rate(_ value: Double) -> String {
        guard value > 0 else { return "0" }
        let exponent = Int(log10(value).rounded(.down))
        return "\((value / pow(10, Double(exponent)) * 10).rounded() / 10)e\(exponent)"
    }
}
