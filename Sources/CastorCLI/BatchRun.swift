import Castor
import FoundationEssentials
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
        let mark = sink.flatMap { $0.isFile ? BatchMark(output: $0.path) : nil }
        defer { mark?.end() }
        Interruption.watch()

        let base = input == "-" ? "." : Self.folder(of: input)
        var tally = Tally()
        var progress: Progress?
        var isCompared = false
        while true {
            let lines = try nextGroup(reader, after: tally.count)
            guard !lines.isEmpty else { break }
            let first = tally.count + 1
            let kept = try keep(lines, after: tally.count, in: sink, input: input)
            if !isCompared, let sink, let first = sink.firstVector {
                try compare(first.values, lines[first.line - tally.count], base, sink)
                isCompared = true
            }
            tally.count += kept
            if kept == lines.count { continue }
            if progress == nil {
                tally.resumed = tally.count
                if let output, tally.resumed > 0 {
                    Terminal.error("castor: \(tally.resumed) lines of \(output) are kept\n")
                }
                progress = Progress(from: reader.share)
            }
            func finish(_ lines: ArraySlice<Line>, _ results: [Result<Embedding, Problem>]) throws {
                var writer = JSONWriter()
                for (line, result) in zip(lines, results) {
                    tally.note(result, key: line.key)
                    write(result, key: line.key, to: &writer)
                }
                tally.count += lines.count
                try Interruption.whileWriting(
                    "castor: stopped after \(tally.count) contents\(output == nil ? "" : "; the same command goes on from there")\n"
                ) {
                    try sink?.append(writer.bytes) ?? Terminal.output(writer.bytes)
                }
                progress?.update(items: tally.count - tally.resumed, total: tally.count, share: reader.share)
            }
            guard let mark, isDeadly(mark, group: first, count: lines.count) else {
                try finish(lines[kept...], Array(embed(lines, base).dropFirst(kept)))
                continue
            }
            Terminal.error(
                "castor: earlier runs ended between lines \(first) and \(first + lines.count - 1): a line at a time\n")
            for index in kept..<lines.count {
                let isGivenUp = mark.begin(.line(first + index)) > BatchMark.maxStarts
                try finish(lines[index...index], isGivenUp ? [.failure(.deadly)] : embed([lines[index]], base))
            }
        }
        progress?.finish()
        if let sink, try sink.nextFinishedKey() != nil {
            throw Failure(.badInput, "\(sink.path) has more lines than \(input): it is not its output")
        }
        try sink?.finish()
        tally.report()
    }

    /// Whether runs have ended in this group: then a line that is at fault is to be found.
    private func isDeadly(_ mark: BatchMark, group: Int, count: Int) -> Bool {
        mark.wasAlone(in: group...group + count - 1) || mark.begin(.group(group)) > BatchMark.maxStarts
    }

    private func keep(_ lines: [Line], after count: Int, in sink: BatchOutput?, input: String) throws -> Int {
        guard let sink else { return 0 }
        for (index, line) in lines.enumerated() {
            guard let done = try sink.nextFinishedKey() else { return index }
            guard done == line.key else {
                throw Failure(
                    .badInput,
                    "\(sink.path) line \(count + index + 1) has key \"\(done)\", \(input) has \"\(line.key)\": "
                        + "it is not its output; remove it to start anew")
            }
        }
        return lines.count
    }

    /// Another model or other options give another vector for the first line that has one. Other neighbours in a batch, other
    /// threads or another processor change last bits only.
    private func compare(_ values: [Float], _ line: Line, _ base: String, _ sink: BatchOutput) throws {
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

    private func write(_ result: Result<Embedding, Problem>, key: String, to writer: inout JSONWriter) {
        writer.raw("{\"key\":")
        writer.string(key)
        switch result {
        case .success(let embedding):
            writer.raw(",\"response\":")
            writer.embedding(embedding)
        case .failure(let problem):
            writer.raw(",\"error\":")
            writer.status(code: problem.code, name: problem.status, message: problem.message)
        }
        writer.raw("}\n")
    }

    /// What a person wants to know at the end.
    private struct Tally {
        var count = 0
        var resumed = 0
        private var truncated = 0
        private var failures = 0
        private var firstFailure: String?
        private var notes: [String] = []
        private var notedContents = 0

        /// The rest are counted.
        private static let shownNotes = 20

        mutating func note(_ result: Result<Embedding, Problem>, key: String) {
            switch result {
            case .success(let embedding):
                if embedding.truncated { truncated += 1 }
                guard !embedding.notes.isEmpty else { break }
                notedContents += 1
                if notes.count < Self.shownNotes { notes += embedding.notes.map { "key \"\(key)\": \($0)" } }
            case .failure(let problem):
                failures += 1
                if firstFailure == nil { firstFailure = "\"\(key)\": \(problem.message)" }
            }
        }

        func report() {
            if truncated > 0 {
                Terminal.error("castor: \(truncated) contents are longer than the context and were cut at the end\n")
            }
            for note in notes.prefix(Self.shownNotes) { Terminal.error("castor: note: \(note)\n") }
            if notedContents > 1 { Terminal.error("castor: \(notedContents) contents have notes\n") }
            if let firstFailure {
                Terminal.error(
                    "castor: \(failures) of \(count - resumed) contents failed, the first with key \(firstFailure)\n")
            }
        }
    }

    // MARK: - Lines

    private struct Line {
        let key: String
        let request: Result<BatchRequest, Problem>

        var fileCount: Int {
            guard case .success(let request) = request else { return 0 }
            return request.content.parts.count { if case .file = $0.media { true } else { false } }
        }
    }

    private struct Problem: Error {
        let code: Int
        let status: String
        let message: String

        static func invalid(_ message: String) -> Problem {
            Problem(code: 400, status: "INVALID_ARGUMENT", message: message)
        }

        static let deadly = Problem(
            code: 500, status: "INTERNAL",
            message: "given up: castor ended each time it embedded this content, and two times it was alone")

        init(code: Int, status: String, message: String) {
            (self.code, self.status, self.message) = (code, status, message)
        }

        init(_ error: EmbedError) {
            let (code, status) = error.serviceStatus
            self.init(code: code, status: status, message: error.description)
        }
    }

    private func nextGroup(_ reader: LineReader, after count: Int) throws -> [Line] {
        var lines: [Line] = []
        var room = Self.groupBytes
        while lines.count < Self.groupLines, room > 0 {
            let start = reader.position
            guard let line = try reader.next() else { break }
            lines.append(request(line, number: count + lines.count + 1))
            room -= reader.position - start + lines[lines.count - 1].fileCount * Self.bytesPerFile
        }
        return lines
    }

    /// A line without a key is known by its number.
    private func request(_ line: LineReader.Line, number: Int) -> Line {
        switch line {
        case .tooLong(let limit):
            return Line(key: "\(number)", request: .failure(.invalid("line \(number) is longer than \(limit) bytes")))
        case .text(let bytes):
            guard String(validating: bytes, as: UTF8.self) != nil else {
                return Line(key: "\(number)", request: .failure(.invalid("line \(number) is not valid UTF-8")))
            }
            let json = Data(bytes)
            do {
                let request = try BatchRequest(json: json)
                return Line(key: request.key ?? "\(number)", request: .success(request))
            } catch {
                return Line(
                    key: BatchRequest.key(ofDamaged: json) ?? "\(number)",
                    request: .failure(.invalid("line \(number): \(error.description)")))
            }
        }
    }

    private func embed(_ lines: [Line], _ base: String) -> [Result<Embedding, Problem>] {
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
            requests.append((request.content, options))
        }
        var embedded = embedder.embed(requests).makeIterator()
        return lines.map { line in
            line.request.flatMap { _ in embedded.next()!.mapError(Problem.init) }
        }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
