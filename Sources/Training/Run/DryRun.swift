import Castor
package import CastorNumerics
import Encoder
import Report

/// What a training would do, from its data and two steps that are thrown away.
package struct DryRun: Sendable {
    package struct Stage: Sendable {
        package var name: String
        package var steps: Int
        package var data: [(name: String, pairs: Int, heldOut: Int, tokens: Int, batches: Int)]
        package var secondsPerStep: Double
        package var tokensPerStep: Double
    }

    package var stages: [Stage]
    /// What is wrong with the data, as training would say it.
    package var warnings: [String]
    package var parameters: Int
    /// Most bytes that the trial steps needed.
    package var peakMemory: Int
    /// Bytes of the largest checkpoint.
    package var checkpointBytes = 0

    package var seconds: Double { stages.reduce(0) { $0 + Double($1.steps) * $1.secondsPerStep } }

    private static let trialSteps = 2

    package init(_ plan: RunPlan, _ pool: WorkerPool) throws(RunError) {
        let inputs = try RunInputs(plan, pool)
        stages = []
        warnings = inputs.warnings
        try plan.ranks.expectSame(inputs.shared)
        for (index, stage) in plan.stages.enumerated() {
            let trainer = try plan.trainer(index, try inputs.parameters(stage.objective), pool)
            checkpointBytes = max(checkpointBytes, CheckpointFile.byteCount(trainer))
            let stream = try inputs.stream(index, state: nil)
            var (seconds, tokens) = (Double.infinity, 0)
            do {
                for step in 1...Self.trialSteps {
                    let begin = StepClock.now
                    var batches: [PairBatch] = []
                    while batches.count < stage.accumulation, let batch = try stream.next() {
                        batches.append(batch.pairs)
                    }
                    try plan.ranks.expectSame([.samples(step: step, batches)])
                    tokens += try trainer.step(batches).tokens
                    // The first step also makes memory and fills caches.
                    seconds = min(seconds, StepClock.now - begin)
                }
            } catch let error as RunError {
                throw error
            } catch let error as DataError {
                throw .data(error)
            } catch {
                throw .diverged(step: 1, reason: "a trial step failed: \(error)", lastCheckpoint: nil)
            }
            stages.append(
                Stage(
                    name: stage.name, steps: stage.steps,
                    data: stage.tasks.map { task in
                        let set = task.sampling.dataSet
                        return (
                            set.name, set.training.count, set.heldOut.count,
                            set.training.reduce(0) { $0 + Int(set.rows[Int($1)].tokens) },
                            task.sampling.batchesPerEpoch
                        )
                    }, secondsPerStep: seconds, tokensPerStep: Double(tokens) / Double(Self.trialSteps)))
        }
        parameters = plan.architecture.parameterCount
        peakMemory = ProcessMemory.peak
    }

    package var text: String {
        var text = "\(Figures.grouped(parameters)) parameters\n"
        for stage in stages {
            text +=
                "\(stage.name.printable): \(Figures.grouped(stage.steps)) steps of about \(Figures.short(stage.secondsPerStep)) s and "
            text += "\(Figures.grouped(Int(stage.tokensPerStep))) tokens\n"
            for data in stage.data {
                text +=
                    "  \(data.name.printable): \(Figures.grouped(data.pairs)) pairs, \(Figures.grouped(data.heldOut)) held out, about "
                text += "\(Figures.grouped(data.tokens)) tokens and \(Figures.grouped(data.batches)) batches an epoch\n"
            }
        }
        text += "about \(Figures.duration(seconds)) without evaluations, \(Figures.bytes(peakMemory)) of memory\n"
        return text + CheckpointFile.words(bytes: checkpointBytes) + "\n"
    }
}
