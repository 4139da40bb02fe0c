import ArgumentParser
import CastorNumerics
import Encoder
import Evaluation
import Glibc
import Training

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a model on pairs, as a recipe says.",
        discussion: """
            castor train recipes/text-pairs.json --set stages[0].data[0].path=pairs.tsv

            The output folder gets the model, a report to look at (report.html), metrics.jsonl, train.log and checkpoints. \
            Ctrl-C stops after the step with a checkpoint; the same command with --resume goes on from there, bit for bit.
            """)

    @Argument(help: ArgumentHelp("Recipe, a JSON file (docs/training.md).", valueName: "recipe"))
    var recipe: String

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp("Changes a key of the recipe; may be given several times.", valueName: "key=value"))
    var overrides: [String] = []

    @Flag(help: "Go on from the last checkpoint; from the beginning where there is none.")
    var resume = false

    @Flag(help: "Check recipe and data, make two trial steps, say what training would take, and end.")
    var dryRun = false

    @Option(help: ArgumentHelp("Threads that compute. Default: the recipe's, else one for each core.", valueName: "n"))
    var threads: Int?

    @Option(help: ArgumentHelp("Steps between checkpoints.", valueName: "n"))
    var checkpointEvery = 200

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads must be between 1 and 1024, not \(threads)")
        }
        if checkpointEvery < 1 { throw ValidationError("--checkpoint-every must be 1 or more, not \(checkpointEvery)") }
    }

    func run() throws {
        do {
            try train()
        } catch let error as RunError {
            throw Failure(error)
        }
    }

    private func train() throws {
        let parsed: Recipe
        do { parsed = try Recipe(path: recipe, overrides: overrides) } catch { throw RunError(error) }
        if !dryRun {
            for file in RunFolder.files(parsed.output) + ModelOption.files(ofModel: RunFolder.model(parsed.output)) {
                try OutputFile(file).refuse(
                    inputs: [recipe] + parsed.inputs + ModelOption.files(ofModel: parsed.model))
            }
        }
        let pool = try WorkerPool.opened(threads: threads ?? parsed.threads)
        if !dryRun, !resume, RunFolder.hasTraining(parsed.output) { throw RunError.exists(path: parsed.output) }
        let folder = try dryRun ? nil : RunFolder(path: parsed.output)
        var plan = try RunPlan(parsed, model: ImportedModels.folder(for: parsed.model), pool: pool)
        plan.checkpointInterval = checkpointEvery
        guard let folder else {
            let dryRun = try DryRun(plan, pool)
            for warning in dryRun.warnings { Terminal.error("castor: \(warning)\n") }
            try Terminal.output(Array(dryRun.text.utf8))
            return
        }
        StopRequest.watch()
        let display = try TrainDisplay(log: folder.log)
        let run = TrainingRun(plan, folder, pool, isResumed: resume, version: Version.current)
        do throws(RunError) {
            try run(isInterrupted: { StopRequest.isNoted }) { display.show($0) }
        } catch {
            display.close(["castor: \(error.lines[0])"] + error.lines.dropFirst())
            throw error
        }
        display.close([])
    }
}

extension Failure {
    init(_ error: RunError) {
        let status: ExitStatus =
            switch error {
            case .recipe(_, isMissing: true), .data(.notFound(path: _)), .model(.notFound(path: _)),
                .evaluation(.notFound(path: _)):
                .notFound
            case .cannotWrite: .cannotWrite
            case .interrupted: StopRequest.status
            default: .badInput
            }
        self.init(status, error.lines)
    }
}

/// Ctrl-C and SIGTERM during a training: noted, since a step is not to be lost; a second one ends the program at once.
private enum StopRequest {
    nonisolated(unsafe) private static var noted: sig_atomic_t = 0

    static func watch() {
        for signal in [SIGINT, SIGTERM] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { StopRequest.noted = $0 }
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
            sigaction(signal, &action, nil)
        }
    }

    static var isNoted: Bool { noted != 0 }

    /// As a shell reports a program that the signal ended.
    static var status: ExitStatus { noted == SIGTERM ? .terminated : .interrupted }
}
