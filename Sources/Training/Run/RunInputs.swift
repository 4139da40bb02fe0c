import Castor
import CastorNumerics
import Encoder
import Evaluation
import Glibc

/// What a training reads, checked: the pairs to evaluate on, and facts about the data sets.
struct RunInputs {
    let checks: [RetrievalCheck]
    let facts: [TrainingFacts.DataSet]
    let evaluationFacts: [TrainingFacts.EvaluationSet]
    /// The first bad sample of each set that has one, and how many there are; what nothing can be learned from.
    let warnings: [String]
    private let plan: RunPlan
    private let pool: WorkerPool

    init(_ plan: RunPlan, _ pool: WorkerPool) throws(RunError) {
        self.plan = plan
        self.pool = pool
        var checks: [RetrievalCheck] = []
        var facts: [TrainingFacts.DataSet] = []
        var evaluationFacts: [TrainingFacts.EvaluationSet] = []
        var warnings: [String] = []
        func warn(_ set: DataSet, _ found: [BadSample]) {
            warnings += set.notes
            guard let first = set.bad.max(by: { $0.lines < $1.lines }) ?? found.first else { return }
            warnings.append(
                "data set \(set.name): \(set.badCount + found.count) of \(set.recordCount) samples are bad and left out; "
                    + "the first: \(first)")
        }
        var seen = Set<String>()
        var trained = Set<UInt64>()
        for task in plan.stages.flatMap(\.tasks) {
            let set = task.sampling.dataSet
            guard seen.insert("\(set.name) \(set.source.path)").inserted else { continue }
            let rows = Array(set.heldOut.prefix(plan.evaluation.limit))
            let held = try Self.pairs(set, rows, task.samples, plan.preparation, pool)
            if !held.pairs.isEmpty {
                // Some of them may be bad; training says so when it comes to them.
                let others = plan.evaluation.distractors.map { evenlySpread($0, of: set.training.count) } ?? []
                let distractors = try Self.pairs(
                    set, others.map { set.training[$0] }, task.samples, plan.preparation, pool
                ).pairs
                checks.append(RetrievalCheck(name: set.name, pairs: held.pairs, distractors: distractors))
            }
            facts.append(
                TrainingFacts.DataSet(
                    name: set.name, pairs: set.training.count, heldOut: set.heldOut.count,
                    sha256: try DataDigest.of(set), license: License.beside(set.source.path)))
            // Names of files say nothing of what is in them.
            if !set.hasMedia { trained.formUnion(set.training.map { set.rows[Int($0)].hash }) }
            warn(set, held.bad)
        }
        for evaluated in plan.evaluationSets {
            let set = evaluated.dataSet
            let found = try Self.pairs(
                set, Array(set.heldOut.prefix(plan.evaluation.limit)), evaluated.samples, plan.preparation, pool)
            if !found.pairs.isEmpty {
                checks.append(RetrievalCheck(name: set.name, decides: evaluated.decides, pairs: found.pairs))
            }
            let known = set.hasMedia ? 0 : set.rows.count { trained.contains($0.hash) }
            evaluationFacts.append(
                TrainingFacts.EvaluationSet(
                    name: set.name, pairs: set.rows.count, alsoTrained: known, decides: evaluated.decides,
                    sha256: try DataDigest.of(set), license: License.beside(set.source.path)))
            warn(set, found.bad)
            if known > 0 {
                warnings.append(
                    "evaluation set \(set.name): \(known) of its \(set.rows.count) pairs are trained on, too, so that its "
                        + "numbers flatter the model")
            }
        }
        warnings += plan.stages.flatMap(LearningWarnings.of)
        (self.checks, self.facts, self.warnings) = (checks, facts, warnings)
        self.evaluationFacts = evaluationFacts
    }

    /// What processes that train together need to have alike.
    var shared: [SharedFact] {
        [SharedFact("the recipe", plan.recipe)] + facts.map { SharedFact("data set \($0.name)", $0.sha256) }
            + evaluationFacts.map { SharedFact("evaluation set \($0.name)", $0.sha256) }
    }

    /// Held-out rows, without any random change.
    private static func pairs(
        _ set: DataSet, _ rows: [Int32], _ samples: SampleOptions, _ preparation: Preparation, _ pool: WorkerPool
    ) throws(RunError) -> (pairs: [RetrievalCheck.Pair], bad: [BadSample]) {
        guard set.hasPositives, !rows.isEmpty else { return ([], []) }
        let prepare = SamplePreparation(preparation, cache: nil, options: samples, folder: set.source.folder)
        let results = Slots<Result<RetrievalCheck.Pair?, BadSample>>(count: rows.count)
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
        var (pairs, bad): ([RetrievalCheck.Pair], [BadSample]) = ([], [])
        for result in results.values {
            switch result {
            case .success(let pair): if let pair { pairs.append(pair) }
            case .failure(let error): bad.append(error)
            }
        }
        let limit = set.source.tolerated(of: set.recordCount)
        guard set.badCount + bad.count <= limit else {
            throw .data(
                .tooManyBad(
                    dataSet: set.name, count: set.badCount + bad.count, of: set.recordCount, limit: limit,
                    first: set.bad.first ?? bad[0]))
        }
        return (pairs, bad)
    }

    private static func pair(_ sample: Sample, _ inputs: PreparedSample) -> RetrievalCheck.Pair? {
        guard let content = sample.positive, let positive = inputs.positive else { return nil }
        return (.init(inputs.query, texts: texts(sample.query)), .init(positive, texts: texts(content)))
    }

    private static func texts(_ content: Content) -> [String] {
        content.parts.map { part in
            switch part.media {
            case .text(let text): text
            case .data, .clip: ""
            case .file(let path, _): path.split(separator: "/").last.map(String.init) ?? path
            }
        }
    }

    /// The batches of a stage.
    func stream(_ stage: Int, state: DataStream.State?) throws(RunError) -> DataStream {
        var random = SeededGenerator(plan.seed, UInt64(stage))
        do {
            return try DataStream(
                plan.stages[stage].tasks, plan.preparation, seed: random.next(), state: state,
                prefetching: plan.prefetching)
        } catch { throw .data(error) }
    }

    /// Parameters to start with: random ones or the template's, then those that a loss learns.
    func parameters(_ objective: Objective) throws(RunError) -> ParameterStore {
        let store: ParameterStore
        switch plan.architecture {
        case .castor(let configuration) where plan.startsUntrained:
            store = ParameterStore(untrained: configuration, seed: plan.seed, extra: objective.parameterShapes)
        case .castor:
            do {
                store = try ParameterStore(
                    of: Model(path: plan.template, pool: pool), extra: objective.parameterShapes)
            } catch { throw .model(error) }
        case .imported(_, let tensors):
            do {
                store = try ParameterStore(plan.heldShapes, of: tensors, extra: objective.parameterShapes)
            } catch { throw .model(error) }
        }
        objective.initialize(store)
        return store
    }
}

/// What a data set says about its licence.
enum License {
    private static let names = ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt"]
    private static let longest = 160

    /// The first line of a licence file in a data set's folder, or in the folder of its file.
    static func beside(_ path: String) -> String? {
        var folder = path
        var status = stat()
        if stat(path, &status) != 0 || status.st_mode & S_IFMT != S_IFDIR {
            folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        }
        for name in names {
            guard let file = try? MappedFile(path: "\(folder)/\(name)") else { continue }
            let text = withExtendedLifetime(file) { String(decoding: file.bytes.prefix(4_096), as: UTF8.self) }
            let line = text.split(whereSeparator: \.isNewline).first { !$0.allSatisfy(\.isWhitespace) }
            if let line { return String(line.drop(while: \.isWhitespace).prefix(longest)) }
        }
        return nil
    }
}
