import Castor
import Checkpoints
import Encoder
import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Texts through an imported model as users send them, against sentence-transformers (tools/reference/make_sentences.py).
@Suite struct ImportedModelTests {
    private struct Golden: Decodable {
        let task: String?
        let text: String
        let vector: [Double]

        static func all() throws -> [Golden] {
            try JSONDecoder().decode([Golden].self, from: Data(try Folders.read("\(folder)/golden.json")))
        }

        var options: EmbedOptions {
            var options = EmbedOptions()
            options.task = task.map { $0 == "query" ? .retrievalQuery : .retrievalDocument }
            return options
        }
    }

    private static let folder = "\(Folders.fixtures)/sentences"

    private static func withEmbedder<Result>(
        _ precision: Precision? = nil, _ body: (Embedder) throws -> Result
    ) throws -> Result {
        try Folders.withTemporary { temporary in
            let out = "\(temporary)/model"
            try Checkpoint(path: "\(folder)/model").write(to: out, precision: precision)
            return try body(try Embedder(modelPath: out))
        }
    }

    @Test func textsHaveTheReferencesVectors() throws {
        try Self.withEmbedder { embedder in
            #expect(embedder.dimensions == 12)
            #expect(embedder.info.media == ["text", "document"])
            for golden in try Golden.all() {
                let vector = try embedder.embed(Content(golden.text), options: golden.options).values
                let largest = golden.vector.map(abs).max()!
                expectClose(
                    vector.map { $0 / Float(largest) }, golden.vector.map { Float($0 / largest) }, .parity, golden.text)
            }
        }
    }

    @Test func brainFloatsComeNear() throws {
        try Self.withEmbedder(.bfloat16) { embedder in
            for golden in try Golden.all() {
                let vector = try embedder.embed(Content(golden.text), options: golden.options).values
                let cosine = zip(vector, golden.vector).reduce(0) { $0 + Double($1.0) * $1.1 }
                #expect(cosine > 0.9999, "\(golden.text)")
            }
        }
    }

    @Test func longTextsAreCutOrRefused() throws {
        try Self.withEmbedder { embedder in
            let long = String(repeating: "one two three ", count: 30)
            let cut = try embedder.embed(Content(long))
            #expect(cut.truncated)
            #expect(cut.tokenCount == 32)
            var options = EmbedOptions()
            options.autoTruncate = false
            #expect(throws: EmbedError.tooManyTokens(limit: 30)) { try embedder.embed(Content(long), options: options) }
        }
    }

    /// As one text with the model's joint between them, in whatever order they are batched.
    @Test func textsThatFollowEachOtherAreOne() throws {
        try Self.withEmbedder { embedder in
            let parts = try embedder.embed(Content([.text("a sleepy"), .text("kitten")])).values
            #expect(try embedder.embed(Content("a sleepy\nkitten")).values == parts)
        }
    }

    @Test func tokensThatStandAroundTextsCannotBeWritten() throws {
        try Self.withEmbedder { embedder in
            let written = try embedder.embed(Content("a [SEP] b"))
            let plain = try embedder.embed(Content("a b"))
            #expect(written.tokenCount > plain.tokenCount + 1)
        }
    }

    @Test func whatTheModelDoesNotTakeIsRefused() throws {
        let png = try Folders.read("\(Folders.fixtures)/media/rgba.png")
        let sound = try Folders.read("\(Folders.fixtures)/media/music.mp3")
        try Self.withEmbedder { embedder in
            #expect(throws: EmbedError.unsupportedByModel(part: 2, kind: "images")) {
                try embedder.embed(Content([.text("a"), .data(png, mimeType: nil)]))
            }
            #expect(throws: EmbedError.unsupportedByModel(part: 1, kind: "sounds")) {
                try embedder.embed(Content([.data(sound, mimeType: nil)]))
            }
            var options = EmbedOptions()
            options.dimensions = 13
            #expect(throws: EmbedError.invalidDimensions(13, limit: 12)) {
                try embedder.embed(Content("a"), options: options)
            }
        }
    }

    @Test func documentsAreReadByATextModel() throws {
        let pdf = try Folders.read("\(Folders.fixtures)/media/two-pages.pdf")
        try Self.withEmbedder { embedder in
            let embedding = try embedder.embed(Content([.data(pdf, mimeType: nil)]))
            #expect(embedding.tokenCount > 3)
            #expect(embedding.usage.details.map(\.modality) == [.document])
        }
    }

    @Test func importsAreWholeOrNotThere() throws {
        try Folders.withTemporary { temporary in
            let checkpoint = try Checkpoint(path: "\(Self.folder)/model")
            let out = "\(temporary)/model"
            try checkpoint.write(to: out)
            // What is there is never written over.
            let error = #expect(throws: ModelError.self) { try checkpoint.write(to: out) }
            #expect(error?.description.contains("is there already") == true)
            let missing = "\(temporary)/model/config.json/folder"
            #expect(throws: ModelError.self) { try checkpoint.write(to: missing) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: temporary) == ["model"])
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: out).sorted() == [
                    "config.json", "model.safetensors", "tokenizer.json",
                ])
            // Folders on the way are made.
            try checkpoint.write(to: "\(temporary)/made/on/the/way/")
            #expect(access("\(temporary)/made/on/the/way/config.json", F_OK) == 0)
        }
    }

    /// What a program that was killed left is gone with the next import, but nothing else: no link is followed, no name of another form taken.
    @Test func leftOversAreRemoved() throws {
        try Folders.withTemporary { temporary in
            for name in [
                "model.999999999-5.partial", "other", "model.999999999.partial", "model.\(getpid())-5.partial",
            ] {
                try FileManager.default.createDirectory(
                    atPath: "\(temporary)/\(name)", withIntermediateDirectories: true)
                try Folders.write([1], "\(temporary)/\(name)/file")
            }
            #expect(symlink("other", "\(temporary)/model.999999998-5.partial") == 0)
            try Checkpoint(path: "\(Self.folder)/model").write(to: "\(temporary)/model")
            #expect(access("\(temporary)/other/file", F_OK) == 0)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: temporary).sorted()
                    == [
                        "model", "model.\(getpid())-5.partial", "model.999999998-5.partial", "model.999999999.partial",
                        "other",
                    ].sorted())
        }
    }
}
