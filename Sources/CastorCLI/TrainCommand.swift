import ArgumentParser
import Castor
import CastorJSON
import CastorNumerics
import Encoder
import Evaluation
import Glibc
import Search
import Training

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a model on pairs of yours.",
        discussion: """
            castor train pairs.tsv --output run
            castor train photos --output run
            castor train recipes/text-pairs.json --set stages[0].data[0].path=pairs.tsv

            Data are a TSV or CSV (a query and its answer in two columns), a JSONL, or a folder of media with a captions file or a sub-folder \
            a class. How to train follows from what they are and how many; it is said, and written to the output folder as recipe.json. \
            Or a recipe says all of it (docs/recipes.md).

            The output folder gets the model, a report to look at (report.html), metrics.jsonl, train.log and checkpoints. \
            Ctrl-C stops after the step with a checkpoint; the same command with --resume goes on from there, bit for bit.

            Started by mpirun, a build with the trait MPI trains on several processes; a batch spans all of them (docs/scale.md).
            """)

    @Argument(
        help: ArgumentHelp("Data, or a recipe, which is a JSON file.", valueName: "data|recipe"), completion: .file())
    var source: String

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Folder of the training; wanted with data, but for --dry-run.", valueName: "dir"),
        completion: .directory)
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Model folder to start from, or that of an open checkpoint. Default: the recipe's; with data, the environment's CASTOR_MODEL, else castor-small.",
            valueName: "dir"), completion: .directory)
    var model: String?

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
        if output == "" { throw ValidationError("--output: an empty path names nothing") }
        if !isRecipe, output == nil, !dryRun {
            throw ValidationError("--output is missing: the folder of the training")
        }
        if checkpointEvery < 1 { throw ValidationError("--checkpoint-every must be 1 or more, not \(checkpointEvery)") }
    }

    func run() throws {
        let processes = try TrainingProcesses()
        do {
            do {
                try train(processes.ranks)
            } catch let error as RunError {
                throw Failure(error)
            }
        } catch let failure as Failure {
            processes.fail(failure)
            throw failure
        }
        processes.end()
    }

    private func train(_ ranks: any Ranks) throws {
        let pool = try WorkerPool.opened(threads: threads)
        let (parsed, made) = try recipe(pool)
        if !dryRun, ranks.isFirst {
            for file in RunFolder.files(parsed.output) + ModelOption.files(ofModel: RunFolder.model(parsed.output)) {
                try OutputFile(file).refuse(
                    inputs: [source] + parsed.inputs + ModelOption.files(ofModel: parsed.model))
            }
        }
        if !dryRun, !resume, ranks.isFirst, RunFolder.hasTraining(parsed.output) {
            throw RunError.exists(path: parsed.output)
        }
        let folder =
            try dryRun ? nil : ranks.isFirst ? RunFolder(path: parsed.output) : RunFolder(lookedAt: parsed.output)
        var plan = try RunPlan(parsed, model: ImportedModels.folder(for: parsed.model), ranks: ranks, pool: pool)
        plan.checkpointInterval = checkpointEvery
        let trainers = threads == nil && parsed.threads != nil ? try WorkerPool.opened(threads: parsed.threads) : pool
        guard let folder else {
            guard ranks.isFirst else {
                _ = try DryRun(plan, trainers)
                return
            }
            for choice in made?.choices ?? [] { Terminal.error("castor: \(choice.printable)\n") }
            let dryRun = try DryRun(plan, trainers)
            for warning in dryRun.warnings { Terminal.error("castor: \(warning)\n") }
            try Terminal.output(Array(dryRun.text.utf8))
            return
        }
        if let made { try folder.write(made.text, to: folder.recipe) }
        StopRequest.watch(isShared: ranks.count > 1, speaks: ranks.isFirst)
        guard ranks.isFirst else {
            let run = TrainingRun(plan, folder, trainers, isResumed: resume, version: Version.current)
            try run(isInterrupted: { StopRequest.isNoted })
            return
        }
        let display = try TrainDisplay(log: folder.log)
        for choice in made?.choices ?? [] { display.show(.note(choice)) }
        let run = TrainingRun(plan, folder, trainers, isResumed: resume, version: Version.current)
        do throws(RunError) {
            try run(isInterrupted: { StopRequest.isNoted }) { display.show($0) }
        } catch {
            display.close(["castor: \(error.lines[0])"] + error.lines.dropFirst())
            throw error
        }
        display.close([])
    }
}

extension TrainCommand {
    private var isRecipe: Bool { source.lowercased().hasSuffix(".json") }

    /// With the text of one that was made for the data, to be kept.
    private func recipe(_ pool: WorkerPool) throws -> (Recipe, made: (text: String, choices: [String])?) {
        do {
            if isRecipe {
                var named = overrides
                if let output { named.append("output=\(output)") }
                if let model { named.append("model=\(model)") }
                return (try Recipe(path: source, overrides: named), nil)
            }
            // What was begun is gone on with as it was begun.
            if let output, resume, access(RunFolder.recipe(output), R_OK) == 0 {
                let begun = try Recipe(path: RunFolder.recipe(output), overrides: overrides + ["output=\(output)"])
                try require(begun)
                return (begun, nil)
            }
            let start = try ImportedModels.folder(for: ModelOption.path(named: model))
            let data = Self.absolute(source)
            let suited = try SuitedRecipe(
                data: data, model: Self.absolute(start), output: output.map(Self.absolute), pool: pool)
            var tree = suited.tree
            for text in overrides { try RecipeOverride(text).apply(to: &tree) }
            // There is no folder for it.
            if output == nil { try RecipeOverride("cache.enabled=false").apply(to: &tree) }
            let changes = overrides.isEmpty ? [] : ["changed by --set: \(overrides.joined(separator: ", "))"]
            let recipe = try Recipe(tree)
            if output != nil { try SuitedRecipe.requireApart(data: data, output: recipe.output) }
            return (recipe, (tree.pretty + "\n", suited.choices + changes))
        } catch let error as RecipeError { throw RunError(error) }
    }

    /// That what was begun is what is asked for.
    private func require(_ begun: Recipe) throws {
        let data = begun.stages[0].data[0].path
        guard data == Self.absolute(source) else {
            throw RunError.changed(key: "the data", was: data, now: Self.absolute(source))
        }
        guard let model else { return }
        let start = Self.absolute(try ImportedModels.folder(for: model))
        guard begun.model == start else { throw RunError.changed(key: "model", was: begun.model, now: start) }
    }

    private static func absolute(_ path: String) -> String { RawPath(path).absolute.text ?? path }
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
