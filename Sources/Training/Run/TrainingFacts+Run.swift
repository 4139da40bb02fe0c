import Encoder

extension TrainingFacts {
    /// What the report and the model card say of a run before its first step.
    init(_ plan: RunPlan, _ inputs: RunInputs, threads: Int, version: String, started: String) {
        self.init(
            name: plan.name, recipe: plan.recipe, seed: plan.seed, model: plan.architecture.name,
            start: plan.startsUntrained
                ? "random, seed \(plan.seed)"
                : plan.template.split(separator: "/").last.map(String.init) ?? plan.template,
            parameters: plan.architecture.parameterCount, width: plan.architecture.width,
            dimensions: plan.architecture.outputDimensions,
            sizes: Set(plan.stages.flatMap { $0.objective.levels.map(\.size) }).sorted(by: >),
            metric: plan.evaluation.metric, dataSets: inputs.facts, stages: plan.stages.map(\.name),
            totalSteps: plan.totalSteps, threads: threads, version: version,
            started: started)
        if !inputs.evaluationFacts.isEmpty { evaluationSets = inputs.evaluationFacts }
    }
}
