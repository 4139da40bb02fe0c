import Castor
import CastorNumerics
import Encoder
import Glibc

/// What a training reads, opened and checked: configuration, tokenizer, data sets, held-out pairs.
struct RunInputs {
    let configuration: Configuration
    let preparation: Preparation
    /// By the name of the data set.
    let dataSets: [String: DataSet]
    let checks: [RetrievalCheck]
    let facts: [TrainingFacts.DataSet]
    /// The first bad sample of each set that has one, and how many there are.
    let warnings: [String]
    private let plan: RunPlan
    private let pool: WorkerPool

    init(_ plan: RunPlan, _ pool: WorkerPool) throws(RunError) {
        self.plan = plan
        self.pool = pool
        do throws(ModelError) {
            configuration = try Model.configuration(path: plan.template)
            let tokenizer = try Tokenizer(path: "\(plan.template)/\(Model.tokenizerName)")
            guard tokenizer.pieceCount == configuration.text.vocabularySize else {
                throw ModelError.configuration(
                    key: "text.vocabulary_size",
                    reason: "is \(configuration.text.vocabularySize), the tokenizer has \(tokenizer.pieceCount) pieces")
            }
            preparation = Preparation(
                configuration: configuration, tokenizer: tokenizer, logMel: LogMel(configuration.audio), limits: Limits())
        } catch { throw .model(error) }

        var sets: [String: DataSet] = [:]
        var checks: [RetrievalCheck] = []
        var facts: [TrainingFacts.DataSet] = []
        var warnings: [String] = []
        let trained = plan.stages.flatMap(\.tasks)
        for (index, task) in (trained + plan.evaluationTasks).enumerated() where sets[task.source.name] == nil {
            let set: DataSet
            do {
                set = try DataSet(task.source, imageTokens: configuration.image.maxPatches, pool: pool)
            } catch { throw .data(error) }
            sets[set.name] = set
            let isTrained = index < trained.count
            let rows = isTrained ? set.heldOut : set.heldOut + set.training
            let held = try Self.pairs(set, Array(rows.prefix(plan.evaluation.limit)), task, preparation, pool)
            if !held.pairs.isEmpty { checks.append(RetrievalCheck(name: set.name, pairs: held.pairs)) }
            facts.append(
                TrainingFacts.DataSet(
                    name: set.name, pairs: isTrained ? set.training.count : 0, heldOut: rows.count,
                    sha256: try SHA256.of(path: task.source.path), license: plan.licenses[set.name]))
            let bad = set.bad.count + held.bad.count
            if let first = set.bad.first ?? held.bad.first {
                warnings.append("data set \(set.name): \(bad) of \(set.recordCount) samples are bad and left out; the first: \(first)")
            }
        }
        (dataSets, self.checks, self.facts, self.warnings) = (sets, checks, facts, warnings)
    }

    private typealias Pair = (query: RetrievalCheck.Item, positive: RetrievalCheck.Item)

    /// Held-out rows, without any random change.
    private static func pairs(
        _ set: DataSet, _ rows: [Int32], _ task: RunPlan.Task, _ preparation: Preparation, _ pool: WorkerPool
    ) throws(RunError) -> (pairs: [Pair], bad: [BadSample]) {
        guard set.hasPositives, !rows.isEmpty else { return ([], []) }
        let prepare = SamplePreparation(preparation, cache: nil, options: task.samples, folder: set.source.folder)
        let results = Slots<Result<Pair?, BadSample>>(count: rows.count)
        pool.run(rows.count) { index, _ in
            let row = Int(rows[index])
            do throws(BadSample) {
                let sample = try set.sample(row)
                do throws(EmbedError) {
                    let inputs = try prepare(sample, seed: nil)
                    results[index] = .success(pair(sample, inputs))
                } catch { throw BadSample(place: set.place(row), reason: error.description) }
            } catch { results[index] = .failure(error) }
        }
        var (pairs, bad): ([Pair], [BadSample]) = ([], [])
        for result in results.values {
            switch result {
            case .success(let pair): if let pair { pairs.append(pair) }
            case .failure(let error): bad.append(error)
            }
        }
        let limit = set.source.tolerated(of: set.recordCount)
        guard set.bad.count + bad.count <= limit else {
            throw .data(
                .tooManyBad(
                    dataSet: set.name, count: set.bad.count + bad.count, of: set.recordCount, limit: limit,
                    first: set.bad.first ?? bad[0]))
        }
        return (pairs, bad)
    }

    private static func pair(_ sample: Sample, _ inputs: PreparedSample) -> Pair? {
        guard let content = sample.positive, let positive = inputs.positive else { return nil }
        return (.init(inputs.query, texts: texts(sample.query)), .init(positive, texts: texts(content)))
    }

    private static func texts(_ content: Content) -> [String] {
        content.parts.map { part in
            switch part {
            case .text(let text): text
            case .data: ""
            case .file(let path, _): path.split(separator: "/").last.map(String.init) ?? path
            }
        }
    }

    /// The batches of a stage.
    func stream(_ stage: Int, state: DataStream.State?) throws(RunError) -> DataStream {
        var tasks: [DataStream.Task] = []
        do {
            for task in plan.stages[stage].tasks {
                let set = dataSets[task.source.name]!
                let sampling = Sampler.Task(set, rate: task.rate, batchSize: task.batchSize, window: task.window)
                var cache: FrontEndCache?
                if let folder = task.cacheFolder {
                    cache = try FrontEndCache(
                        dataSet: set.name, configuration: configuration, options: .init(folder: folder))
                }
                tasks.append(DataStream.Task(sampling, samples: task.samples, cache: cache))
            }
            var random = SeededGenerator(plan.seed, UInt64(stage))
            return try DataStream(tasks, preparation, seed: random.next(), state: state)
        } catch { throw .data(error) }
    }

    /// Parameters to start with: random ones or the template's, then those that a loss learns.
    func parameters(_ objective: Objective) throws(RunError) -> ParameterStore {
        let store: ParameterStore
        if plan.startsUntrained {
            store = ParameterStore(untrained: configuration, seed: plan.seed, extra: objective.parameterShapes)
        } else {
            do {
                store = try ParameterStore(
                    of: Model(path: plan.template, pool: pool), extra: objective.parameterShapes)
            } catch { throw .model(error) }
        }
        objective.initialize(store)
        return store
    }
}
