/// Everything that a training leaves for people to look at: what it was made of, and what happened.
///
/// It is what `metrics.jsonl` holds, read back: the report and the model card are made from it alone.
package struct TrainingHistory: Sendable, Equatable {
    package var facts: TrainingFacts
    /// In the order of their steps.
    package var steps: [StepRecord] = []
    /// The first one is from before the first step.
    package var evaluations: [EvaluationRecord] = []
    /// Tasks, before the first step and on the model.
    package var tasks: [TaskRecord] = []
    /// How it ended; nil while it has not.
    package var ending: Ending?

    package init(facts: TrainingFacts) {
        self.facts = facts
    }

    package var before: EvaluationRecord? { evaluations.first }

    /// The evaluation of the weights that became the model.
    package var after: EvaluationRecord? {
        guard evaluations.count > 1 else { return nil }
        return ending.flatMap { ending in evaluations.last { $0.step == ending.modelStep } } ?? evaluations.last
    }

    package var seconds: Double { steps.reduce(0) { $0 + $1.seconds } }

    package struct Ending: Sendable, Equatable, Codable {
        package enum Reason: String, Sendable, Codable {
            case allSteps = "all steps were made"
            case noProgress = "evaluations did not get better any more"
        }

        package var reason: Reason
        /// Step whose weights became the model.
        package var modelStep: Int
        /// ISO 8601, UTC.
        package var time: String

        package init(reason: Reason, modelStep: Int, time: String) {
            self.reason = reason
            self.modelStep = modelStep
            self.time = time
        }
    }
}

/// What a training was made of.
package struct TrainingFacts: Sendable, Equatable, Codable {
    package struct DataSet: Sendable, Equatable, Codable {
        package var name: String
        /// Pairs that are trained on.
        package var pairs: Int
        /// Pairs that are kept for evaluation.
        package var heldOut: Int
        /// Of the file, or of all files that the data are made of.
        package var sha256: String
        package var license: String?

        package init(name: String, pairs: Int, heldOut: Int, sha256: String, license: String? = nil) {
            self.name = name
            self.pairs = pairs
            self.heldOut = heldOut
            self.sha256 = sha256
            self.license = license
        }
    }

    /// A data set that is only evaluated on.
    package struct EvaluationSet: Sendable, Equatable, Codable {
        package var name: String
        package var pairs: Int
        /// How many of its pairs are among those that are trained on.
        package var alsoTrained: Int
        /// Whether it takes part in choosing the best checkpoint.
        package var decides: Bool
        package var sha256: String
        package var license: String?
    }

    /// The recipe's.
    package var name: String
    /// The recipe as it was used, with every override and default: JSON.
    package var recipe: String
    package var seed: UInt64
    /// Name of the model's configuration.
    package var model: String
    /// Where the weights came from: a model folder's name, or random.
    package var start: String
    package var parameters: Int
    package var width: Int
    package var dimensions: Int
    /// Sizes of the vector that the loss was summed over.
    package var sizes: [Int]
    /// What decides which checkpoint is the best.
    package var metric: EvaluationMetric
    package var dataSets: [DataSet]
    /// nil for none.
    package var evaluationSets: [EvaluationSet]?
    package var stages: [String]
    package var totalSteps: Int
    package var threads: Int
    package var version: String
    /// ISO 8601, UTC.
    package var started: String

    package init(
        name: String, recipe: String, seed: UInt64, model: String, start: String, parameters: Int, width: Int,
        dimensions: Int, sizes: [Int], metric: EvaluationMetric, dataSets: [DataSet], stages: [String], totalSteps: Int,
        threads: Int,
        version: String, started: String
    ) {
        self.name = name
        self.recipe = recipe
        self.seed = seed
        self.model = model
        self.start = start
        self.parameters = parameters
        self.width = width
        self.dimensions = dimensions
        self.sizes = sizes
        self.metric = metric
        self.dataSets = dataSets
        self.stages = stages
        self.totalSteps = totalSteps
        self.threads = threads
        self.version = version
        self.started = started
    }
}

/// One step.
package struct StepRecord: Sendable, Equatable, Codable {
    /// Counts from 1 through all stages.
    package var step: Int
    package var stage: String
    /// The data set that the batch came from.
    package var data: String
    package var loss: Double
    package var rate: Double
    /// Before clipping.
    package var gradientNorm: Double
    package var temperature: Double?
    package var tokens: Int
    package var contents: Int
    package var seconds: Double
    /// Most memory that the process has had, bytes.
    package var peakMemory: Int

    package init(
        step: Int, stage: String, data: String, loss: Double, rate: Double, gradientNorm: Double, temperature: Double?,
        tokens: Int, contents: Int, seconds: Double, peakMemory: Int
    ) {
        self.step = step
        self.stage = stage
        self.data = data
        self.loss = loss
        self.rate = rate
        self.gradientNorm = gradientNorm
        self.temperature = temperature
        self.tokens = tokens
        self.contents = contents
        self.seconds = seconds
        self.peakMemory = peakMemory
    }
}

/// Retrieval on pairs that are not trained on, at one moment.
package struct EvaluationRecord: Sendable, Equatable, Codable {
    /// Steps made before it.
    package var step: Int
    package var stage: String
    package var sets: [SetScores]
    package var seconds: Double

    package init(step: Int, stage: String, sets: [SetScores], seconds: Double) {
        self.step = step
        self.stage = stage
        self.sets = sets
        self.seconds = seconds
    }

    /// One data set's held-out pairs, or a set that is only evaluated on.
    package struct SetScores: Sendable, Equatable, Codable {
        package var data: String
        package var queries: Int
        package var candidates: Int
        /// Expected R@1 of a ranking in random order.
        package var chance: Double
        /// Largest size first.
        package var sizes: [SizeScores]
        /// For each example query, the places of its nearest candidates, nearest first.
        package var nearest: [[Int]]
        /// False where it is only reported; nil is as good as true.
        package var decides: Bool?
        /// Positives that look for their queries, each once; nil in files of earlier versions.
        package var answers: Int?

        package init(
            data: String, queries: Int, candidates: Int, chance: Double, sizes: [SizeScores], nearest: [[Int]] = []
        ) {
            self.data = data
            self.queries = queries
            self.candidates = candidates
            self.chance = chance
            self.sizes = sizes
            self.nearest = nearest
        }
    }

    /// Scores of vectors that are cut to one size, both ways.
    package struct SizeScores: Sendable, Equatable, Codable {
        package var size: Int
        /// Query finds positive.
        package var forward: Scores
        /// Positive finds query.
        package var backward: Scores

        package init(size: Int, forward: Scores, backward: Scores) {
            self.size = size
            self.forward = forward
            self.backward = backward
        }
    }

    /// Shares of queries with a right candidate among the first 1, 5, 10; and the mean of 1 / its rank.
    package struct Scores: Sendable, Equatable, Codable {
        package var recallAt1: Double
        package var recallAt5: Double
        package var recallAt10: Double
        package var reciprocalRank: Double

        package init(recallAt1: Double, recallAt5: Double, recallAt10: Double, reciprocalRank: Double) {
            self.recallAt1 = recallAt1
            self.recallAt5 = recallAt5
            self.recallAt10 = recallAt10
            self.reciprocalRank = reciprocalRank
        }
    }

    /// What training wants to rise: a metric at the largest size, mean over what was asked and all sets that decide; nil where
    /// none does.
    package func score(_ metric: EvaluationMetric) -> Double? {
        let values = sets.filter { $0.decides != false }.compactMap { $0.mean(metric.value) }
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
}

/// What decides which evaluation is the best. R@1 of a small set moves in jumps; the mean reciprocal rank moves with every rank.
package enum EvaluationMetric: String, Sendable, Codable, CaseIterable {
    case recallAt1 = "recall@1"
    case recallAt5 = "recall@5"
    case recallAt10 = "recall@10"
    case reciprocalRank = "mrr"

    func value(_ scores: EvaluationRecord.Scores) -> Double {
        switch self {
        case .recallAt1: scores.recallAt1
        case .recallAt5: scores.recallAt5
        case .recallAt10: scores.recallAt10
        case .reciprocalRank: scores.reciprocalRank
        }
    }
}

extension EvaluationRecord.SetScores {
    /// Over both directions, each counted as often as something else was asked: of many texts and two labels the texts decide.
    ///
    /// - Parameter size: of the vectors; nil for the largest
    package func mean(size: Int? = nil, _ value: (EvaluationRecord.Scores) -> Double) -> Double? {
        guard let scores = size == nil ? sizes.first : sizes.first(where: { $0.size == size }), queries > 0 else {
            return nil
        }
        let (forward, backward) = (Double(queries), Double(answers ?? queries))
        return (forward * value(scores.forward) + backward * value(scores.backward)) / (forward + backward)
    }
}

extension TrainingHistory {
    /// The first evaluation with the highest score; nil where no set decides.
    package var best: EvaluationRecord? {
        var best: (record: EvaluationRecord, score: Double)?
        for evaluation in evaluations {
            guard let score = evaluation.score(facts.metric), score > best?.score ?? -1 else { continue }
            best = (evaluation, score)
        }
        return best?.record
    }
}
