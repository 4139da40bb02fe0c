import Castor
import CastorNumerics
import Encoder
import Evaluation

// What a training leaves: the model, its card, the report, and what tasks say of it.

extension TrainingRun {
    /// The step of the best evaluation, where its weights are wanted and there; nil for the last weights.
    func chosenStep(_ history: TrainingHistory) -> Int? {
        guard plan.choice == .best, let best = history.best?.step else { return nil }
        return CheckpointFile.step(folder.best) == best ? best : nil
    }

    /// The model folder without its card.
    func writeModel(_ history: TrainingHistory) throws(RunError) {
        guard !folder.isLookedAt else { return }
        let (file, _) = try CheckpointFile.open(chosenStep(history) == nil ? folder.last : folder.best)
        let weights = try CheckpointFile.weights(file, plan.heldShapes)
        do {
            try ModelFolder.write(
                weights, template: plan.template, as: plan.weightType,
                metadata: ["castor.training": plan.name, "castor.seed": "\(plan.seed)"], to: folder.model)
        } catch { throw RunError(writing: error, to: folder.model) }
    }

    func finish(_ inputs: RunInputs, _ metrics: MetricsLog) throws(RunError) {
        try writeModel(metrics.history)
        try folder.write(ModelCard(metrics.history).markdown, to: "\(folder.model)/README.md")
        try writeReport(inputs, metrics)
        folder.synchronise()
        if let chosen = metrics.history.ending?.modelStep, let last = metrics.history.steps.last?.step, chosen < last {
            report(
                .note(
                    "no evaluation was better than that after step \(chosen) of \(last): the model is of step \(chosen)"
                ))
        }
        if let verdict = Verdict(metrics.history) { report(.note(verdict.sentence)) }
        report(.note("the model is in \(folder.model), the report is \(folder.report)"))
        let model = folder.model.shellWord
        report(
            .note(
                "next: castor search \"what you look for\" --model \(model), or CASTOR_MODEL=\(model) for every command; an index of another "
                    + "model is to be made anew"))
        report(.note("\(folder.checkpoints) is for --resume alone, and may be removed"))
    }

    func writeReport(_ inputs: RunInputs, _ metrics: MetricsLog) throws(RunError) {
        guard !folder.isLookedAt else { return }
        let examples = ReportExamples(inputs.checks, plan.architecture)
        let html = TrainingReport(metrics.history, examples: examples(metrics.history)).html
        try folder.write(html, to: folder.report)
    }

    // MARK: - Tasks

    /// The model in its folder. A task that fails now takes no training with it.
    func measureModel(step: Int, _ metrics: MetricsLog) throws(RunError) {
        guard !folder.isLookedAt else { return }
        do {
            try metrics.append(.tasks(try measure(folder.model, step: step)))
        } catch .evaluation(let error) {
            report(.note("the model is not measured on tasks: \(error)"))
        }
    }

    func measure(_ model: String, step: Int) throws(RunError) -> TaskRecord {
        guard let wanted = plan.tasks else { preconditionFailure("there are no tasks") }
        let begin = StepClock.now
        let sizes = plan.evaluation.sizes.sorted(by: >)
        var options = Embedder.Options()
        options.threads = pool.threadCount
        let embedder: Embedder
        do { embedder = try Embedder(modelPath: model, options: options) } catch {
            throw .evaluation(.model(error.description))
        }
        var tasks: [TaskRecord.Task] = []
        do {
            let evaluator = try Evaluator(
                embedder, options: EvaluationOptions(dimensions: sizes, limit: wanted.limit))
            for file in wanted.files {
                tasks.append(TaskRecord.Task(try evaluator.run(file, prompts: wanted.prompts && file.hasPrompts)))
            }
        } catch { throw .evaluation(error) }
        let record = TaskRecord(
            step: step, sizes: sizes, prompts: wanted.prompts, tasks: tasks, seconds: StepClock.now - begin)
        report(.measured(record))
        return record
    }
}
