import Foundation
import Glibc
import Testing

/// What is written where: never over an input, never half, and never at the price of the whole program.
@Suite struct OutputTests {
    private let folder: Workspace

    init() throws {
        folder = try Workspace()
        func vectors(_ a: Int, _ b: Int) -> String {
            (1...8).map { "{\"key\":\"\($0)\",\"response\":{\"embedding\":{\"values\":[\($0 * a),\(b)]}}}\n" }.joined()
        }
        try folder.write(vectors(1, 1), "a.jsonl")
        try folder.write(vectors(2, 3), "b.jsonl")
        try folder.write("q\td\tscore\n1\t2\t1\n", "qrels.tsv")
        try folder.write(
            (1...8).map { BatchTests.line(key: "\($0)", "text \($0)", dimensions: 2) }.joined(), "in.jsonl")
        try folder.write("a text", "a.txt")
        try folder.write("x\ty\tscore\none\tone\t5\ntwo\tthree\t1\nfour\tsix\t2\n", "pairs.tsv")
        try folder.write(
            #"{"kind": "sts", "name": "Pairs", "file": "pairs.tsv", "first": "x", "second": "y", "score": "score"}"#,
            "task.json")
        try folder.write((0..<8).map { "q\($0)\ta\($0)\n" }.joined(), "train.tsv")
        try folder.copyModel()
        #expect(
            try CastorProgram.run(["map", "fit", "a.jsonl", "b.jsonl", "--output", "map.safetensors"], in: folder)
                .status == 0)
    }

    /// A command without its output, and the inputs that it must not become.
    private static let commands: [(words: String, option: String, inputs: [String])] = [
        ("map fit a.jsonl b.jsonl", "--output", ["a.jsonl", "b.jsonl"]),
        ("map apply map.safetensors a.jsonl", "--output", ["map.safetensors", "a.jsonl"]),
        (
            "compare a.jsonl b.jsonl --qrels qrels.tsv --contents in.jsonl", "--json",
            ["a.jsonl", "b.jsonl", "qrels.tsv", "in.jsonl"]
        ),
        (
            "compare a.jsonl b.jsonl --qrels qrels.tsv --contents in.jsonl", "--report",
            ["a.jsonl", "b.jsonl", "qrels.tsv", "in.jsonl"]
        ),
        ("embed hello @a.txt --model model", "--output", ["a.txt", "model/config.json", "model/model.safetensors"]),
        ("embed --batch in.jsonl --model model", "--output", ["in.jsonl", "model/tokenizer.model"]),
        ("evaluate --tasks task.json --model model", "--json", ["task.json", "pairs.tsv", "model/model.safetensors"]),
    ]

    /// By its name, by another spelling, by a hard link and by a symbolic one.
    @Test(arguments: 0..<commands.count) func noOutputIsAnInput(number: Int) throws {
        let command = Self.commands[number]
        for input in command.inputs {
            let before = try folder.bytes(input)
            link("\(folder.path)/\(input)", "\(folder.path)/hard")
            symlink("\(folder.path)/\(input)", "\(folder.path)/soft")
            for output in [input, "./\(input)", "hard", "soft"] {
                let outcome = try CastorProgram.run(
                    command.words.split(separator: " ").map(String.init) + [command.option, output], in: folder)
                #expect(
                    outcome.status == 64 && outcome.errors.contains("input"),
                    "\(command.words) \(output): \(outcome.errors)")
                #expect(try folder.bytes(input) == before, "\(command.words) \(output)")
            }
            try folder.remove("hard")
            try folder.remove("soft")
        }
        #expect(try folder.names().allSatisfy { !$0.hasSuffix(".partial") })
    }

    @Test func twoOutputsAreTwoFiles() throws {
        for (json, report) in [("out", "out"), ("out", "./out"), ("a.jsonl", "./a.jsonl")] {
            let outcome = try CastorProgram.run(
                ["compare", "b.jsonl", "b.jsonl", "--json", json, "--report", report], in: folder)
            #expect(outcome.status == 64 && outcome.errors.contains("both are to be written"), "\(outcome.errors)")
        }
        #expect(folder.size("out") == 0)
    }

    @Test func foldersAreNoInputsOfTheirOwn() throws {
        let weights = try folder.bytes("model/model.safetensors")
        let soup = try CastorProgram.run(["soup", "model", CastorProgram.nano, "./model"], in: folder)
        #expect(soup.status == 64 && soup.errors.contains("the output model is the input ./model"), "\(soup.errors)")
        // The run's model would replace the one that it starts from.
        try folder.makeFolder("out")
        try FileManager.default.moveItem(atPath: "\(folder.path)/model", toPath: "\(folder.path)/out/model")
        func train(_ data: String, _ model: String) throws -> CastorProgram.Outcome {
            try folder.write(
                """
                {"model": "\(model)", "output": "out", "stages": [{"steps": 1, "data": [{"path": "\(data)", "header": false, "format": "tsv", "batch": 8}],
                 "schedule": {"peak": 1e-3}}], "evaluation": {"every": 0, "heldOut": 0}}
                """, "recipe.json")
            return try CastorProgram.run(["train", "recipe.json"], in: folder)
        }
        let own = try train("train.tsv", "out/model")
        #expect(own.status == 64 && own.errors.contains("both the input and the output"), "\(own.errors)")
        link("\(folder.path)/train.tsv", "\(folder.path)/out/train.log")
        let log = try train("train.tsv", CastorProgram.nano)
        #expect(log.status == 64 && log.errors.contains("out/train.log is the input train.tsv"), "\(log.errors)")
        #expect(try folder.bytes("out/model/model.safetensors") == weights)
        #expect(try folder.names().contains("out") && folder.size("train.tsv") > 0)
        symlink("config.json", "\(folder.path)/out/model/link")
        unlink("\(folder.path)/out/model/model.safetensors")
        link("\(folder.path)/out/model/config.json", "\(folder.path)/out/model/model.safetensors")
        #expect(try CastorProgram.run(["init", "out/model"], in: folder).status == 64)
    }

    /// The shell's limit on files ends like a full disk: with a message, and without what was begun.
    @Test(arguments: [
        "embed --output out.json hello", "embed --batch in.jsonl --output out.jsonl --dimensions 3072",
        "compare long.jsonl long.jsonl --json out.json", "map fit long.jsonl long.jsonl --output out.safetensors",
        "map apply map.safetensors many.jsonl --output out.jsonl", "init model",
    ])
    func aFileThatMayNotGrowIsSaid(command: String) throws {
        let numbers = (0..<200).map(String.init).joined(separator: ",")
        try folder.write(
            (1...8).map { "{\"key\":\"\($0)\",\"response\":{\"embedding\":{\"values\":[\($0),\(numbers)]}}}\n" }
                .joined(), "long.jsonl")
        try folder.write(
            (1...80).map { "{\"key\":\"\($0)\",\"response\":{\"embedding\":{\"values\":[\($0),1]}}}\n" }.joined(),
            "many.jsonl")
        try folder.write(
            (1...40).map { "{\"key\":\"\($0)\",\"request\":{\"content\":{\"parts\":[{\"text\":\"t\"}]}}}\n" }.joined(),
            "in.jsonl")
        unlink("\(folder.path)/model/model.safetensors")
        let outcome = try CastorProgram.shell("ulimit -f 1; castor \(command)", in: folder)
        #expect(
            outcome.status == 73 && outcome.errors.contains("File too large"), "\(outcome.status): \(outcome.errors)")
        for name in try folder.names() + FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/model") {
            #expect(!name.hasSuffix(".partial"))
        }
    }

    /// Recorded values whose squares f32 does not hold.
    @Test func hugeValuesAreCompared() throws {
        try folder.write(
            (1...8).map { "{\"key\":\"\($0)\",\"response\":{\"embedding\":{\"values\":[\($0)e30,1e30]}}}\n" }.joined(),
            "huge.jsonl")
        let outcome = try CastorProgram.run(
            ["compare", "huge.jsonl", "huge.jsonl", "--json", "out.json", "--report", "out.html"], in: folder)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(folder.bytes("out.json"))) }
    }

    /// A bug ends the program with one line, and not in half a minute of taking a backtrace that nobody asked for.
    @Test(arguments: [SIGILL, SIGSEGV, SIGABRT]) func aCrashEndsAtOnce(signal: Int32) throws {
        let server = try RunningServer(["--log-level", "error"], in: folder)
        let outcome = try server.stop(signal)
        #expect(outcome.status == 128 + signal)
        let lines = outcome.errors.split(separator: "\n")
        // Who allocates in vain aborts, after a line of its own.
        let ending =
            signal == SIGABRT ? "castor: ended for want of memory where the line above" : "castor: ended by a bug"
        #expect(lines.last?.hasPrefix(ending) == true, "\(outcome.errors)")
        #expect(!outcome.errors.contains("Thread 0") && !outcome.errors.contains("Backtrace took"))
    }

    /// Texts that begin with more dropped characters than are read at first.
    @Test func droppedCharactersInFrontAreNoEnd() throws {
        for dropped in [" ", "\n", "\u{200B}"] {
            try folder.write(String(repeating: dropped, count: 600_000) + "x", "long.txt")
            let (long, short) = (
                try CastorProgram.run(["embed", "@long.txt"], in: folder),
                try CastorProgram.run(["embed", "x"], in: folder)
            )
            #expect(long.status == 0 && long.text == short.text && long.errors.isEmpty, "\(long.errors)")
        }
        try folder.write(
            String(repeating: " ", count: 600_000) + "x\ta\n" + (0..<8).map { "q\($0)\ta\($0)\n" }.joined(), "train.tsv"
        )
        try folder.write(
            """
            {"model": "\(CastorProgram.nano)", "output": "o", "stages": [{"steps": 2, "data": [{"path": "train.tsv", "header": false, "batch": 9}],
             "schedule": {"peak": 1e-3}}], "evaluation": {"every": 0, "heldOut": 0}}
            """, "recipe.json")
        #expect(try CastorProgram.run(["train", "recipe.json"], in: folder).status == 0)
    }
}
