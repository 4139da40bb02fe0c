import Castor
import FoundationEssentials
import Glibc

/// `castor embed --batch`: JSONL in, JSONL out, in order, in bounded memory. An output file that ends early is continued.
struct BatchRun {
    let embedder: Embedder
    let options: EmbedOptions
    let applyTaskPrompts: Bool

    /// A line with an inline video fits; the service's own limit on a request is the same 100 MB.
    private static let maxLineBytes = 100_000_000
    /// Lines embedded, written and counted together.
    private static let groupLines = 256
    private static let groupBytes = 64 << 20

    func run(input: String, output: String?) throws {
        let reader = try LineReader(path: input, maxLineBytes: Self.maxLineBytes)
        let sink = try output.map { try BatchOutput(path: $0) }
        Interruption.watch()

        var (count, failures, truncated) = (0, 0, 0)
        var firstFailure: String?
        if let sink {
            while let done = try sink.nextFinishedKey() {
                guard let line = try reader.next() else {
                    throw Failure(.badInput, "\(output!) has more lines than \(input): it is not its output")
                }
                count += 1
                let key = request(line, number: count).key
                guard key == done else {
                    throw Failure(
                        .badInput,
                        "\(output!) line \(count) has key \"\(done)\", \(input) has \"\(key)\": it is not its output; remove it to start anew"
                    )
                }
            }
            try sink.dropUnfinishedLine()
        }
        let resumed = count
        if resumed > 0 { Terminal.error("castor: \(resumed) lines of \(output!) are kept\n") }

        let base = input == "-" ? "." : Self.folder(of: input)
        var progress = Progress()
        while !Interruption.isRequested {
            let lines = try nextGroup(reader, after: count)
            guard !lines.isEmpty else { break }
            var writer = JSONWriter()
            for (line, result) in zip(lines, embed(lines, base)) {
                writer.raw("{\"key\":")
                writer.string(line.key)
                switch result {
                case .success(let embedding):
                    if embedding.truncated { truncated += 1 }
                    writer.raw(",\"response\":")
                    writer.embedding(embedding)
                case .failure(let problem):
                    failures += 1
                    if firstFailure == nil { firstFailure = "\"\(line.key)\": \(problem.message)" }
                    writer.raw(",\"error\":")
                    writer.status(code: problem.code, name: problem.status, message: problem.message)
                }
                writer.raw("}\n")
            }
            try sink?.append(writer.bytes) ?? Terminal.output(writer.bytes)
            count += lines.count
            progress.update(
                items: count, resumed: resumed, share: reader.size.map { Double(reader.position) / Double(max($0, 1)) })
        }
        progress.finish()
        try sink?.finish()
        if truncated > 0 {
            Terminal.error("castor: \(truncated) contents are longer than the context and were cut at the end\n")
        }
        if let firstFailure {
            Terminal.error(
                "castor: \(failures) of \(count - resumed) contents failed, the first with key \(firstFailure)\n")
        }
        if Interruption.isRequested {
            throw Failure(
                .interrupted,
                "stopped after \(count) contents\(output == nil ? "" : "; the same command goes on from there")")
        }
    }

    // MARK: - Lines

    private struct Line {
        let key: String
        let request: Result<BatchRequest, Problem>
    }

    private struct Problem: Error {
        let code: Int
        let status: String
        let message: String

        static func invalid(_ message: String) -> Problem {
            Problem(code: 400, status: "INVALID_ARGUMENT", message: message)
        }

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
        let start = reader.position
        while lines.count < Self.groupLines, reader.position - start < Self.groupBytes, let line = try reader.next() {
            lines.append(request(line, number: count + lines.count + 1))
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
