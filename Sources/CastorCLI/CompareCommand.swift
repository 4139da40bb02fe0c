import ArgumentParser
import CastorNumerics
import Comparison
import Encoder
import FoundationEssentials
import Glibc

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Says how alike two files of vectors of the same contents are.",
        discussion: """
            castor compare hosted.jsonl local.jsonl --contents in.jsonl --report report.html

            Both files have a line for each content, as castor embed --batch and the hosted service's batch jobs write them, and are \
            joined by key. docs/compare.md says what the numbers mean.
            """)

    @Argument(help: ArgumentHelp("Vectors to hold against, JSONL.", valueName: "reference"), completion: .file())
    var reference: String

    @Argument(help: ArgumentHelp("Vectors to judge, JSONL.", valueName: "candidate"), completion: .file())
    var candidate: String

    @Option(help: ArgumentHelp("Write a report to look at to this file.", valueName: "file.html"), completion: .file())
    var report: String?

    @Option(help: ArgumentHelp("Write everything measured to this file.", valueName: "file"), completion: .file())
    var json: String?

    @Option(
        help: ArgumentHelp(
            "The batch file that was embedded: the report then shows texts and pictures and not only keys.",
            valueName: "file"), completion: .file())
    var contents: String?

    @Option(
        help: ArgumentHelp(
            "Judgments of relevance: header, then query key, document key and grade, divided by tabs.",
            valueName: "file"), completion: .file())
    var qrels: String?

    @Option(
        help: ArgumentHelp(
            "Sizes of the vectors, as in 768,128. Default: all values, and the usual sizes below.", valueName: "n,.."))
    var dimensions: SizeList?

    @Flag(help: "Leave out the linear maps between the two spaces.")
    var skipMaps = false

    @Option(help: ArgumentHelp("Threads that compute. Default: one for each core.", valueName: "n"))
    var threads: Int?

    @Option(help: ArgumentHelp("Of what is drawn by lot: intervals and tests.", valueName: "n"))
    var seed: UInt64 = 1

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads must be between 1 and 1024, not \(threads)")
        }
    }

    func run() throws {
        do {
            try compare()
        } catch let error as ComparisonError {
            throw Failure(error)
        }
    }

    private func compare() throws {
        for output in [json, report].compactMap({ $0 }) {
            try OutputFile(output).refuse(inputs: [reference, candidate, contents, qrels])
        }
        if let report { try OutputFile(report).refuse(beside: json) }
        let labels = try contents.map { (path) throws(ComparisonError) in try ContentLabels(path: path) }
        var options = Comparer.Options()
        options.sizes = dimensions?.values
        options.judgments = try qrels.map { (path) throws(ComparisonError) in try Judgments(path: path) }
        options.seed = seed
        options.fitsMaps = !skipMaps
        let isTerminal = isatty(STDERR_FILENO) == 1
        let compare = try Comparer(options, pool: .opened(threads: threads)) { step in
            if isTerminal { Terminal.replaceLine("\(step)") }
        }
        let result = try compare(RecordedVectors(path: reference), RecordedVectors(path: candidate))
        if isTerminal { Terminal.replaceLine() }
        for warning in CompareTable.warnings(result.comparison) { Terminal.error("castor: \(warning)\n") }
        if let json { try Self.write(try Self.encoded(result.comparison), to: json) }
        if let report {
            let page = ComparisonReport(result, labels: labels ?? .none, version: Version.current)
            try Self.write(Array(page.html.utf8), to: report)
        }
        try Terminal.output(Array(CompareTable(result.comparison).text.utf8))
    }

    private static func encoded(_ comparison: Comparison) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(comparison)) + [UInt8(ascii: "\n")]
    }

    /// Replaces a regular file whole.
    static func write(_ bytes: [UInt8], to path: String) throws {
        try OutputFile(path).refuseSpecial()
        do {
            let file = try AtomicFile(path: path)
            try bytes.withUnsafeBytes { try file.write($0) }
            try file.commit()
        } catch let error as ModelError {
            throw Failure(.cannotWrite, error.description)
        }
    }
}

extension Failure {
    init(_ error: ComparisonError) {
        let status: ExitStatus =
            switch error {
            case .notFound: .notFound
            case .size: .usage
            case .cannotWrite: .cannotWrite
            default: .badInput
            }
        self.init(status, error.description)
    }
}
