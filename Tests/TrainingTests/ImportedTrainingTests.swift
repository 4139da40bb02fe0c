import Castor
import CastorNumerics
import Checkpoints
import Encoder
import FoundationEssentials
import TestSupport
import Testing
import Training

/// Trainings of imported models: from a recipe to a folder that serves.
@Suite struct ImportedTrainingTests {
    /// A small BERT with a dense head.
    private static let text = "\(Folders.fixtures)/sentences/model"

    private func recipe(_ stages: String, heldOut: Double = 0.2) -> String {
        """
        {"name": "imported", "model": "model", "output": "out", "seed": 3, "stages": [\(stages)],
         "evaluation": {"every": 5, "heldOut": \(heldOut), "pairs": 60}}
        """
    }

    private func stage(_ more: String = "", steps: Int = 12, rate: Double = 2e-3) -> String {
        """
        {"steps": \(steps), "schedule": {"peak": \(rate)}\(more),
         "loss": {"contrastive": {"symmetric": true, "learnsTemperature": true}},
         "data": [{"path": "pairs.tsv", "header": false, "batch": 24, "prompt": "RETRIEVAL_QUERY"}]}
        """
    }

    private func prepare(_ folder: String, _ recipe: String) throws {
        try SmallRun.writePairs(folder)
        try Checkpoints.Checkpoint(path: Self.text).write(to: "\(folder)/model")
        try Folders.write(Array(recipe.utf8), "\(folder)/recipe.json")
    }

    @Test func aTextModelLearnsAndServes() throws {
        try Folders.withTemporary { folder in
            try prepare(folder, recipe(stage(steps: 60)))
            try SmallRun.run(try SmallRun.plan(folder), "\(folder)/out")
            let history = try SmallRun.history("\(folder)/out")
            let (before, after) = (try #require(history.before), try #require(history.after))
            #expect(after.sets[0].sizes[0].forward.recallAt1 > before.sets[0].sizes[0].forward.recallAt1 + 0.2)

            // The folder serves, and what is served is what was evaluated: the vectors have changed.
            let (start, end) = (
                try Embedder(modelPath: "\(folder)/model"), try Embedder(modelPath: "\(folder)/out/model")
            )
            #expect(end.dimensions == start.dimensions)
            let text = Content("a red circle on grass")
            #expect(try end.embed(text).values != start.embed(text).values)
            let tensors = try SafeTensors(path: "\(folder)/out/model/model.safetensors")
            #expect(tensors.metadata["castor.state"] == "trained")
            #expect(tensors.entries.values.allSatisfy { $0.type == .f32 })
        }
    }

    @Test func resumedEqualsUninterrupted() throws {
        try Folders.withTemporary { folder in
            let average = ", \"optimizer\": {\"average\": 0.5}"
            try prepare(folder, recipe(stage(average) + "," + stage(", \"train\": [\"text.head.*\"]", steps: 4)))
            let plan = try SmallRun.plan(folder)
            try SmallRun.run(plan, "\(folder)/whole")
            // In the first stage between checkpoints, at its end, and in the second.
            for stop in [6, 12, 14] {
                let output = "\(folder)/stopped-\(stop)"
                #expect(throws: RunError.interrupted(step: stop)) { try SmallRun.run(plan, output) { $0 == stop } }
                try SmallRun.run(plan, output, resume: true)
                try SmallRun.expectSame("\(folder)/whole", output)
            }
        }
    }

    @Test func chunksChangeNothing() throws {
        try Folders.withTemporary { folder in
            try prepare(folder, recipe(stage()))
            for (name, tokens) in [("whole", 4_096), ("chunks", 40)] {
                try SmallRun.run(
                    try SmallRun.plan(folder, "stages[0].memory.chunkTokens=\(tokens)"), "\(folder)/\(name)")
            }
            let (whole, chunks) = (
                try SmallRun.history("\(folder)/whole").steps, try SmallRun.history("\(folder)/chunks").steps
            )
            for (a, b) in zip(whole, chunks) { #expect(abs(a.loss - b.loss) <= 1e-3 * a.loss, "step \(a.step)") }
        }
    }

    @Test func lockedTensorsStayAsTheyCame() throws {
        try Folders.withTemporary { folder in
            try prepare(folder, recipe(stage(", \"train\": [\"text.layers.1.*\", \"text.head.*\"]")))
            try SmallRun.run(try SmallRun.plan(folder), "\(folder)/out")
            let (old, new) = (
                try SafeTensors(path: "\(folder)/model/model.safetensors"),
                try SafeTensors(path: "\(folder)/out/model/model.safetensors")
            )
            for (name, entry) in old.entries {
                let other = try #require(new.entries[name])
                let isSame = old.file.bytes[entry.range].elementsEqual(new.file.bytes[other.range])
                #expect(isSame == !(name.hasPrefix("text.layers.1.") || name.hasPrefix("text.head.")), "\(name)")
            }
            // Nor are they in checkpoints.
            let checkpoint = try SafeTensors(path: "\(folder)/out/checkpoints/last")
            #expect(!checkpoint.entries.keys.contains { $0.hasSuffix("/text.embedding.weight") })
        }
    }

    // MARK: - What cannot be is said before anything is read

    @Test(arguments: [
        ("stages[0].train=[\"text.heads.*\"]", "stages[0].train[0]: \"text.heads.*\" is the name of no tensor"),
        ("stages[0].optimizer.freeze=[\"*\"]", "stages[0].train: all tensors are locked or frozen"),
        ("stages[0].memory.keep=blockInputs", "stages[0].memory.keep: a model of format castor-2 keeps everything"),
        ("stages[0].data[0].image.keptPatches=0.5", "stages[0].data[0].image.keptPatches: the model looks at all"),
    ]) func whatCannotBeIsSaid(change: String, message: String) throws {
        try Folders.withTemporary { folder in
            try prepare(folder, recipe(stage()))
            let error = #expect(throws: RunError.self) { try SmallRun.plan(folder, change) }
            #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
        }
    }

    @Test func whatHasNoBackwardIsSaid() throws {
        try Folders.withTemporary { folder in
            try prepare(folder, recipe(stage()))
            try FileManager.default.removeItem(atPath: "\(folder)/model")
            try Checkpoints.Checkpoint(path: "\(Folders.fixtures)/families/embedding-gemma2").write(
                to: "\(folder)/model")
            let error = #expect(throws: RunError.self) { try SmallRun.plan(folder) }
            #expect(
                error?.description.hasPrefix(
                    "stages[0].train: text.embedding.weight cannot be trained: the parts of a content pass through one body"
                )
                    == true, "\(error?.description ?? "")")
        }
    }
}
