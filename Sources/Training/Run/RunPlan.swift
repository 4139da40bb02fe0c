package import Castor
package import CastorNumerics
package import Encoder
package import Evaluation
import FoundationEssentials
import Glibc

/// Everything that a training does, with nothing left to choose: a recipe after its files were opened.
package struct RunPlan: Sendable {
    package struct Stage: Sendable {
        package var name: String
        package var steps: Int
        package var objective: Objective
        package var options: Trainer.Options
        /// Batches of a step.
        package var accumulation = 1
        package var tasks: [DataStream.Task]

        package init(name: String, steps: Int, objective: Objective, options: Trainer.Options, tasks: [DataStream.Task])
        {
            self.name = name
            self.steps = steps
            self.objective = objective
            self.options = options
            self.tasks = tasks
        }
    }

    package struct Evaluation: Sendable, Equatable {
        /// Steps from one evaluation to the next, 0 for none between the first, before any step, and the last.
        package var interval: Int
        /// Most pairs of a data set.
        package var limit = 1_000
        /// Most pairs that are trained on whose contents held-out ones are to be told from, too.
        package var distractors: Int?
        /// Sizes of the vectors.
        package var sizes: [Int]
        package var metric = EvaluationMetric.recallAt1
        /// Evaluations in a row without a better one after which a stage ends; nil never ends it early.
        package var patience: Int?

        package init(interval: Int, sizes: [Int]) {
            self.interval = interval
            self.sizes = sizes
        }
    }

    /// Pairs that are only evaluated on.
    package struct EvaluationSet: Sendable {
        package var dataSet: DataSet
        package var samples: SampleOptions
        /// Whether it takes part in choosing the best checkpoint.
        package var decides: Bool
    }

    /// Tasks that are measured before the first step and on the model.
    package struct Tasks: Sendable {
        package var files: [TaskFile]
        package var prompts: Bool
        package var limit: Int?
    }

    /// Which weights become the model.
    package enum Choice: String, Sendable, Codable { case best, last }

    package var name: String
    package var seed: UInt64
    /// The recipe with its overrides, as JSON that is equal for equal recipes.
    package var recipe: String
    /// Folder with configuration and tokenizer.
    package var template: String
    /// Whether training starts from random weights rather than from those in the template.
    package var startsUntrained: Bool
    package let architecture: Architecture
    package let preparation: Preparation
    package var stages: [Stage]
    package var evaluation: Evaluation
    package var evaluationSets: [EvaluationSet] = []
    package var tasks: Tasks?
    package var prefetching = Prefetcher<Sampler.Plan, Result<PreparedSample, BadSample>>.Options()
    /// Steps from one checkpoint to the next.
    package var checkpointInterval = 200
    package var choice = Choice.best
    /// The processes that carry it out.
    package let ranks: any Ranks
    package var weightType = ScalarType.f16

    /// Opens configuration and tokenizer; stages are to be filled in.
    ///
    /// - Parameter template: a model folder; training starts from random weights where it has none
    package init(
        name: String, seed: UInt64, recipe: String, template: String, evaluation: Evaluation,
        ranks: any Ranks = LoneRank()
    ) throws(RunError) {
        self.ranks = ranks
        self.name = name
        self.seed = seed
        self.recipe = recipe
        self.template = template
        self.evaluation = evaluation
        stages = []
        do throws(ModelError) {
            if let spec = try ImportedModel.spec(template) {
                startsUntrained = false
                let tensors = try SafeTensors(path: "\(template)/\(Model.weightsName)")
                try tensors.requireWideWeights()
                architecture = .imported(spec, tensors)
                preparation = try Preparation(imported: template, spec, limits: Limits())
                return
            }
            startsUntrained = access("\(template)/\(Model.weightsName)", F_OK) != 0
            let configuration = try Model.configuration(path: template)
            let tokenizer = try Tokenizer(
                path: "\(template)/\(Model.tokenizerName)",
                splitsIdentifiers: configuration.text.splitIdentifiers ?? false)
            guard tokenizer.pieceCount == configuration.text.vocabularySize else {
                throw .configuration(
                    key: "text.vocabulary_size",
                    reason: "is \(configuration.text.vocabularySize), the tokenizer has \(tokenizer.pieceCount) pieces")
            }
            architecture = .castor(configuration)
            preparation = Preparation(
                configuration: configuration, tokenizer: tokenizer, logMel: LogMel(configuration.audio),
                limits: Limits())
        } catch { throw .model(error) }
    }

    /// The tensors that trainers hold, of all stages.
    var heldShapes: [(name: String, shape: [Int])] { architecture.heldShapes(stages.map(\.options.optimizer)) }

    package var totalSteps: Int { stages.reduce(0) { $0 + $1.steps } }

    /// Steps of the stages from one on.
    func steps(from stage: Int) -> Int { stages[stage...].reduce(0) { $0 + $1.steps } }
}

extension RunPlan {
    /// Opens what a recipe names. The same data set in two stages is opened once.
    ///
    /// - Parameter model: the folder to start from, where it is another than the recipe's: what a checkpoint was imported to
    package init(
        _ recipe: Recipe, model: String? = nil, ranks: any Ranks = LoneRank(), pool: WorkerPool
    ) throws(RunError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(recipe.tree) else {
            throw .recipe(reason: "the recipe cannot be written as JSON", isMissing: false)
        }
        var evaluation = Evaluation(interval: recipe.evaluation.every, sizes: [])
        evaluation.limit = recipe.evaluation.pairs
        evaluation.distractors = recipe.evaluation.distractors
        evaluation.metric = EvaluationMetric(rawValue: recipe.evaluation.metric) ?? .recallAt1
        evaluation.patience = recipe.evaluation.patience > 0 ? recipe.evaluation.patience : nil
        try self.init(
            name: recipe.name, seed: recipe.seed, recipe: String(decoding: json, as: UTF8.self),
            template: model ?? recipe.model,
            evaluation: evaluation, ranks: ranks)
        prefetching = recipe.prefetching
        try checkTrained(recipe)

        var opened: [DataSet] = []
        var caches: [String: FrontEndCache] = [:]
        var identity: FrontEndIdentity?
        for (index, stage) in recipe.stages.enumerated() {
            var tasks: [DataStream.Task] = []
            for data in stage.data {
                var source = data.source
                source.heldOut = data.heldOut ?? recipe.evaluation.heldOut
                let set: DataSet
                do throws(DataError) {
                    if let known = opened.first(where: { $0.source == source }) {
                        set = known
                    } else {
                        set = try DataSet(source, imageTokens: architecture.imageTokens, pool: pool)
                        opened.append(set)
                    }
                } catch { throw .data(error) }
                // What the cache keeps is in the shape of castor-1's front-ends.
                // One process writes it.
                if !architecture.isImported, recipe.cache.enabled, ranks.isFirst, data.cache, set.hasMedia,
                    caches[set.name] == nil
                {
                    let front: FrontEndIdentity
                    if let identity { front = identity } else { front = try FrontEndIdentity(modelFolder: template) }
                    identity = front
                    var options = FrontEndCache.Options(folder: recipe.cache.folder ?? "\(recipe.output)/cache")
                    options.maxBytes = recipe.cache.maxBytes
                    do {
                        caches[set.name] = try FrontEndCache(dataSet: set.name, identity: front, options: options)
                    } catch { throw .data(error) }
                }
                let sampling = Sampler.Task(set, rate: data.rate, batchSize: data.batch, window: data.bucket)
                tasks.append(
                    DataStream.Task(
                        sampling, samples: data.sampleOptions, cache: data.cache ? caches[set.name] : nil))
            }
            let teachers = Set(
                tasks.map(\.sampling.dataSet).flatMap { [$0.queryTeacherDimensions, $0.positiveTeacherDimensions] }
                    .compactMap { $0 })
            let steps = stage.stepCount(batches: tasks.reduce(0) { $0 + $1.sampling.batchesPerEpoch })
            let objective: Objective
            do {
                objective = try stage.objective(architecture, teachers: teachers, place: "stages[\(index)]")
            } catch { throw RunError(error) }
            // A table says so in its recipe; what a JSONL holds is known now.
            if objective.teacherCosine == nil, objective.teacherSimilarity == nil,
                let place = tasks.firstIndex(where: { !$0.sampling.dataSet.hasPositives })
            {
                throw .recipe(
                    reason:
                        "stages[\(index)].data[\(place)]: its samples have no positives, and the stage follows no teacher",
                    isMissing: false)
            }
            var result = Stage(
                name: stage.name ?? "stage \(index + 1)", steps: steps, objective: objective,
                options: stage.trainerOptions(steps: steps), tasks: tasks)
            result.accumulation = stage.accumulate
            stages.append(result)
        }
        for data in recipe.evaluation.data ?? [] {
            var source = data.data.source
            // All of it, in an order of which any prefix is a fair sample.
            source.heldOut = 1
            do {
                let set = try DataSet(source, imageTokens: architecture.imageTokens, pool: pool)
                evaluationSets.append(
                    EvaluationSet(dataSet: set, samples: data.data.sampleOptions, decides: data.decides))
            } catch { throw .data(error) }
        }
        if let wanted = recipe.evaluation.tasks {
            do {
                tasks = Tasks(
                    files: try TaskFile.all(wanted.files, data: wanted.data), prompts: wanted.prompts,
                    limit: wanted.limit)
            } catch { throw .evaluation(error) }
        }
        let trained = Set(stages.flatMap { $0.objective.levels.map(\.size) })
        self.evaluation.sizes = recipe.evaluation.sizes ?? trained.sorted(by: >)
        if let size = self.evaluation.sizes.first(where: { $0 > architecture.outputDimensions }) {
            throw .recipe(
                reason: "evaluation.sizes: \(size) is more than the model's \(architecture.outputDimensions)",
                isMissing: false)
        }
    }
}

extension RunPlan {
    func trainer(
        _ stage: Int, _ parameters: ParameterStore, _ pool: WorkerPool
    ) throws(RunError) -> Trainer {
        do {
            return try Trainer(
                architecture, parameters, stages[stage].objective, stages[stage].options, pool, ranks: ranks)
        } catch { throw .recipe(reason: "stages[\(stage)].train: \(error)", isMissing: false) }
    }

    /// The model with the weights that a trainer has now.
    func evaluated(_ trainer: Trainer, _ pool: WorkerPool) throws(RunError) -> any TrainedModel {
        do {
            return try architecture.model(
                trainer.average ?? trainer.parameters, gradients: nil, trainer.options, pool)
        } catch { preconditionFailure("nothing is trained: \(error)") }
    }

    /// Before anything is read: what cannot be trained, and options that the model has not.
    private func checkTrained(_ recipe: Recipe) throws(RunError) {
        func fail(_ key: String, _ reason: String) -> RunError {
            .recipe(reason: "\(key): \(reason)", isMissing: false)
        }
        let names = architecture.tensorShapes.map(\.name)
        for (index, stage) in recipe.stages.enumerated() {
            let place = "stages[\(index)]"
            for (number, pattern) in stage.train.enumerated()
            where !names.contains(where: { ParameterGroup(pattern).matches($0) }) {
                throw fail(
                    "\(place).train[\(number)]", "\"\(pattern)\" is the name of no tensor of \(architecture.name)")
            }
            guard case .imported(let spec, _) = architecture else { continue }
            let options = stage.trainerOptions(steps: 1).optimizer
            do { _ = try TrainedParts(spec) { options.trains($0) } } catch {
                throw fail("\(place).train", error.description)
            }
            guard names.contains(where: { options.trains($0) }) else {
                throw fail("\(place).train", "all tensors are locked or frozen: there is nothing to train")
            }
            if stage.precision != .single {
                throw fail("\(place).precision", "models of format castor-2 are trained in single precision")
            }
            if stage.memory.keep != "everything" {
                throw fail(
                    "\(place).memory.keep", "a model of format castor-2 keeps everything; lower memory.chunkTokens")
            }
            if let data = stage.data.firstIndex(where: { $0.image.keptPatches < 1 }) {
                throw fail("\(place).data[\(data)].image.keptPatches", "the model looks at all patches of a picture")
            }
        }
    }
}

extension RunError {
    package init(_ error: RecipeError) {
        if case .notFound = error {
            self = .recipe(reason: error.description, isMissing: true)
        } else {
            self = .recipe(reason: error.description, isMissing: false)
        }
    }
}
