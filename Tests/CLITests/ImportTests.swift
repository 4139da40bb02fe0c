import Foundation
import Glibc
import TestSupport
import Testing

/// `castor import`, and the other commands with what it makes.
@Suite struct ImportTests {
    private let folder: Workspace
    private static let checkpoint = "\(Folders.fixtures)/sentences/model"

    init() throws {
        folder = try Workspace()
    }

    private func run(_ arguments: String...) throws -> CastorProgram.Outcome {
        try CastorProgram.run(arguments, in: folder, environment: ["XDG_CACHE_HOME": "\(folder.path)/cache"])
    }

    @Test func importedModelsEmbed() throws {
        let outcome = try run("import", Self.checkpoint, "small", "--name", "small-one")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("small-one, bert, text, document"))
        let embedding = try Answer(run("embed", "--model", "small", "a sleepy kitten").text).embedding
        #expect(embedding.values.count == 12)
        let info = try run("info", "--model", "small")
        #expect(info.lines.contains { $0.hasPrefix("format ") && $0.contains("castor-2") })
        #expect(info.lines.contains { $0.hasPrefix("prompts ") && $0.contains("document, query") })
        #expect(try run("import", Self.checkpoint, "small").status == 73)
    }

    @Test func promptsCanBeGiven() throws {
        let outcome = try run("import", Self.checkpoint, "prompted", "--prompt", "query=find: ")
        #expect(outcome.status == 0)
        let asked = try run("embed", "--model", "prompted", "--task", "RETRIEVAL_QUERY", "kittens")
        let written = try run("embed", "--model", "prompted", "find: kittens")
        #expect(try Answer(asked.text).embedding.values == Answer(written.text).embedding.values)
        #expect(try run("import", Self.checkpoint, "other", "--prompt", "query").status == 64)
    }

    /// Nothing half written stays.
    @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func stoppedInTheMiddle(signal: Int32) throws {
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/hub", withIntermediateDirectories: false)
        try FileManager.default.copyItem(
            atPath: "\(Folders.fixtures)/static/sentences/tokenizer.json", toPath: "\(folder.path)/hub/tokenizer.json")
        // Holes of a file: 512 MiB of zeros.
        let rows = 1 << 19
        var header = #"{"embedding.weight":{"dtype":"F32","shape":[\#(rows),256],"data_offsets":[0,\#(rows << 10)]}}"#
        while header.utf8.count % 8 != 0 { header += " " }
        var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { [UInt8]($0) }
        bytes += Array(header.utf8)
        try Folders.write(bytes, "\(folder.path)/hub/model.safetensors")
        truncate("\(folder.path)/hub/model.safetensors", bytes.count + rows << 10)
        var running: Running
        // An import that was quicker than the test begins anew.
        repeat {
            try? FileManager.default.removeItem(atPath: "\(folder.path)/out")
            running = try CastorProgram.start(["import", "hub", "out", "--precision", "int8"], in: folder)
        } while try !running.signal(signal) {
            try FileManager.default.contentsOfDirectory(atPath: folder.path).contains { $0.hasSuffix(".partial") }
        }
        #expect(try running.wait().status == 128 + signal)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("out") }
        #expect(left == [] || left == ["out"])
    }

    /// A model's file that is cut while it is read through memory.
    @Test func weightsThatBecomeShorterEndTheProgramWithAReason() throws {
        #expect(try run("import", Self.checkpoint, "small").status == 0)
        let server = try RunningServer(["--model", "small"], in: folder)
        let path = "/v1beta/models/gemini-embedding-2:embedContent"
        func body(_ text: String) -> String { #"{"content":{"parts":[{"text":"\#(text)"}]}}"# }
        #expect(try server.request("POST", path, body("a sleepy kitten")).status == 200)
        #expect(truncate("\(folder.path)/small/model.safetensors", 0) == 0)
        let connection = try server.connect()
        // A client that hangs up is computed nothing for.
        defer { connection.close() }
        try connection.send("POST", path, body("a red car"), headers: [])
        let outcome = try server.running.wait()
        #expect(outcome.status == 74)
        #expect(outcome.errors.contains("a file became shorter, or could not be read, while it was used"))
    }

    /// What a file holds is not repeated in megabytes; a damaged copy in the cache is called one.
    @Test func messagesAreBoundedAndNameTheCache() throws {
        try FileManager.default.copyItem(atPath: Self.checkpoint, toPath: "\(folder.path)/hub")
        let configuration = try String(contentsOfFile: "\(Self.checkpoint)/config.json", encoding: .utf8)
        try folder.write(
            configuration.replacing(
                "\"model_type\": \"bert\"", with: "\"model_type\": \"\(String(repeating: "b", count: 1 << 20))\""),
            "hub/config.json")
        let long = try run("import", "hub", "out")
        #expect(long.status == 65 && long.errors.utf8.count < 3_000)
        #expect(long.errors.contains("is not supported"))

        try folder.write(configuration, "hub/config.json")
        #expect(try run("embed", "--model", "hub", "a cat").status == 0)
        let cache = "\(folder.path)/cache/castor/models"
        let copy = try #require(try FileManager.default.contentsOfDirectory(atPath: cache).first)
        try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(cache)/\(copy)/config.json"))
        #expect(try run("embed", "--model", "hub", "a cat").errors.contains("remove it, and it is made again"))
        try FileManager.default.removeItem(atPath: "\(cache)/\(copy)/config.json")
        #expect(
            try run("embed", "--model", "hub", "a cat").errors.contains("is in the way of what is imported: remove it"))
    }

    @Test func aPromptForNoTask() throws {
        #expect(try run("import", Self.checkpoint, "made/by/import", "--prompt", "default=find: ").status == 0)
        let plain = try run("embed", "--model", "made/by/import", "kittens")
        #expect(try run("import", Self.checkpoint, "bare").status == 0)
        let written = try run("embed", "--model", "bare", "find: kittens")
        #expect(try Answer(plain.text).embedding.values == Answer(written.text).embedding.values)
    }

    @Test func optionsThatMeanNothingAreRefused() throws {
        for options in [
            ["--prompt", "query=a", "--prompt", "query=b"], ["--name", "gemini-embedding-001"], ["--name", "a/b"],
        ] {
            let outcome = try CastorProgram.run(["import", Self.checkpoint, "out"] + options, in: folder)
            #expect(outcome.status == 64, "\(options)")
        }
        let noTower = try run("import", Self.checkpoint, "out", "--without", "image")
        #expect(noTower.status == 65 && noTower.errors.contains("has no image tower to leave out"))
        #expect(try run("import", Self.checkpoint, "small").status == 0)
        #expect(try run("import", "small", "out").errors.contains("is a model folder of Castor's already"))
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out"))
    }

    /// As the server does by default: an imported model was made for its prompts.
    @Test func tasksOfBatchLinesChooseThePrompt() throws {
        #expect(try run("import", Self.checkpoint, "prompted", "--prompt", "query=find: ").status == 0)
        try folder.write(
            #"{"key":"a","request":{"content":{"parts":[{"text":"kittens"}]},"taskType":"RETRIEVAL_QUERY"}}"#,
            "in.jsonl")
        let line = try run("embed", "--model", "prompted", "--batch", "in.jsonl").text
        let written = try run("embed", "--model", "prompted", "find: kittens")
        let values = try Answer(written.text).embedding.values
        #expect(line.contains("\(values[0]),\(values[1]),"), "\(line)")
    }

    /// A folder of the hub's cache is called by a hash.
    @Test func modelsHaveTheHubsName() throws {
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/models--maker--fine-one/snapshots", withIntermediateDirectories: true)
        let snapshot = "models--maker--fine-one/snapshots/914f7f8"
        try FileManager.default.copyItem(atPath: Self.checkpoint, toPath: "\(folder.path)/\(snapshot)")
        #expect(try run("import", snapshot, "one").errors.contains("one: fine-one, bert"))
        #expect(try run("import", "\(snapshot)/.", "two").errors.contains("two: fine-one, bert"))
        #expect(
            try run("import", "\(snapshot)/1_Pooling/..", "three", "--name", "mine").errors.contains(
                "three: mine, bert"))
    }

    /// What does not concern the model is not said of it.
    @Test func infoTellsLimitsOfWhatTheModelTakes() throws {
        #expect(try run("import", Self.checkpoint, "texts").status == 0)
        let info = try run("info", "--model", "texts")
        #expect(info.lines.contains { $0.hasPrefix("documents ") })
        for medium in ["images", "audio", "video"] { #expect(!info.lines.contains { $0.hasPrefix("\(medium) ") }) }
    }

    @Test func textsCannotBeLeftOut() throws {
        let outcome = try run("import", Self.checkpoint, "out", "--without", "text,image")
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("texts cannot be left out"))
    }

    /// The hub's own folder does as a model: it is imported once.
    @Test func checkpointsAreImportedToTheCache() throws {
        let first = try run("embed", "--model", Self.checkpoint, "a")
        #expect(first.status == 0)
        #expect(first.errors.contains("imported to \(folder.path)/cache/castor/models/"))
        let second = try run("embed", "--model", Self.checkpoint, "a")
        #expect(second.errors == "")
        #expect(second.text == first.text)
    }

    @Test func whatIsInTheWayIsNamed() throws {
        #expect(try run("import", "nowhere", "out").status == 66)
        try FileManager.default.createDirectory(atPath: "\(folder.path)/odd", withIntermediateDirectories: true)
        try Data("{\"model_type\":\"llama\"}".utf8).write(to: URL(fileURLWithPath: "\(folder.path)/odd/config.json"))
        let outcome = try run("import", "odd", "out")
        #expect(outcome.status == 65)
        #expect(outcome.errors.contains("model.safetensors") || outcome.errors.contains("llama"))
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out"))
    }

    /// A table of 96 MB more takes no more memory, whatever the weights become.
    @Test(arguments: [[], ["--precision", "bfloat16"], ["--precision", "int8"]])
    func largeTablesPassInPieces(precision: [String]) throws {
        func peak(_ rows: Int) throws -> Int {
            let name = "rows-\(rows)"
            try writeBERT(name, rows: rows)
            let outcome = try CastorProgram.run(["import", name, "\(name).out"] + precision, in: folder)
            #expect(outcome.status == 0, "\(outcome.errors)")
            return outcome.peakKilobytes
        }
        let (small, large) = (try peak(1_000), try peak(1_200_000))
        #expect(small > 0 && large < small + 40_000, "\(small) and \(large) kB")
    }

    /// The tiny BERT with a vocabulary of so many rows, which are zeros.
    private func writeBERT(_ name: String, rows: Int) throws {
        let (source, path) = ("\(Folders.fixtures)/families/bert", "\(folder.path)/\(name)")
        try FileManager.default.copyItem(atPath: source, toPath: path)
        let configuration = try String(contentsOfFile: "\(source)/config.json", encoding: .utf8)
        try folder.write(
            configuration.replacing("\"vocab_size\": 60", with: "\"vocab_size\": \(rows)"), "\(name)/config.json")
        let file = try Data(contentsOf: URL(fileURLWithPath: "\(source)/model.safetensors"))
        let length = file.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        var header = try #require(
            JSONSerialization.jsonObject(with: file[8..<8 + length]) as? [String: [String: Any]])
        var offset = 0
        for key in header.keys.sorted() where key != "__metadata__" {
            var shape = try #require(header[key]?["shape"] as? [Int])
            if key == "embeddings.word_embeddings.weight" { shape[0] = rows }
            let bytes = 4 * shape.reduce(1, *)
            header[key] = ["dtype": "F32", "shape": shape, "data_offsets": [offset, offset + bytes]]
            offset += bytes
        }
        let text = try JSONSerialization.data(withJSONObject: header)
        let start = (0..<8).map { UInt8(text.count >> (8 * $0) & 255) }
        let weights = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(path)/model.safetensors"))
        try weights.truncate(atOffset: 0)
        try weights.write(contentsOf: start + text)
        try weights.truncate(atOffset: UInt64(8 + text.count + offset))
        try weights.close()
    }
}
