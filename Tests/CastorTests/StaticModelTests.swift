import Castor
import Checkpoints
import FoundationEssentials
import TestSupport
import Testing

/// Tables of one vector a token, against model2vec and sentence-transformers (tools/reference/make_static.py).
@Suite struct StaticModelTests {
    private struct Golden: Decodable {
        let texts: [String]
        let vectors: [String: [[Double]]]

        static func read() throws -> Golden {
            try JSONDecoder().decode(Golden.self, from: Data(try Folders.read("\(folder)/golden.json")))
        }
    }

    private static let folder = "\(Folders.fixtures)/static"

    private static func withEmbedder<Result>(_ path: String, _ body: (Embedder) throws -> Result) throws -> Result {
        try Folders.withTemporary { out in
            try Checkpoint(path: path).write(to: out)
            return try body(try Embedder(modelPath: out))
        }
    }

    @Test(arguments: ["model2vec", "model2vec-quantized", "model2vec-bytes", "sentences"])
    func textsHaveTheReferencesVectors(name: String) throws {
        let golden = try Golden.read()
        let vectors = try #require(golden.vectors[name])
        try Self.withEmbedder("\(Self.folder)/\(name)") { embedder in
            #expect(embedder.info.family == (name == "sentences" ? "static" : "model2vec"))
            for (text, expected) in zip(golden.texts, vectors) {
                let largest = expected.map(abs).max()!
                // What the reference knows nothing of has a vector of zeros there, which has no direction.
                guard largest > 0 else { continue }
                let vector = try embedder.embed(Content(text)).values
                expectClose(
                    vector.map { $0 / Float(largest) }, expected.map { Float($0 / largest) }, .parity,
                    "\(name): \(text)")
            }
        }
    }

    /// The folder of sentence-transformers' module, of wordllama's two files too: a table and a tokenizer.
    @Test func theTableAloneIsEnough() throws {
        try Folders.withTemporary { folder in
            for name in ["model.safetensors", "tokenizer.json"] {
                try Folders.write(try Folders.read("\(Self.folder)/sentences/\(name)"), "\(folder)/\(name)")
            }
            #expect(Checkpoint.isThere(folder))
            let text = "a sleepy kitten"
            let whole = try Self.withEmbedder("\(Self.folder)/sentences") { try $0.embed(Content(text)).values }
            let alone = try Self.withEmbedder(folder) { try $0.embed(Content(text)).values }
            #expect(alone == whole)
        }
    }

    @Test func whatIsUnknownMakesNoToken() throws {
        try Self.withEmbedder("\(Self.folder)/model2vec") { embedder in
            let plain = try embedder.embed(Content("red car"))
            let mixed = try embedder.embed(Content("red 😀 car"))
            #expect(plain.values == mixed.values)
            #expect(throws: EmbedError.noTokens) { try embedder.embed(Content("😀")) }
        }
    }

    /// Which is not the same as the limit of tokens: a text of long words ends before it.
    @Test func whatIsNotLookedAtIsSaid() throws {
        try Self.withEmbedder("\(Self.folder)/model2vec") { embedder in
            let long = String(repeating: "something ", count: 9)
            let (cut, whole) = (try embedder.embed(Content(long)), try embedder.embed(Content("something")))
            #expect(cut.truncated)
            #expect(!whole.truncated)
        }
    }

    @Test(arguments: [
        ("places", "mapping: holds 40, embeddings has 40 rows"), ("negative", "mapping: holds -1"),
        ("short", "weights: has shape [1], [2] is wanted"), ("kinds", "mapping: has dtype F32, supported: I64"),
        ("flat", "embeddings: has shape [480], a table of vectors has two axes"),
    ]) func tablesThatLieAreRefused(what: String, message: String) throws {
        try Folders.withTemporary { folder in
            for name in ["config.json", "tokenizer.json"] {
                try Folders.write(try Folders.read("\(Self.folder)/model2vec-quantized/\(name)"), "\(folder)/\(name)")
            }
            let places: [Int64] = what == "places" ? [0, 40] : what == "negative" ? [-1, 0] : [0, 1]
            let table = what == "flat" ? "[480]" : "[40,12]"
            let (kind, size) = what == "kinds" ? ("F32", 8) : ("I64", 16)
            let count = what == "short" ? 1 : 2
            let header = """
                {"embeddings":{"dtype":"F32","shape":\(table),"data_offsets":[0,1920]},\
                "mapping":{"dtype":"\(kind)","shape":[2],"data_offsets":[1920,\(1920 + size)]},\
                "weights":{"dtype":"F32","shape":[\(count)],"data_offsets":[\(1920 + size),\(1920 + size + 4 * count)]}}
                """
            var file = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8)
            file += [UInt8](repeating: 0, count: 1920)
            file += places.flatMap { place in withUnsafeBytes(of: place.littleEndian) { Array($0) } }.prefix(size)
            file += [UInt8](repeating: 0, count: 4 * count)
            try Folders.write(file, "\(folder)/model.safetensors")
            let error = #expect(throws: CheckpointError.self) { _ = try Checkpoint(path: folder) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "no error")")
        }
    }
}
