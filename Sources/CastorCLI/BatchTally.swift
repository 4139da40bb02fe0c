import Castor
import Glibc

/// What a person wants to know at the end of a batch.
struct BatchTally {
    /// The file's name; nil for standard output.
    let output: String?
    var count = 0
    /// Whether a vector of an earlier run was held against this model's.
    var isCompared = false
    private(set) var computed = 0
    /// Lines of an earlier run that are as they were.
    private var kept = 0
    private var givenUpBefore = 0
    private var failedBefore = 0
    private var changed = 0
    private var hasReported = false
    private var tokens = 0
    private var truncated = 0
    private var failures = 0
    private var firstFailure: String?
    private var notes: [String] = []
    private var notedContents = 0
    private let start = Progress.now

    /// The rest are counted.
    private static let shownNotes = 20

    init(output: String?) {
        self.output = output
    }

    mutating func note(_ result: Result<Embedding, BatchProblem>, key: String) {
        computed += 1
        switch result {
        case .success(let embedding):
            tokens += embedding.usage.promptTokenCount
            if embedding.truncated { truncated += 1 }
            guard !embedding.notes.isEmpty else { break }
            notedContents += 1
            if notes.count < Self.shownNotes { notes += embedding.notes.map { "key \"\(key)\": \($0)" } }
        case .failure(let problem):
            failures += 1
            if firstFailure == nil { firstFailure = "\"\(key)\": \(problem.message)" }
        }
    }

    /// Of a line that an earlier run left and that stays.
    mutating func noteKept(_ line: ResultLine) {
        if line.isFailure { givenUpBefore += 1 } else { kept += 1 }
    }

    /// Of a line that an earlier run left and that is computed once more.
    mutating func noteAgain(_ line: ResultLine) {
        if line.isFailure { failedBefore += 1 } else { changed += 1 }
    }

    /// Once, as soon as all lines of an earlier run were seen.
    mutating func reportLeftLines() {
        guard !hasReported, let output, kept + givenUpBefore + failedBefore + changed > 0 else { return }
        hasReported = true
        Terminal.error(
            "castor: \(counted(kept, "line")) of \(output) \(kept == 1 ? "is" : "are") kept"
                + (givenUpBefore > 0 ? "; given up before and not tried again: \(givenUpBefore)" : "")
                + (failedBefore > 0 ? "; failed before and tried again: \(failedBefore)" : "")
                + (changed > 0 ? "; changed and embedded again: \(changed)" : "") + "\n")
    }

    func report() {
        if truncated > 0 {
            let (are, were) = truncated == 1 ? ("is", "was") : ("are", "were")
            Terminal.error(
                "castor: \(counted(truncated, "content")) \(are) longer than the context and \(were) cut at the end\n")
        }
        for note in notes.prefix(Self.shownNotes) { Terminal.error("castor: note: \(note)\n") }
        if notedContents > 1 { Terminal.error("castor: \(notedContents) contents have notes\n") }
        if let firstFailure {
            Terminal.error(
                "castor: \(failures) of \(counted(computed, "content")) failed, the first with key \(firstFailure)\n")
        }
        summarise()
    }

    /// At a terminal, as the progress before it: scripts read an end without a word as an end without a fault.
    private func summarise() {
        guard computed > failures, isatty(STDERR_FILENO) == 1 else { return }
        let seconds = Progress.now - start
        let embedded = computed - failures
        Terminal.error(
            "castor: \(counted(embedded, "content")) embedded\(output.map { " into \($0)" } ?? "") in \(Progress.time(seconds)), "
                + "\(Progress.short(Double(embedded) / max(seconds, 1e-3)))/s; \(counted(tokens, "token")) as billed\n")
    }
}
