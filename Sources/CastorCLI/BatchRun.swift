import Castor
import Glibc

/// `castor embed --batch`: JSONL in, JSONL out, in order, in bounded memory. An output file that ends early is continued.
struct BatchRun {
    let embedder: Embedder
    let options: EmbedOptions
    let applyTaskPrompts: Bool

    /// A line with an inline video fits; the service's own limit on a request is the same 100 MB.
    static let maxLineBytes = 100_000_000
    /// Lines embedded, written and counted together. Where a group ends depends on the input alone: a run that goes on computes
    /// its first group whole, and so the same bits.
    private static let groupLines = 256
    private static let groupBytes = 256 << 10
    /// Values of two runs on one vector differ by less.
    private static let sameValue: Float = 1e-3
    /// What a file counts as: sounds and pictures cost time that their names do not show.
    private static let bytesPerFile = 8 << 10

    func run(input: String, output: String?) throws {
        let reader = try LineReader(path: input, maxLineBytes: Self.maxLineBytes)
        let sink = try output.map { try BatchOutput(path: $0, input: reader) }
        Interruption.watch()

        let base = input == "-" ? "." : Self.folder(of: input)
        var tally = Tally(output: output)
        var progress: Progress?
        var lineNumber = 0
        while true {
            let lines = try nextGroup(reader, &lineNumber)
            guard !lines.isEmpty else { break }
            let identities = lines.map { sink == nil ? nil : $0.identity(in: base) }
            let left = try leftLines(lines, after: tally.count, in: sink, input: input)
            let kept = zip(left, identities).map { line, identity in
                !line.isFailure && (line.identity == nil || line.identity == identity)
            }
            if !tally.isCompared, let sink, let index = kept.firstIndex(of: true), let values = left[index].values {
                try compare(values, lines[index], base, sink)
                tally.isCompared = true
            }
            // Where an earlier run stopped, a group is computed whole: it has the bits of a run that was not stopped.
            let isWhole = left.count < lines.count
            let chosen = lines.indices.filter { isWhole || !kept[$0] }
            if progress == nil, !chosen.isEmpty { progress = Progress(from: reader.share) }
            var results = embed(chosen.map { lines[$0] }, base).makeIterator()
            var rows: [BatchOutput.Row] = []
            for index in lines.indices {
                let isKept = index < left.count && kept[index]
                let result = isWhole || !isKept ? results.next() : nil
                guard let result, !isKept else {
                    tally.kept += 1
                    rows.append(.kept(left[index]))
                    continue
                }
                tally.note(result, key: lines[index].key)
                let bytes = row(result, key: lines[index].key, identity: identities[index])
                guard index < left.count else {
                    rows.append(.new(bytes))
                    continue
                }
                tally.noteAgain(left[index])
                rows.append(bytes == left[index].bytes ? .kept(left[index]) : .changed(bytes))
            }
            tally.count += lines.count
            if isWhole { tally.reportLeftLines() }
            try Interruption.whileWriting(
                "castor: stopped after \(tally.count) contents\(output == nil ? "" : "; the same command goes on from there")\n"
            ) {
                try sink?.append(rows) ?? Terminal.output(rows.flatMap(\.bytes))
            }
            progress?.update(items: tally.computed, total: tally.count, share: reader.share)
        }
        progress?.finish()
        if let sink, try sink.next() != nil {
            throw Failure(.badInput, "\(sink.path) has more lines than \(input): it is not its output")
        }
        try sink?.finish()
        tally.reportLeftLines()
        tally.report()
    }

    /// What an earlier run left of these lines: of all, of the first, or of none.
    private func leftLines(
        _ lines: [BatchLine], after count: Int, in sink: BatchOutput?, input: String
    ) throws -> [ResultLine] {
        guard let sink else { return [] }
        var left: [ResultLine] = []
        for (index, line) in lines.enumerated() {
            guard let result = try sink.next() else { break }
            guard result.key.utf8.elementsEqual(line.key.utf8) else {
                throw Failure(
                    .badInput,
                    "\(sink.path) line \(count + index + 1) has key \"\(result.key)\", \(input) has \"\(line.key)\": "
                        + "it is not its output; remove it to start anew")
            }
            left.append(result)
        }
        return left
    }

    /// Another model or other options give another vector for the first line that has one. Other neighbours in a batch, other
    /// threads or another processor change last bits only.
    private func compare(_ values: [Float], _ line: BatchLine, _ base: String, _ sink: BatchOutput) throws {
        if case .success(let embedding) = embed([line], base)[0], embedding.values.count == values.count,
            zip(embedding.values, values).allSatisfy({ abs($0 - $1) < Self.sameValue })
        {
            return
        }
        throw Failure(
            .badInput,
            "\(sink.path) has another vector for key \"\(line.key)\" than this model and these options give; "
                + "remove it to start anew")
    }

    /// A line of output. What a vector was made of is told to a file alone, for the run that finds it there.
    private func row(_ result: Result<Embedding, BatchProblem>, key: String, identity: String?) -> [UInt8] {
        var writer = JSONWriter()
        writer.raw("{\"key\":")
        writer.string(key)
        switch result {
        case .success(let embedding):
            writer.raw(",\"response\":")
            writer.embedding(embedding)
            if let identity { writer.raw(",\"requestHash\":\"\(identity)\"") }
        case .failure(let problem):
            writer.raw(",\"error\":")
            writer.status(code: problem.code, name: problem.status, message: problem.message)
        }
        writer.raw("}\n")
        return writer.bytes
    }

    /// What a person wants to know at the end.
    private struct Tally {
        /// The file's name; nil for standard output.
        let output: String?
        var count = 0
        /// Lines of an earlier run that are as they were.
        var kept = 0
        /// Whether a vector of an earlier run was held against this model's.
        var isCompared = false
        private(set) var computed = 0
        private var failedBefore = 0
        private var changed = 0
        private var hasReported = false
        private var truncated = 0
        private var failures = 0
        private var firstFailure: String?

        init(output: String?) {
            self.output = output
        }

        mutating func note(_ result: Result<Embedding, BatchProblem>, key: String) {
            computed += 1
            switch result {
            case .success(let embedding):
                if embedding.truncated { truncated += 1 }
            case .failure(let problem):
                failures += 1
                if firstFailure == nil { firstFailure = "\"\(key)\": \(problem.message)" }
            }
        }

        /// Of a line that an earlier run left and that is computed once more.
        mutating func noteAgain(_ line: ResultLine) {
            if line.isFailure { failedBefore += 1 } else { changed += 1 }
        }

        /// Once, as soon as all lines of an earlier run were seen.
        mutating func reportLeftLines() {
            guard !hasReported, let output, kept + failedBefore + changed > 0 else { return }
            hasReported = true
            Terminal.error(
                "castor: \(kept) lines of \(output) are kept"
                    + (failedBefore > 0 ? "; failed before and tried again: \(failedBefore)" : "")
                    + (changed > 0 ? "; changed and embedded again: \(changed)" : "") + "\n")
        }

        func report() {
            if truncated > 0 {
                Terminal.error("castor: \(truncated) contents are longer than the context and were cut at the end\n")
            }
            if let firstFailure {
                Terminal.error(
                    "castor: \(failures) of \(computed) contents failed, the first with key \(firstFailure)\n")
            }
        }
    }

    // MARK: - Lines

    private func nextGroup(_ reader: LineReader, _ number: inout Int) throws -> [BatchLine] {
        var lines: [BatchLine] = []
        var room = Self.groupBytes
        while lines.count < Self.groupLines, room > 0 {
            let start = reader.position
            guard let bytes = try reader.next() else { break }
            number += 1
            guard let line = BatchLine(bytes, number: number) else { continue }
            lines.append(line)
            room -= reader.position - start + line.fileCount * Self.bytesPerFile
        }
        return lines
    }

    private func embed(_ lines: [BatchLine], _ base: String) -> [Result<Embedding, BatchProblem>] {
        var requests: [(content: Content, options: EmbedOptions)] = []
        for case .success(let request) in lines.map(\.request) {
            var options = options
            options.files = .relative(to: base)
            if let dimensions = request.dimensions { options.dimensions = dimensions }
            if applyTaskPrompts, options.task == nil {
                options.task = request.task
                options.title = request.title
            }
            if let autoTruncate = request.autoTruncate { options.autoTruncate = autoTruncate }
            if let extraction = request.audioTrackExtraction { options.audioTrackExtraction = extraction }
            if let recognition = request.documentOCR { options.documentOCR = recognition }
            requests.append((request.content ?? Content([]), options))
        }
        var embedded = embedder.embed(requests).makeIterator()
        return lines.map { line in
            line.request.flatMap { _ in embedded.next()!.mapError(BatchProblem.init) }
        }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
