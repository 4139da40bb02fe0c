import Checkpoints
import Encoder
import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Folders that somebody else made, to do harm or by mistake: an error each, which names what is in the way.
@Suite struct HostileFolderTests {
    private static let bert = "\(Folders.fixtures)/families/bert"
    private static let sentences = "\(Folders.fixtures)/sentences/model"

    private static func withCopy<Result>(_ source: String = bert, _ body: (String) throws -> Result) throws -> Result {
        try Folders.withTemporary { temporary in
            let folder = "\(temporary)/model"
            try FileManager.default.copyItem(atPath: source, toPath: folder)
            return try body(folder)
        }
    }

    /// What import says, or `written`.
    private static func outcome(_ folder: String) throws -> String {
        do {
            try Checkpoint(path: folder).write(to: "\(folder).out")
            return "written"
        } catch { return "\(error)" }
    }

    private static func expectOutcome(
        _ folder: String, _ words: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let outcome = try outcome(folder)
        #expect(outcome.contains(words), sourceLocation: sourceLocation)
    }

    /// What is said when a file of the tiny BERT holds something else.
    private static func outcome(_ name: String, _ bytes: [UInt8]) throws -> String {
        try withCopy { folder in
            try Folders.write(bytes, "\(folder)/\(name)")
            return try outcome(folder)
        }
    }

    /// As they came, too: a matrix of which a text reads few rows says so when it is imported.
    @Test(arguments: [nil, .bfloat16, .int8] as [Precision?]) func valuesThatAreNoneAreNamed(precision: Precision?)
        throws
    {
        try Self.withCopy { folder in
            let whole = try SafeTensors(path: "\(folder)/model.safetensors")
            for (name, bytes) in [
                ("embeddings.word_embeddings.weight", [0, 0, 0x80, 0xff]),
                ("encoder.layer.1.output.dense.weight", [1, 0, 0xc0, 0x7f]),
            ] as [(String, [UInt8])] {
                let range = try #require(whole.entries[name]).range
                var changed = Array(whole.file.bytes)
                changed.replaceSubrange(range.upperBound - 4..<range.upperBound, with: bytes)
                try Folders.write(changed, "\(folder)/model.safetensors")
                let error = #expect(throws: ModelError.self) {
                    try Checkpoint(path: folder).write(to: "\(folder).out", precision: precision)
                }
                #expect(error?.description.contains("holds a value that is not finite") == true)
                #expect(error?.description.contains("weight") == true)
            }
        }
    }

    /// Rows that another module lacks: together they are as many as they should be.
    @Test func modulesHaveTheirOwnRows() throws {
        try Self.withCopy { folder in
            let whole = try SafeTensors(path: "\(folder)/model.safetensors")
            let prefix = "encoder.layer.0.attention.self."
            let tensors = whole.entries.sorted { $0.key < $1.key }.map { key, entry in
                var shape = entry.shape
                if key == prefix + "query.weight" { shape[0] -= 2 }
                if key == prefix + "key.weight" { shape[0] += 2 }
                return StreamedTensor(name: key, type: entry.type, shape: shape) { (sink) throws(ModelError) in
                    let zeros = [UInt8](repeating: 0, count: shape.reduce(entry.type.byteCount, *))
                    let result: Result<Void, ModelError> = zeros.withUnsafeBytes { bytes in
                        do throws(ModelError) { return .success(try sink(bytes)) } catch { return .failure(error) }
                    }
                    try result.get()
                }
            }
            try SafeTensors.write(streaming: tensors, metadata: [:], to: "\(folder)/model.safetensors")
            let rows = try #require(whole.entries[prefix + "query.weight"]).shape[0]
            try Self.expectOutcome(folder, "query.weight: has shape [\(rows - 2), ")
            try Self.expectOutcome(folder, ", \(rows) rows are wanted")
        }
    }

    /// No values, and axes whose product is no number.
    @Test func emptyTensorsMayHaveAnyAxes() throws {
        try Self.withCopy { folder in
            let whole = try SafeTensors(path: "\(folder)/model.safetensors")
            let name = "embeddings.word_embeddings.weight"
            let tensors = whole.entries.sorted { $0.key < $1.key }.map { key, entry in
                let shape = key == name ? [0, 1 << 32, 1 << 32] : entry.shape
                return StreamedTensor(name: key, type: entry.type, shape: shape) { (sink) throws(ModelError) in
                    if key != name { try sink(UnsafeRawBufferPointer(rebasing: whole.file.bytes[entry.range])) }
                }
            }
            try SafeTensors.write(streaming: tensors, metadata: [:], to: "\(folder)/model.safetensors")
            try Self.expectOutcome(folder, "tensor \(name): has shape [0, 4294967296, 4294967296]")
        }
    }

    /// Weights that cannot be opened once they are written: nothing is left of them.
    @Test func aModelThatDoesNotOpenIsNoResult() throws {
        try Self.withCopy { folder in
            let weights = try SafeTensors(path: "\(folder)/model.safetensors")
            let norm = try #require(weights.entries["embeddings.LayerNorm.weight"])
            var bytes = Array(weights.file.bytes)
            bytes.replaceSubrange(norm.range.prefix(4), with: [0, 0, 0xc0, 0x7f])
            try Folders.write(bytes, "\(folder)/model.safetensors")
            try Self.expectOutcome(folder, "holds a value that is not finite")
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/..") == ["model"])
        }
    }

    // MARK: - Links and other things that are no files

    @Test(arguments: ["config.json", "tokenizer.json", "model.safetensors"])
    func linksOutOfTheFolderAreRefused(name: String) throws {
        try Self.withCopy { folder in
            #expect(rename("\(folder)/\(name)", "\(folder)/../\(name)") == 0)
            #expect(symlink("../\(name)", "\(folder)/\(name)") == 0)
            try Self.expectOutcome(folder, "model/\(name): is a link out of the folder, to ")
            // One that stays inside is none of our business.
            #expect(rename("\(folder)/../\(name)", "\(folder)/other") == 0)
            unlink("\(folder)/\(name)")
            #expect(symlink("other", "\(folder)/\(name)") == 0)
            try Self.expectOutcome(folder, "written")
        }
    }

    @Test func foldersInsideMayNotLeadOut() throws {
        try Self.withCopy(Self.sentences) { folder in
            #expect(rename("\(folder)/1_Pooling", "\(folder)/../pooling") == 0)
            #expect(symlink("../pooling", "\(folder)/1_Pooling") == 0)
            try Self.expectOutcome(folder, "is a link out of the folder")
        }
    }

    /// The hub's own cache is made of links.
    @Test func theHubsCacheIsRead() throws {
        try Folders.withTemporary { cache in
            for folder in ["blobs", "snapshots", "snapshots/1234"] { #expect(mkdir("\(cache)/\(folder)", 0o755) == 0) }
            for name in ["config.json", "tokenizer.json", "model.safetensors"] {
                try Folders.write(try Folders.read("\(Self.bert)/\(name)"), "\(cache)/blobs/\(name)-hash")
                #expect(symlink("../../blobs/\(name)-hash", "\(cache)/snapshots/1234/\(name)") == 0)
            }
            try Self.expectOutcome("\(cache)/snapshots/1234", "written")
        }
    }

    @Test func linksToNothingArePassedOverByNobody() throws {
        try Self.withCopy(Self.sentences) { folder in
            unlink("\(folder)/1_Pooling/config.json")
            #expect(symlink("nowhere", "\(folder)/1_Pooling/config.json") == 0)
            try Self.expectOutcome(folder, "1_Pooling/config.json")
        }
    }

    @Test(arguments: ["config.json", "tokenizer.json", "model.safetensors"]) func pipesAreNotWaitedFor(name: String)
        throws
    {
        try Self.withCopy { folder in
            unlink("\(folder)/\(name)")
            #expect(mkfifo("\(folder)/\(name)", 0o600) == 0)
            try Self.expectOutcome(folder, "not a regular file")
            unlink("\(folder)/\(name)")
            #expect(mkdir("\(folder)/\(name)", 0o755) == 0)
            try Self.expectOutcome(folder, "not a regular file")
        }
    }

    // MARK: - JSON

    @Test(arguments: [
        (String(repeating: "[", count: 1_000_000), "nested more than 64 deep"),
        (String(repeating: "{\"a\":", count: 1_000_000), "nested more than 64 deep"),
        ("[" + String(repeating: "1,", count: 2_100_000) + "1]", "more than 2000000 values"),
        ("{\"model_type\":1e999}", "neither a number"), ("{\"model_type\":-}", "line 1"),
        ("{\"model_type\":NaN}", "line 1"),
        ("{\"model_type\":\"bert\",\"model_type\":\"bert\"}", "is given twice"), ("[]", "is not an object"),
        ("\"bert\"", "is not an object"), ("", "missing at the end"),
        ("{\"model_type\":7}", "model_type: is 7, not a text"),
        ("{\"model_type\":\"\u{1b}[2J\"}", "line 1"), ("{}", "model_type: is missing"),
        (String(repeating: " ", count: 17 << 20), "is larger than 16 MiB"),
    ]) func configurationsThatAreNoneAreRefused(text: String, reason: String) throws {
        let outcome = try Self.outcome("config.json", Array(text.utf8))
        #expect(outcome.contains("config.json"), "\(outcome.prefix(300))")
        #expect(outcome.contains(reason), "\(outcome.prefix(300))")
    }

    @Test func aMillionFieldsAreRead() throws {
        let config = String(decoding: try Folders.read("\(Self.bert)/config.json"), as: UTF8.self)
        let fields = (0..<1_000_000).map { "\"k\($0)\":1," }.joined()
        #expect(try Self.outcome("config.json", Array("{\(fields)\(config.dropFirst())".utf8)) == "written")
    }

    /// Every field of every family's configuration has every odd value once: an error that names a file, field or tensor, or a model that opens.
    @Test(arguments: FamilyTests.families + ["clip", "siglip", "dinov2", "dinov2-gated", "embedding-gemma2-vision"])
    func fieldsMayHoldAnything(family: String) throws {
        try Self.withCopy("\(Folders.fixtures)/families/\(family)") { folder in
            let config = String(decoding: try Folders.read("\(folder)/config.json"), as: UTF8.self)
            let lines = config.split(separator: "\n", omittingEmptySubsequences: false)
            let odd = [
                "-1", "0", "1", "3", "2147483648", "9007199254740993", "-9223372036854775809", "1e300", "-0.5", "1e-40",
                "\"x\"", "[]", "{}", "null", "true", "[-1]", "[{}]",
            ]
            for (index, line) in lines.enumerated() {
                guard let colon = line.firstIndex(of: ":"), !line.hasSuffix("{"), !line.hasSuffix("[") else { continue }
                let comma = line.hasSuffix(",") ? "," : ""
                for value in odd {
                    var changed = lines
                    changed[index] = "\(line[...colon]) \(value)\(comma)"
                    try Folders.write(Array(changed.joined(separator: "\n").utf8), "\(folder)/config.json")
                    do {
                        let checkpoint = try Checkpoint(path: folder)
                        #expect(checkpoint.weightBytes() < 1 << 24)
                        #expect(try ModelSpec(json: checkpoint.spec.json) == checkpoint.spec, "\(line): \(value)")
                    } catch let error as CheckpointError {
                        let named = ["config.json", "tensor ", "tokenizer.json", "the configuration asks"]
                        #expect(named.contains { error.description.contains($0) }, "\(line): \(value): \(error)")
                    }
                }
            }
        }
    }

    // MARK: - Tokenizers

    private static func tokenizer(_ vocabulary: String, added: String = "[]", processor: String = "null") -> [UInt8] {
        Array(
            """
            {"version": "1.0", "added_tokens": \(added), "post_processor": \(processor),
             "model": {"type": "WordLevel", "vocab": \(vocabulary), "unk_token": "a"}}
            """.utf8)
    }

    @Test(
        arguments: [
            (tokenizer("{\"a\": 0, \"b\": 1, \"c\": 1}"), "model.vocab: \"c\" has the id 1, as another"),
            (tokenizer("{\"a\": 0, \"b\": 60}"), "model.vocab: has ids up to 60, the embedding has 60 rows"),
            (tokenizer("{\"a\": 0, \"b\": 2147483646}"), "from 0 to 4194304"),
            (tokenizer("{\"a\": 0, \"b\": -1}"), "whole number"),
            (tokenizer("{\"a\": 0, \"b\": 1e300}"), "whole number"),
            (tokenizer("{\"a\": 0, \"b\": 0.5}"), "whole number"),
            (tokenizer("{\"a\": 0, \"b\": \"1\"}"), "number"), (tokenizer("[]"), "model.vocab"),
            (tokenizer("7"), "object"),
            // The library numbers added tokens behind as many pieces as there are: here where there is one already.
            (
                tokenizer("{\"a\": 0, \"b\": 2}", added: "[{\"id\": 3, \"content\": \"<x>\", \"special\": true}]"),
                "model.vocab: \"b\" has the id 2, as another piece or token has"
            ),
            (
                tokenizer(
                    "{\"a\": 0}",
                    processor:
                        "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"x\"}}], \"special_tokens\": {\"x\": {\"id\": \"x\", \"ids\": [99], \"tokens\": [\"x\"]}}}"
                ), "sequence: 99 is outside 0...59"
            ), (tokenizer("{}", processor: String(repeating: "[", count: 100_000)), "tokenizer.json"),
            (
                Array(
                    "{\"version\": \"9\", \"model\": {\"type\": \"WordLevel\", \"vocab\": {\"a\": 0}, \"unk_token\": \"a\"}}"
                        .utf8), "9"
            ),
            (Array("{}".utf8), "model: is missing"), ([], "tokenizer.json"), ([0xff, 0xfe], "not UTF-8"),
        ] as [([UInt8], String)]) func vocabulariesThatLieAreRefused(file: [UInt8], reason: String) throws
    {
        let outcome = try Self.outcome("tokenizer.json", file)
        #expect(outcome.contains(reason), "\(outcome)")
    }

    /// An id that no piece has costs nothing.
    @Test func gapsAreNoHarm() throws {
        #expect(try Self.outcome("tokenizer.json", Self.tokenizer("{\"a\": 0, \"b\": 7}")) == "written")
    }

    // MARK: - Files of weights

    @Test(
        arguments: [
            (TorchFileMaker.bytes(UInt64(1) << 60), "header size 1152921504606846976 is above the limit"),
            (TorchFileMaker.bytes(UInt64.max), "above the limit"), ([1, 2, 3], "too few for a header"), ([], "too few"),
            (TorchFileMaker.bytes(UInt64(100)), "goes beyond the end of the file"),
            (Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8), "pointer of Git LFS"),
        ] as [([UInt8], String)]) func headersThatLieAreRefused(file: [UInt8], reason: String) throws
    {
        let outcome = try Self.outcome("model.safetensors", file)
        #expect(outcome.contains("model.safetensors"))
        #expect(outcome.contains(reason), "\(outcome)")
    }

    @Test(arguments: [
        ("{\"weight_map\": {\"a\": \"absent.safetensors\"}}", "absent.safetensors: no such file"),
        ("{\"weight_map\": {\"a\": \"../model.safetensors\"}}", "\"../model.safetensors\" is not a file of the folder"),
        ("{\"weight_map\": {\"a\": \"/etc/passwd\"}}", "\"/etc/passwd\" is not a file of the folder"),
        ("{\"weight_map\": {\"a\": \"config.json\"}}", "\"config.json\" is not a file of the kind .safetensors"),
        ("{\"weight_map\": {\"a\": \"..\"}}", "\"..\" is not a file of the kind"),
        ("{\"weight_map\": {\"a\": 7}}", "weight_map: names 0 files"),
        ("{\"weight_map\": []}", "weight_map: names 0 files"),
        ("{}", "weight_map: names 0 files"), ("[]", "is not an object"),
        (
            "{\"weight_map\": {\((0..<1_001).map { "\"t\($0)\": \"\($0).safetensors\"" }.joined(separator: ","))}}",
            "weight_map: names 1001 files"
        ),
        ("{\"weight_map\": {\"a\": \"a.safetensors\", \"b\": \"b.safetensors\"}}", "is in two files"),
    ]) func indicesThatLieAreRefused(index: String, reason: String) throws {
        try Self.withCopy { folder in
            #expect(rename("\(folder)/model.safetensors", "\(folder)/a.safetensors") == 0)
            try FileManager.default.copyItem(atPath: "\(folder)/a.safetensors", toPath: "\(folder)/b.safetensors")
            try Folders.write(Array(index.utf8), "\(folder)/model.safetensors.index.json")
            let outcome = try Self.outcome(folder)
            #expect(outcome.contains(reason), "\(outcome)")
        }
    }

    @Test func otherKindsOfWeightsAreNamed() throws {
        try Self.withCopy { folder in
            #expect(rename("\(folder)/model.safetensors", "\(folder)/tf_model.h5") == 0)
            try Self.expectOutcome(folder, "tf_model.h5: weights are read from safetensors and pytorch_model.bin alone")
            unlink("\(folder)/tf_model.h5")
            try Self.expectOutcome(folder, "model.safetensors")
            try Self.expectOutcome("\(folder)/config.json", "is a file; a checkpoint is a folder")
        }
    }

    /// A small file whose tensors are all the same bytes is no model of many layers.
    @Test func tensorsThatAreRepeatedAreBounded() throws {
        let layers = 250
        let tensors = try SafeTensors(path: "\(Self.bert)/model.safetensors").entries
        let (rows, columns) = (60, 20)
        let storage = TorchFileMaker.storage(count: rows * columns)
        var items: [(String, [UInt8])] = []
        for (name, entry) in tensors where !name.contains("layer.1.") {
            let strides = entry.shape.count == 2 ? [entry.shape[1], 1] : [1]
            // Positions have more values than there are: none of them differ.
            let shape = entry.shape[0] > rows ? [rows] + entry.shape.dropFirst() : entry.shape
            let tensor = TorchFileMaker.tensor(storage, shape: shape, strides: strides)
            for layer in 0..<(name.contains("layer.0.") ? layers : 1) {
                items.append((name.replacing("layer.0.", with: "layer.\(layer)."), tensor))
            }
        }
        try Self.withCopy { folder in
            unlink("\(folder)/model.safetensors")
            let file = TorchFileMaker.file(
                TorchFileMaker.stateDict(items), values: [UInt8](repeating: 0, count: 4 * rows * columns))
            try Folders.write(file, "\(folder)/pytorch_model.bin")
            let config = String(decoding: try Folders.read("\(folder)/config.json"), as: UTF8.self)
                .replacing("\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": \(layers)")
                .replacing("\"max_position_embeddings\": 602", with: "\"max_position_embeddings\": \(rows)")
            try Folders.write(Array(config.utf8), "\(folder)/config.json")
            try Self.expectOutcome(folder, "bytes of weights, the files' tensors are repeated")
        }
    }
}
