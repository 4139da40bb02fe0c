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
        let mark = try sink.flatMap { $0.isFile ? try BatchMark(output: $0.path) : nil }
        defer { mark?.end() }
        Interruption.watch()

        let base = input == "-" ? "." : Self.folder(of: input)
        let optionsHash = RequestHash.Options(
            options, applyTaskPrompts: applyTaskPrompts, precision: embedder.info.precision)
        var tally = BatchTally(output: output)
        var progress: Progress?
        var lineNumber = 0
        while true {
            let lines = try nextGroup(reader, &lineNumber)
            guard !lines.isEmpty else { break }
            let group = Group(
                first: tally.count + 1, lines: lines,
                identities: lines.map { sink == nil ? nil : $0.identity(in: base, options: optionsHash) },
                left: try leftLines(lines, after: tally.count, in: sink, input: input, options: optionsHash))
            if !tally.isCompared, let sink, let index = lines.indices.first(where: group.keeps),
                let values = group.left[index].values
            {
                try compare(values, lines[index], base, sink.path(of: group.left[index]))
                tally.isCompared = true
            }
            let chosen = group.chosen
            if progress == nil, !chosen.isEmpty { progress = Progress(from: reader.share) }
            func finish(_ indices: Range<Int>, _ results: [Int: Result<Embedding, BatchProblem>]) throws {
                let rows = indices.map { row(group, $0, results[$0], &tally) }
                if group.isCut, indices.upperBound == lines.count { tally.reportLeftLines() }
                try Interruption.whileWriting(
                    "castor: stopped after \(counted(tally.count, "content"))\(output == nil ? "" : "; the same command goes on from there")\n"
                ) {
                    try sink?.append(rows) ?? Terminal.output(rows.flatMap(\.bytes))
                }
                progress?.update(items: tally.computed, total: tally.count, share: reader.share)
            }
            guard let mark, !chosen.isEmpty, isDeadly(mark, group) else {
                let results = embed(chosen.map { lines[$0] }, base)
                try finish(lines.indices, Dictionary(uniqueKeysWithValues: zip(chosen, results)))
                continue
            }
            Terminal.error(
                "castor: earlier runs ended between lines \(group.first) and \(group.first + lines.count - 1): a line at a time\n"
            )
            for index in lines.indices {
                guard !group.keeps(index) else {
                    try finish(index..<index + 1, [:])
                    continue
                }
                let isGivenUp = mark.begin(.line(group.first + index)) > BatchMark.maxStarts
                try finish(index..<index + 1, [index: isGivenUp ? .failure(.deadly) : embed([lines[index]], base)[0]])
            }
        }
        progress?.finish()
        if let sink, let more = try sink.next() {
            throw Failure(.badInput, "\(sink.path(of: more)) has more lines than \(input): it is not its output")
        }
        try sink?.finish()
        tally.reportLeftLines()
        tally.report()
    }

    /// Lines that are embedded together, and what an earlier run left of them: of all, of the first, or of none.
    private struct Group {
        /// Among all lines, from 1.
        let first: Int
        let lines: [BatchLine]
        let identities: [String?]
        let left: [ResultLine]

        /// Whether the earlier run stopped in it.
        var isCut: Bool { left.count < lines.count }

        /// Whether an earlier run's line stays: a vector of this very request, and a request that was given up.
        func keeps(_ index: Int) -> Bool {
            guard index < left.count else { return false }
            guard let identity = left[index].identity else { return !left[index].isFailure }
            return identity == identities[index]
        }

        /// What is embedded. Where an earlier run stopped, the whole group: so it has the bits of a run that was not stopped.
        var chosen: [Int] { lines.indices.filter { isCut && !isGivenUp($0) || !keeps($0) } }

        private func isGivenUp(_ index: Int) -> Bool { keeps(index) && left[index].isFailure }
    }

    /// Whether runs have ended in this group: then a line that is at fault is to be found.
    private func isDeadly(_ mark: BatchMark, _ group: Group) -> Bool {
        mark.wasAlone(in: group.first...group.first + group.lines.count - 1)
            || mark.begin(.group(group.first)) > BatchMark.maxStarts
    }

    /// The line that the output has for a line of a group, whose result is nil where it is kept.
    private func row(
        _ group: Group, _ index: Int, _ result: Result<Embedding, BatchProblem>?, _ tally: inout BatchTally
    ) -> BatchOutput.Row {
        tally.count += 1
        guard let result, !group.keeps(index) else {
            tally.noteKept(group.left[index])
            return .kept(group.left[index])
        }
        let key = group.lines[index].key
        tally.note(result, key: key)
        let bytes = row(result, key: key, identity: group.identities[index])
        guard index < group.left.count else { return .new(bytes) }
        tally.noteAgain(group.left[index])
        return bytes == group.left[index].bytes ? .kept(group.left[index]) : .changed(bytes)
    }

    private func leftLines(
        _ lines: [BatchLine], after count: Int, in sink: BatchOutput?, input: String, options: RequestHash.Options
    ) throws -> [ResultLine] {
        guard let sink else { return [] }
        var left: [ResultLine] = []
        for (index, line) in lines.enumerated() {
            guard let result = try sink.next() else { break }
            guard result.key.utf8.elementsEqual(line.key.utf8) else {
                throw Failure(
                    .badInput,
                    "\(sink.path(of: result)) line \(count + index + 1) has key \"\(result.key)\", \(input) has \"\(line.key)\": "
                        + "it is not its output; remove it to start anew")
            }
            if let identity = result.identity, !identity.hasPrefix(options.text) {
                throw Failure(
                    .badInput,
                    "\(sink.path(of: result)) line \(count + index + 1) was made with other options; "
                        + "remove it to start anew")
            }
            left.append(result)
        }
        return left
    }

    /// Another model or other options give another vector for the first line that has one. Other neighbours in a batch, other
    /// threads or another processor change last bits only.
    private func compare(_ values: [Float], _ line: BatchLine, _ base: String, _ path: String) throws {
        if case .success(let embedding) = embed([line], base)[0], embedding.values.count == values.count,
            zip(embedding.values, values).allSatisfy({ abs($0 - $1) < Self.sameValue })
        {
            return
        }
        throw Failure(
            .badInput,
            "\(path) has another vector for key \"\(line.key)\" than this model and these options give; "
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
            // Known again, and not tried again, as long as the request is the same.
            if problem.isGivenUp, let identity { writer.raw(",\"requestHash\":\"\(identity)\"") }
        }
        writer.raw("}\n")
        return writer.bytes
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
