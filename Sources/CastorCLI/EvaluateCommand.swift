import ArgumentParser
import Castor
import Evaluation

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract:
            "Measures the model on tasks: retrieval, similarity, classification, translation, cross-modal search.",
        discussion: """
            castor evaluate --tasks tasks/ --json result.json
            castor evaluate --tasks tools/evaluation/tasks --data PATH --prompts both --limit 200

            A task is a small JSON file that says what is measured on which files; docs/evaluation.md describes it.
            Items that cannot be read or embedded are left out, counted, and the first is named; above 1 % of a task's items
            they are an error, after which the other tasks still run. The JSON file is written anew after every task.
            """)

    enum Prompts: String, ExpressibleByArgument, CaseIterable {
        case on, off, both

        func modes(_ task: TaskFile) -> [Bool] {
            switch self {
            case .on: [true]
            case .off: [false]
            case .both: task.hasPrompts ? [false, true] : [false]
            }
        }
    }

    @OptionGroup var model: ModelOption

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Task files, or folders of them.", valueName: "dir|file"), completion: .file())
    var tasks: [String]

    @Option(
        help: ArgumentHelp(
            "Folder that the tasks' file names start from. Default: each task file's own folder.", valueName: "dir"),
        completion: .directory)
    var data: String?

    @Option(help: ArgumentHelp("Write everything measured to this file.", valueName: "file"), completion: .file())
    var json: String?

    @Option(
        help: ArgumentHelp(
            "Sizes of the vectors, as in 3072,768,128. Default: those that the model is trained for.", valueName: "n,.."
        ))
    var dimensions: SizeList?

    @Option(help: "off: bare contents; on: with the task's prompts; both: a row of results for each.")
    var prompts = Prompts.off

    @Option(
        help: ArgumentHelp("Items of a task or subset at most, spread evenly over its data.", valueName: "n"))
    var limit: Int?

    @Flag(help: "A row for each subset (language, locale), and not only their mean.")
    var subsets = false

    func validate() throws {
        if tasks.isEmpty { throw ValidationError("--tasks needs a file or folder") }
        if let limit, limit < 1 { throw ValidationError("--limit must be 1 or more, not \(limit)") }
    }

    func run() throws {
        if let json { try OutputFile(json).refuse(inputs: tasks + model.files) }
        let embedder = try model.open()
        let sizes = dimensions?.values ?? embedder.info.matryoshkaDimensions
        var report = EvaluationReport(model: embedder.info, dimensions: sizes, limit: limit, prompts: prompts.rawValue)
        var progress = Progress()
        defer { progress.finish() }
        do {
            let evaluator = try Evaluator(embedder, options: EvaluationOptions(dimensions: sizes, limit: limit)) {
                progress.update(items: $0, total: $0, share: nil)
            }
            let files = try TaskFile.all(tasks, data: data)
            if let json { try OutputFile(json).refuse(inputs: files.flatMap { [$0.path] + $0.files }) }
            let table = EvaluationTable(files, dimensions: sizes, showsSubsets: subsets)
            if let json { try report.save(to: json) }
            try Terminal.output(table.header)
            for file in files {
                for mode in prompts.modes(file) {
                    do throws(EvaluationError) {
                        report.tasks.append(try evaluator.run(file, prompts: mode))
                    } catch .model(let reason) {
                        throw EvaluationError.model(reason)
                    } catch {
                        // The other tasks may take hours and have nothing to do with this one's data.
                        report.failures.append(EvaluationReport.TaskFailure(name: file.name, error: error.description))
                        progress.finish()
                        Terminal.error("castor: \(error.description)\n")
                        if let json { try report.save(to: json) }
                        continue
                    }
                    if let json { try report.save(to: json) }
                    progress.finish()
                    try show(report.tasks[report.tasks.count - 1], table)
                }
            }
        } catch let error as EvaluationError {
            progress.finish()
            throw Failure(error)
        }
        if !report.failures.isEmpty {
            let count = report.failures.count
            throw Failure(.badInput, "\(count) of \(count + report.tasks.count) tasks failed")
        }
    }

    private func show(_ result: TaskResult, _ table: EvaluationTable) throws {
        try Terminal.output(table.lines(result))
        if let first = result.skipped.first {
            Terminal.error(
                "castor: \(result.name): \(counted(result.skipped.count, "item")) left out, the first is \(first)\n")
        }
    }
}

/// Whole numbers between commas.
struct SizeList: ExpressibleByArgument {
    let values: [Int]

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        values = parts.compactMap { $0 }
        guard !values.isEmpty, values.count == parts.count, Set(values).count == values.count else { return nil }
    }
}

extension Failure {
    fileprivate init(_ error: EvaluationError) {
        let status: ExitStatus =
            switch error.kind {
            case .usage: .usage
            case .input: .badInput
            case .notFound: .notFound
            }
        self.init(status, error.description)
    }
}
