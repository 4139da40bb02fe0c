import Foundation
import TestSupport
import Testing

/// `castor train` and `castor join` with open checkpoints, as a user runs them.
@Suite struct ImportedTrainTests {
    private let folder: Workspace
    private static let text = "\(Folders.fixtures)/sentences/model"
    private static let sight = "\(Folders.fixtures)/families/dinov2"

    init() throws {
        folder = try Workspace()
        var pairs = ""
        for one in ["red", "green", "blue", "black", "white"] {
            for two in ["circle", "square", "star", "cross", "ring"] { pairs += "a \(one) \(two)\t\(two), \(one)\n" }
        }
        try folder.write(pairs, "pairs.tsv")
    }

    private func run(_ arguments: String...) throws -> CastorProgram.Outcome {
        try CastorProgram.run(arguments, in: folder, environment: ["XDG_CACHE_HOME": "\(folder.path)/cache"])
    }

    private func writeRecipe(model: String, train: String = "*") throws {
        try folder.write(
            """
            {"model": "\(model)", "output": "out", "stages": [{"steps": 4, "train": ["\(train)"], "schedule": {"peak": 0.001},
             "data": [{"path": "pairs.tsv", "header": false, "batch": 8}]}], "evaluation": {"every": 0, "heldOut": 0}}
            """, "recipe.json")
    }

    /// The hub's own folder does as a recipe's model.
    @Test func aCheckpointIsFineTuned() throws {
        try writeRecipe(model: Self.text)
        let outcome = try run("train", "recipe.json")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let before = try Answer(run("embed", "--model", Self.text, "a red star").text).embedding.values
        let after = try Answer(run("embed", "--model", "out/model", "a red star").text).embedding.values
        #expect(after.count == before.count && after != before)
        let info = try run("info", "--model", "out/model")
        #expect(info.lines.contains { $0.hasPrefix("format ") && $0.contains("castor-2") })
        #expect(try run("train", "recipe.json", "--resume").status == 0)
    }

    @Test func eightBitsAreNotTrained() throws {
        #expect(try run("import", Self.text, "int8", "--precision", "int8").status == 0)
        let info = try run("info", "--model", "int8")
        #expect(info.lines.contains { $0.hasPrefix("weights ") && $0.contains("I8, ") })
        try writeRecipe(model: "int8")
        for outcome in [
            try run("train", "recipe.json"), try run("join", "int8", "joined", "--image", Self.sight),
        ] {
            #expect(outcome.status == 65)
            #expect(outcome.errors.contains("is in eight bits, which cannot be trained, joined or averaged"))
        }
    }

    @Test func whatHasNoBackwardEndsBeforeItBegins() throws {
        try writeRecipe(model: "\(Folders.fixtures)/families/embedding-gemma2")
        let outcome = try run("train", "recipe.json")
        #expect(outcome.status == 65)
        #expect(outcome.errors.contains("castor: stages[0].train: text.embedding.weight cannot be trained"))
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out/metrics.jsonl"))
    }

    @Test func aTowerIsJoined() throws {
        let outcome = try run("join", Self.text, "joined", "--image", Self.sight, "--name", "sees")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("joined: image.head.0.weight, image.head.0.bias to be trained, seed 1"))
        let info = try run("info", "--model", "joined")
        #expect(info.lines.contains { $0.hasPrefix("model ") && $0.contains("sees") })
        let text = try run("embed", "--model", "joined", "a red star")
        #expect(
            try Answer(text.text).embedding.values
                == Answer(run("embed", "--model", Self.text, "a red star").text).embedding.values)
        let picture = try run("embed", "--model", "joined", "@\(Folders.fixtures)/media/rgb.png")
        #expect(try Answer(picture.text).embedding.values.count == 12)

        // The same seed gives the same folder, another one another.
        _ = try run("join", Self.text, "again", "--image", Self.sight, "--name", "sees")
        _ = try run("join", Self.text, "other", "--image", Self.sight, "--name", "sees", "--seed", "2")
        let weights = try folder.bytes("joined/model.safetensors")
        #expect(try folder.bytes("again/model.safetensors") == weights)
        #expect(try folder.bytes("other/model.safetensors") != weights)
    }

    @Test func aSoundTowerIsJoined() throws {
        let outcome = try run("join", Self.text, "joined", "--audio", "\(Folders.fixtures)/sounds/whisper")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("joined: audio.head.0.weight, audio.head.0.bias to be trained, seed 1"))
        let sound = try run("embed", "--model", "joined", "@\(Folders.fixtures)/media/chirp-8k.wav")
        #expect(try Answer(sound.text).embedding.values.count == 12)
        #expect(try run("embed", "--model", "joined", "@\(Folders.fixtures)/media/rgb.png").status == 65)
        #expect(try run("join", Self.text, "out", "--audio", Self.sight).errors.contains("has no sound tower"))
    }

    @Test func whatCannotBeJoinedIsNamed() throws {
        #expect(try run("join", Self.text, "out").status == 64)
        #expect(try run("join", Self.text, "out", "--image", "nowhere").status == 66)
        let noTower = try run("join", Self.text, "out", "--image", Self.text)
        #expect(noTower.status == 65)
        #expect(noTower.errors.contains("has no picture tower with vectors of its own"))
        let noText = try run("join", Self.sight, "out", "--image", Self.sight)
        #expect(noText.status == 65)
        #expect(noText.errors.contains("has no texts with vectors of their own"))
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out"))
        try folder.write("here", "taken")
        #expect(try run("join", Self.text, "taken", "--image", Self.sight).status == 73)
    }
}
