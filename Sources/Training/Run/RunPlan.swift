package import Encoder

/// Everything that a training does, with nothing left to choose: a recipe after its defaults and files were looked up.
package struct RunPlan: Sendable {
    package struct Task: Sendable {
        package var source: DataSource
        package var samples = SampleOptions()
        /// Pairs of a batch.
        package var batchSize: Int
        /// How often it is drawn, relative to the others; nil by its number of batches.
        package var rate: Double?
        /// Batches that are sorted by length together.
        package var window = 16
        /// Folder of its cache of decoded media; nil keeps none.
        package var cacheFolder: String?

        package init(_ source: DataSource, batchSize: Int) {
            self.source = source
            self.batchSize = batchSize
        }
    }

    package struct Stage: Sendable {
        package var name: String
        package var steps: Int
        package var objective: Objective
        package var options: Trainer.Options
        /// Batches of a step.
        package var accumulation = 1
        package var tasks: [Task]

        package init(name: String, steps: Int, objective: Objective, options: Trainer.Options, tasks: [Task]) {
            self.name = name
            self.steps = steps
            self.objective = objective
            self.options = options
            self.tasks = tasks
        }
    }

    package struct Evaluation: Sendable, Equatable {
        /// Steps from one evaluation to the next; there is always one before the first step and one after the last.
        package var interval: Int
        /// Most pairs of a data set.
        package var limit = 1_000
        /// Sizes of the vectors; one below the model's is its prefix.
        package var sizes: [Int]
        /// Evaluations without progress after which a stage ends; nil never ends it early.
        package var patience: Int?
        /// What counts as progress of the mean reciprocal rank.
        package var leastGain = 0.0

        package init(interval: Int, sizes: [Int]) {
            self.interval = interval
            self.sizes = sizes
        }
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
    package var stages: [Stage]
    package var evaluation: Evaluation
    /// Data sets that are only evaluated on.
    package var evaluationTasks: [Task] = []
    /// Steps from one checkpoint to the next.
    package var checkpointInterval = 500
    package var choice = Choice.best
    package var weightType = ScalarType.f16
    /// What is known of the licences, by the name of the data set.
    package var licenses: [String: String] = [:]

    package init(
        name: String, seed: UInt64, recipe: String, template: String, startsUntrained: Bool, stages: [Stage],
        evaluation: Evaluation
    ) {
        self.name = name
        self.seed = seed
        self.recipe = recipe
        self.template = template
        self.startsUntrained = startsUntrained
        self.stages = stages
        self.evaluation = evaluation
    }

    package var totalSteps: Int { stages.reduce(0) { $0 + $1.steps } }

    /// Steps of the stages before one.
    func stepsBefore(_ stage: Int) -> Int { stages[..<stage].reduce(0) { $0 + $1.steps } }
}
