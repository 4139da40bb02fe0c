import Castor
import CastorNumerics
import Checkpoints
import Encoder
import Foundation
import TestSupport
import Testing
import Training

/// Trainings of models with pictures or sounds: CLIP's kind whole, and towers joined to a text model.
@Suite struct JoinedTrainingTests {
    /// A small BERT with a dense head.
    private static let text = "\(Folders.fixtures)/sentences/model"

    /// Squares whose colour a text names.
    private func writePictures(_ folder: String) throws {
        let colours: [(String, [UInt8])] = [
            ("red", [220, 30, 30]), ("green", [30, 200, 40]), ("blue", [30, 50, 220]), ("yellow", [230, 220, 40]),
            ("black", [10, 10, 10]), ("white", [245, 245, 245]),
        ]
        try FileManager.default.createDirectory(atPath: "\(folder)/pictures", withIntermediateDirectories: true)
        var lines = ""
        for (name, colour) in colours {
            for side in [20, 28, 36, 44] {
                let pixels = (0..<side * side).flatMap { index -> [UInt8] in
                    let isInside = index / side > side / 5 && index % side > side / 5
                    return isInside ? colour : [128, 128, 128]
                }
                try Folders.write(Self.bitmap(side, pixels), "\(folder)/pictures/\(name)-\(side).bmp")
                lines += """
                    {"query": {"parts": [{"text": "\(name)"}]}, \
                    "positive": {"parts": [{"fileData": {"mimeType": "image/bmp", "fileUri": "pictures/\(name)-\(side).bmp"}}]}}

                    """
            }
        }
        try Folders.write(Array(lines.utf8), "\(folder)/pictures.jsonl")
    }

    /// A file of 24 bits a pixel.
    private static func bitmap(_ side: Int, _ pixels: [UInt8]) -> [UInt8] {
        func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 255) } }
        let row = (3 * side + 3) / 4 * 4
        var bytes = Array("BM".utf8) + little(54 + row * side, 4) + little(0, 4) + little(54, 4)
        bytes += little(40, 4) + little(side, 4) + little(side, 4) + little(1, 2) + little(24, 2)
        bytes += little(0, 4) + little(row * side, 4) + little(2_835, 4) + little(2_835, 4) + little(0, 8)
        for y in (0..<side).reversed() {
            for x in 0..<side { bytes += pixels[3 * (y * side + x)..<3 * (y * side + x) + 3].reversed() }
            bytes += [UInt8](repeating: 0, count: row - 3 * side)
        }
        return bytes
    }

    private func joinedRecipe(_ train: String, steps: Int = 60) -> String {
        """
        {"name": "joined", "model": "joined", "output": "out", "seed": 3,
         "stages": [{"steps": \(steps), "train": \(train), "schedule": {"peak": 0.02},
         "loss": {"contrastive": {"symmetric": true}}, "data": [{"path": "pictures.jsonl", "batch": 12}]}],
         "evaluation": {"every": 0, "heldOut": 0.25}}
        """
    }

    private func join(_ folder: String) throws {
        try Checkpoints.Checkpoint(path: Self.text).write(to: "\(folder)/text")
        try Checkpoints.Checkpoint(path: "\(Folders.fixtures)/families/dinov2").write(to: "\(folder)/sight")
        try JoinedModel(text: "\(folder)/text", image: "\(folder)/sight", audio: nil).write(
            to: "\(folder)/joined", seed: 1)
    }

    private func loss(_ folder: String) throws -> (first: Double, last: Double) {
        let steps = try SmallRun.history("\(folder)/out").steps
        return (Double(steps[0].loss), Double(try #require(steps.last).loss))
    }

    @Test func aLockedPictureTowerLearnsTheTextsSpace() throws {
        try Folders.withTemporary { folder in
            try writePictures(folder)
            try join(folder)
            try Folders.write(Array(joinedRecipe("[\"image.head.*\"]").utf8), "\(folder)/recipe.json")
            try SmallRun.run(try SmallRun.plan(folder), "\(folder)/out")
            let loss = try loss(folder)
            #expect(loss.last < 0.7 * loss.first)

            // Texts are as they were, to the bit.
            let (before, after) = (
                try Embedder(modelPath: "\(folder)/text"), try Embedder(modelPath: "\(folder)/out/model")
            )
            #expect(try before.embed(Content("red")).values == after.embed(Content("red")).values)
            #expect(after.info.media.contains("image"))
        }
    }

    @Test func theWholeOfBothCanBeTrained() throws {
        try Folders.withTemporary { folder in
            try writePictures(folder)
            try join(folder)
            let train = "[\"text.*\", \"image.patch.*\", \"image.layers.*\", \"image.norm.*\", \"image.head.*\"]"
            try Folders.write(Array(joinedRecipe(train, steps: 3).utf8), "\(folder)/recipe.json")
            try SmallRun.run(try SmallRun.plan(folder), "\(folder)/out")
            #expect(try SmallRun.history("\(folder)/out").steps.count == 3)
        }
    }

    /// Tones whose height a text names.
    private func writeSounds(_ folder: String) throws {
        try FileManager.default.createDirectory(atPath: "\(folder)/sounds", withIntermediateDirectories: true)
        var lines = ""
        for (name, hertz) in [("low", 150.0), ("middle", 600), ("high", 2_500), ("shrill", 6_000)] {
            for number in 0..<6 {
                let samples = (0..<16_000).map { index in
                    Int16(20_000 * sin(2 * Double.pi * hertz * (1 + 0.01 * Double(number)) * Double(index) / 16_000))
                }
                let file = "sounds/\(name)-\(number).wav"
                try Folders.write(Made.wave(samples), "\(folder)/\(file)")
                lines += """
                    {"query": {"parts": [{"text": "\(name)"}]}, \
                    "positive": {"parts": [{"fileData": {"mimeType": "audio/wav", "fileUri": "\(file)"}}]}}

                    """
            }
        }
        try Folders.write(Array(lines.utf8), "\(folder)/pictures.jsonl")
    }

    @Test func aLockedSoundTowerLearnsTheTextsSpace() throws {
        try Folders.withTemporary { folder in
            try writeSounds(folder)
            try Checkpoints.Checkpoint(path: Self.text).write(to: "\(folder)/text")
            try Checkpoints.Checkpoint(path: "\(Folders.fixtures)/sounds/whisper").write(to: "\(folder)/hearing")
            try JoinedModel(text: "\(folder)/text", image: nil, audio: "\(folder)/hearing").write(
                to: "\(folder)/joined", seed: 1)
            try Folders.write(Array(joinedRecipe("[\"audio.head.*\"]").utf8), "\(folder)/recipe.json")
            try SmallRun.run(try SmallRun.plan(folder), "\(folder)/out")
            let loss = try loss(folder)
            #expect(loss.last < 0.8 * loss.first)
            let (before, after) = (
                try Embedder(modelPath: "\(folder)/text"), try Embedder(modelPath: "\(folder)/out/model")
            )
            #expect(try before.embed(Content("low")).values == after.embed(Content("low")).values)
            #expect(after.info.media.contains("audio"))
        }
    }

    // MARK: - One model of both

    /// A word an id, and the end's after them.
    private static let words = """
        {"added_tokens": [], "pre_tokenizer": {"type": "Whitespace"}, "post_processor": {"type": "TemplateProcessing", \
        "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<end>", "type_id": 0}}], "pair": [], \
        "special_tokens": {"<end>": {"id": "<end>", "ids": [59], "tokens": ["<end>"]}}}, "model": {"type": "WordLevel", \
        "unk_token": "<unknown>", "vocab": {"<unknown>": 0, "red": 5, "green": 6, "blue": 7, "yellow": 8, "black": 9, \
        "white": 10, "<end>": 59}}}
        """

    /// Text and pictures of one CLIP from pairs; then pictures are nearest to their own word.
    @Test func aModelOfCLIPsKindLearnsPairs() throws {
        try Folders.withTemporary { folder in
            try writePictures(folder)
            try FileManager.default.copyItem(
                atPath: "\(Folders.fixtures)/families/clip", toPath: "\(folder)/clip")
            try Folders.write(Array(Self.words.utf8), "\(folder)/clip/tokenizer.json")
            try Checkpoints.Checkpoint(path: "\(folder)/clip").write(to: "\(folder)/joined")
            try Folders.write(Array(joinedRecipe("[\"*\"]").utf8), "\(folder)/recipe.json")
            try SmallRun.run(try SmallRun.plan(folder), "\(folder)/out")
            let loss = try loss(folder)
            #expect(loss.last < 0.7 * loss.first)

            let model = try Embedder(modelPath: "\(folder)/out/model")
            let names = ["red", "green", "blue", "yellow", "black", "white"]
            let texts = try names.map { try model.embed(Content($0)).values }
            var found = 0
            for (index, name) in names.enumerated() {
                let picture = try model.embed(
                    [.data(Folders.read("\(folder)/pictures/\(name)-28.bmp"), mimeType: nil)]
                ).values
                let scores = texts.map { zip($0, picture).reduce(0) { $0 + $1.0 * $1.1 } }
                if scores.indices.max(by: { scores[$0] < scores[$1] }) == index { found += 1 }
            }
            #expect(found >= 5, "\(found) of 6")
        }
    }
}
