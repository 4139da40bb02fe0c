import Castor
package import CastorNumerics
import Encoder
import Evaluation
import FoundationEssentials
import Glibc

/// A training from its plan to a model, a report and a model card; stopped at any time, it goes on as if it had not been. Of several
/// processes the first measures, writes and decides; the others are told what it found.
///
/// ```swift
/// let run = TrainingRun(plan, RunFolder(path: "out"), pool, isResumed: false, version: "0.2.0")
/// try run(isInterrupted: { false }) { event in print(event) }
/// ```
package final class TrainingRun {
    /// What the run is doing. Steps count through all stages.
    package enum State: Sendable, Equatable {
        case preparing
        case evaluating(stage: Int)
        case training(stage: Int)
        case stopping(TrainingHistory.Ending.Reason)
        case finished
    }

    package private(set) var state = State.preparing
    package let plan: RunPlan
    let folder: RunFolder
    let pool: WorkerPool
    private let isResumed: Bool
    private let version: String
    var report: (RunEvent) -> Void = { _ in }
    private var clock = StepClock()
    private var lastCheckpoint: Int?

    package init(_ plan: RunPlan, _ folder: RunFolder, _ pool: WorkerPool, isResumed: Bool, version: String) {
        self.plan = plan
        self.folder = folder
        self.pool = pool
        self.isResumed = isResumed
        self.version = version
    }

    /// A stage at work.
    private struct Work {
        var stage: Int
        /// Steps made in the stages before it: fewer than planned where one ended early.
        var stepsBefore: Int
        let trainer: Trainer
        let stream: DataStream
        var watch = ExplosionWatch()
    }

    /// Trains to the end.
    ///
    /// - Parameters:
    ///   - isInterrupted: asked after each step; training then stops with a checkpoint and `RunError.interrupted`
    ///   - report: told what happens
    package func callAsFunction(
        isInterrupted: () -> Bool, report: @escaping (RunEvent) -> Void = { _ in }
    ) throws(RunError) {
        self.report = report
        state = .preparing
        let inputs = try RunInputs(plan, pool)
        for warning in inputs.warnings { report(.note(warning)) }
        var (work, metrics) = try start(inputs)
        // Nobody writes before all have read, and found that it is the same.
        try plan.ranks.expectSame(
            [SharedFact("the version of castor", version)] + inputs.shared
                + [.checkpoint(step: lastCheckpoint), .weights(work.trainer.parameters)])
        if metrics.history.ending != nil {
            report(.note("training had ended already; its model is in \(folder.model)"))
            try finish(inputs, metrics)
            state = .finished
            return
        }
        while true {
            switch state {
            case .preparing:
                // Before the first step, unless a checkpoint shows that it was done.
                let isNew = metrics.history.evaluations.isEmpty
                report(.note(CheckpointFile.words(bytes: CheckpointFile.byteCount(work.trainer))))
                if plan.tasks != nil, metrics.history.tasks.isEmpty, metrics.history.steps.isEmpty {
                    try measureStart(work, metrics)
                }
                state = isNew ? .evaluating(stage: work.stage) : .training(stage: work.stage)
            case .evaluating(let stage):
                try evaluate(work, inputs, metrics)
                if lastCheckpoint == nil { try writeCheckpoint(work, metrics) }
                try writeReport(inputs, metrics)
                state = .training(stage: stage)
            case .training(let stage):
                if plan.ranks.largest(isInterrupted() ? 1 : 0) == 1 {
                    try writeCheckpoint(work, metrics)
                    try writeReport(inputs, metrics)
                    throw .interrupted(step: step(work))
                }
                if work.trainer.stepCount == plan.stages[stage].steps {
                    state = try after(&work, inputs, metrics, .allSteps)
                    continue
                }
                // Asked here, so that a training that was stopped between the evaluation and its consequence draws it, too.
                if endsEarly(stage, metrics.history), metrics.history.evaluations.last?.step == step(work) {
                    state = try after(&work, inputs, metrics, .noProgress)
                    continue
                }
                try trainStep(&work, metrics)
                let (done, isLast) = (step(work), work.trainer.stepCount == plan.stages[stage].steps)
                let interval = plan.evaluation.interval
                let isEvaluated = !inputs.checks.isEmpty && (isLast || interval > 0 && done % interval == 0)
                if isEvaluated {
                    try evaluate(work, inputs, metrics)
                    try writeReport(inputs, metrics)
                }
                // The best evaluation so far has brought one already.
                if isLast || done % plan.checkpointInterval == 0, lastCheckpoint != done {
                    try writeCheckpoint(work, metrics)
                }
            case .stopping(let reason):
                let chosen = chosenStep(metrics.history)
                if plan.tasks != nil {
                    try writeCheckpoint(work, metrics)
                    try writeModel(metrics.history)
                    try measureModel(step: chosen ?? step(work), metrics)
                }
                try metrics.append(
                    .end(.init(reason: reason, modelStep: chosen ?? step(work), time: Self.time)))
                try writeCheckpoint(work, metrics)
                try finish(inputs, metrics)
                state = .finished
            case .finished:
                return
            }
        }
    }

    // MARK: - Beginning

    private func start(_ inputs: RunInputs) throws(RunError) -> (Work, MetricsLog) {
        guard isResumed, folder.hasCheckpoint else {
            if isResumed {
                report(.note("there is no checkpoint in \(folder.path): training starts from the beginning"))
            }
            let metrics = try MetricsLog(
                path: folder.metrics,
                facts: TrainingFacts(plan, inputs, threads: pool.threadCount, version: version, started: Self.time),
                isWritten: !folder.isLookedAt)
            let objective = plan.stages[0].objective
            return (try begin(0, stepsBefore: 0, inputs, try inputs.parameters(objective), nil), metrics)
        }
        let (_, notes) = try CheckpointFile.open(folder.last)
        try RecipeComparison.check(old: notes.recipe, new: plan.recipe)
        let metrics = try MetricsLog(
            path: folder.metrics, byteCount: notes.metricsBytes, isWritten: !folder.isLookedAt)
        let facts = metrics.history.facts
        let hashes =
            zip(facts.dataSets, inputs.facts).map { ($0.name, $0.sha256, $1.sha256) }
            + zip(facts.evaluationSets ?? [], inputs.evaluationFacts).map { ($0.name, $0.sha256, $1.sha256) }
        for (name, old, new) in hashes where old != new {
            throw .changed(key: "data set \(name)", was: "SHA-256 \(old)", now: new)
        }
        if notes.threads != pool.threadCount {
            report(
                .note(
                    "\(notes.threads) threads before, \(pool.threadCount) now: the numbers will differ in their last digits"
                ))
        }
        if (notes.ranks ?? 1) != plan.ranks.count {
            report(
                .note(
                    "\(notes.ranks ?? 1) processes before, \(plan.ranks.count) now: the numbers will differ in their last digits"
                ))
        }
        guard plan.stages.indices.contains(notes.stage) else {
            throw .checkpoint(path: folder.last, reason: "it is of stage \(notes.stage + 1)")
        }
        let objective = plan.stages[notes.stage].objective
        let store = ParameterStore(plan.heldShapes + objective.parameterShapes)
        var work = try begin(notes.stage, stepsBefore: 0, inputs, store, notes.data)
        try CheckpointFile.restore(folder.last, into: work.trainer)
        work.stepsBefore = notes.step - work.trainer.stepCount
        work.watch = notes.watch ?? ExplosionWatch()
        lastCheckpoint = notes.step
        report(.note("going on after step \(notes.step)"))
        if let best = metrics.history.best, CheckpointFile.step(folder.best) != best.step {
            if best.step == notes.step, best.stage == plan.stages[notes.stage].name {
                // Ended between the two.
                try keepBest(work, metrics)
            } else {
                report(
                    .note(
                        "\(folder.best) is not of step \(best.step), after which the best evaluation was: without a better one "
                            + "the last weights become the model"))
            }
        }
        return (work, metrics)
    }

    private func begin(
        _ stage: Int, stepsBefore: Int, _ inputs: RunInputs, _ parameters: ParameterStore, _ data: DataStream.State?
    ) throws(RunError) -> Work {
        let trainer = try plan.trainer(stage, parameters, pool)
        return Work(
            stage: stage, stepsBefore: stepsBefore, trainer: trainer, stream: try inputs.stream(stage, state: data))
    }

    static var time: String { Date().formatted(.iso8601) }

    // MARK: - Steps

    /// Steps done, through all stages.
    private func step(_ work: Work) -> Int { work.stepsBefore + work.trainer.stepCount }

    /// Steps when this stage and all after it make all of theirs.
    private func totalSteps(_ work: Work) -> Int { work.stepsBefore + plan.steps(from: work.stage) }

    private func trainStep(_ work: inout Work, _ metrics: MetricsLog) throws(RunError) {
        let begin = StepClock.now
        let stage = plan.stages[work.stage]
        var batches: [PairBatch] = []
        var names: [String] = []
        while batches.count < stage.accumulation {
            let batch: DataStream.Batch?
            do { batch = try work.stream.next() } catch { throw .data(error) }
            guard let batch else { break }
            for bad in batch.skipped { report(.note("left out: \(bad)")) }
            for note in batch.notes { report(.note(note)) }
            batches.append(batch.pairs)
            names.append(stage.tasks[batch.task].sampling.dataSet.name)
        }
        let number = step(work) + 1
        // A file that only one of the processes cannot read would leave it with fewer rows than the others wait for.
        try plan.ranks.expectSame([.samples(step: number, batches)])
        let result: Trainer.Report
        do { result = try work.trainer.step(batches) } catch { throw diverged(error, number) }
        let seconds = StepClock.now - begin
        clock.add(seconds: seconds, tokens: result.tokens)
        let record = StepRecord(
            step: number, stage: stage.name, data: Set(names).count == 1 ? names[0] : "several",
            loss: result.loss.total,
            rate: result.rate, gradientNorm: result.gradientNorm, temperature: result.temperature,
            tokens: result.tokens,
            contents: result.contents, seconds: seconds, peakMemory: ProcessMemory.peak)
        try metrics.append(.step(record))
        report(
            .step(
                record,
                RunProgress(
                    step: number, totalSteps: totalSteps(work), tokensPerSecond: clock.tokensPerSecond,
                    secondsLeft: clock.secondsPerStep * Double(totalSteps(work) - number),
                    memory: ProcessMemory.resident
                )))
        if let reason = work.watch.add(result.loss.total) {
            throw .diverged(step: number, reason: reason, lastCheckpoint: lastCheckpoint)
        }
    }

    private func diverged(_ error: TrainingError, _ step: Int) -> RunError {
        switch error {
        case .diverged(_, let what): .diverged(step: step, reason: what, lastCheckpoint: lastCheckpoint)
        case .model(.overflow(let stage)):
            .diverged(
                step: step, reason: "\(stage) produced a value that is not finite", lastCheckpoint: lastCheckpoint)
        case .model(let error): .model(error)
        default: .diverged(step: step, reason: error.description, lastCheckpoint: lastCheckpoint)
        }
    }

    /// What follows a stage: the next one, with the parameters as they are, or the end.
    private func after(
        _ work: inout Work, _ inputs: RunInputs, _ metrics: MetricsLog, _ reason: TrainingHistory.Ending.Reason
    ) throws(RunError) -> State {
        let next = work.stage + 1
        guard next < plan.stages.count else { return .stopping(reason) }
        let objective = plan.stages[next].objective
        let parameters = ParameterStore(plan.heldShapes + objective.parameterShapes)
        objective.initialize(parameters)
        for tensor in parameters.tensors where work.trainer.parameters.index(of: tensor.name) != nil {
            let old = work.trainer.parameters[tensor.name]
            guard old.count == tensor.values.count else { continue }
            tensor.values.pointer.update(from: old.pointer, count: old.count)
        }
        objective.clamp(parameters)
        work = try begin(next, stepsBefore: step(work), inputs, parameters, nil)
        try writeCheckpoint(work, metrics)
        report(.note("stage \(plan.stages[next].name) begins"))
        return .training(stage: next)
    }

    // MARK: - Evaluation

    private func evaluate(_ work: Work, _ inputs: RunInputs, _ metrics: MetricsLog) throws(RunError) {
        guard !inputs.checks.isEmpty else { return }
        let record = try shared(plan.ranks.isFirst ? scores(work, inputs) : nil)
        let best = metrics.history.best?.score(plan.evaluation.metric) ?? -1
        try metrics.append(.evaluation(record))
        let isBest = record.score(plan.evaluation.metric).map { $0 > best } ?? false
        if isBest {
            // First the checkpoint that knows of the evaluation: `best` is never of a course of events that nobody remembers.
            try writeCheckpoint(work, metrics)
            try keepBest(work, metrics)
        }
        report(.evaluated(record, isBest: isBest))
    }

    private func scores(_ work: Work, _ inputs: RunInputs) throws(RunError) -> EvaluationRecord {
        let begin = StepClock.now
        let encoder = BatchEncoder(try plan.evaluated(work.trainer, pool))
        var sets: [EvaluationRecord.SetScores] = []
        do {
            for check in inputs.checks {
                sets.append(
                    try check.scores(sizes: plan.evaluation.sizes, pool: pool) { (contents) throws(ModelError) in
                        try encoder(contents)
                    })
            }
        } catch { throw diverged(.model(error), step(work)) }
        return EvaluationRecord(
            step: step(work), stage: plan.stages[work.stage].name, sets: sets, seconds: StepClock.now - begin)
    }

    /// What the first process found: whether a stage ends early must not hang on anybody's own last digits.
    private func shared(_ record: EvaluationRecord?) throws(RunError) -> EvaluationRecord {
        if let record, plan.ranks.count == 1 { return record }
        let bytes = record.flatMap { try? JSONEncoder().encode($0) } ?? Data()
        guard let found = try? JSONDecoder().decode(EvaluationRecord.self, from: Data(plan.ranks.first([UInt8](bytes))))
        else { throw .cannotWrite(path: folder.metrics, reason: "an evaluation cannot be told to the other processes") }
        return found
    }

    private func endsEarly(_ stage: Int, _ history: TrainingHistory) -> Bool {
        guard let patience = plan.evaluation.patience else { return false }
        let name = plan.stages[stage].name
        var (best, without) = (-Double.infinity, 0)
        for evaluation in history.evaluations where evaluation.stage == name {
            guard let score = evaluation.score(plan.evaluation.metric) else { return false }
            if score > best {
                (best, without) = (score, 0)
            } else {
                without += 1
            }
        }
        return without >= patience
    }

    // MARK: - Tasks

    /// The weights that training starts with.
    private func measureStart(_ work: Work, _ metrics: MetricsLog) throws(RunError) {
        guard !folder.isLookedAt else { return }
        guard plan.startsUntrained else {
            try metrics.append(.tasks(try measure(plan.template, step: 0)))
            return
        }
        // A model folder only for this.
        let start = "\(folder.path)/start"
        defer { ModelFolder.remove(start) }
        do {
            try ModelFolder.write(work.trainer.parameters, template: plan.template, as: .f32, to: start)
        } catch { throw RunError(writing: error, to: start) }
        try metrics.append(.tasks(try measure(start, step: 0)))
    }

    // MARK: - Checkpoints

    private func writeCheckpoint(_ work: Work, _ metrics: MetricsLog) throws(RunError) {
        try write(work, metrics, to: folder.last)
        lastCheckpoint = step(work)
        report(.checkpoint(step: step(work)))
    }

    private func write(_ work: Work, _ metrics: MetricsLog, to path: String) throws(RunError) {
        guard !folder.isLookedAt else { return }
        // Metrics first: a checkpoint never knows of lines that are not there.
        try metrics.synchronise()
        let notes = CheckpointNotes(
            stage: work.stage, step: step(work), data: work.stream.state, recipe: plan.recipe,
            metricsBytes: metrics.byteCount, threads: pool.threadCount, ranks: plan.ranks.count, watch: work.watch)
        try CheckpointFile.write(work.trainer, notes, to: path)
        folder.synchronise()
    }

    /// The last checkpoint is the best one, too: under a second name, or as a file of its own where that cannot be.
    private func keepBest(_ work: Work, _ metrics: MetricsLog) throws(RunError) {
        guard !folder.isLookedAt else { return }
        if folder.link(folder.last, as: folder.best) {
            folder.synchronise()
        } else {
            try write(work, metrics, to: folder.best)
        }
    }
}
