import Foundation
import Testing

/// `castor evaluate` on a generated task folder.
@Suite struct EvaluateTests {
    private let folder: Workspace

    private static let captions = ["a red square", "a green square", "a blue square"]

    init() throws {
        folder = try Workspace()
        for name in ["tasks", "data"] {
            try FileManager.default.createDirectory(atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
        }
        for (index, caption) in Self.captions.enumerated() {
            try folder.write(Self.picture(channel: index), "data/\(index).bmp")
            try folder.write(caption, "data/\(index).txt")
        }
        let rows = Self.captions.enumerated().map { #"{"file": "\#($0).bmp", "caption": "\#($1)"}"# }
        try folder.write(rows.joined(separator: "\n") + "\n", "data/pictures.jsonl")
        try folder.write("x\ty\tscore\n" + "one\tone\t5\ntwo\tthree\t1\nfour\tsix\t2\n", "data/pairs.tsv")
        try folder.write(
            """
            {"kind": "cross-modal", "name": "Pictures",
             "first": {"name": "image", "file": "data/pictures.jsonl", "content": [{"file": "file"}]},
             "second": {"name": "caption", "file": "data/pictures.jsonl", "content": "caption"}}
            """, "tasks/a-pictures.json")
        try folder.write(
            #"{"kind": "sts", "name": "Pairs", "file": "data/pairs.tsv", "first": "x", "second": "y", "score": "score"}"#,
            "tasks/b-pairs.json")
    }

    /// A BMP of 8 x 8 pixels, one channel full.
    private static func picture(channel: Int) -> [UInt8] {
        let pixel = (0..<3).map { UInt8($0 == 2 - channel ? 255 : 0) }
        let pixels = Array(repeating: pixel, count: 64).flatMap { $0 }
        let header: [Int] = [54 + pixels.count, 0, 54, 40, 8, 8, 1 | 24 << 16, 0, pixels.count, 0, 0, 0, 0]
        return Array("BM".utf8) + header.flatMap { value in (0..<4).map { UInt8(value >> (8 * $0) & 255) } } + pixels
    }

    private struct Report: Decodable {
        struct Model: Decodable {
            let name: String
            let state: String
        }
        struct Task: Decodable {
            struct Metric: Decodable {
                let name: String
                let values: [String: Double?]
                let chance: Double?
            }
            struct Skipped: Decodable {
                let count: Int
                let first: String?
            }
            let name: String
            let kind: String
            let prompts: Bool?
            let items: Int
            let counts: [String: Int]
            let skipped: Skipped
            let seconds: Double
            let metrics: [Metric]
        }
        let model: Model
        let dimensions: [Int]
        let prompts: String
        struct TaskFailure: Decodable {
            let name: String
            let error: String
        }
        let tasks: [Task]
        let failures: [TaskFailure]
    }

    private func report(_ name: String) throws -> Report {
        try JSONDecoder().decode(Report.self, from: Data(folder.bytes(name)))
    }

    @Test func tableAndJSON() throws {
        let outcome = try CastorProgram.run(
            [
                "evaluate", "--tasks", "tasks", "--data", ".", "--dimensions", "3072,128", "--prompts", "both",
                "--json",
                "out.json",
            ], in: folder)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.isEmpty)
        let lines = outcome.lines
        #expect(
            lines[0].split(separator: " ") == [
                "task", "prompts", "metric", "3072", "128", "chance", "items", "seconds",
            ])
        // Six metrics of the pictures once, since they have no prompts; two of the pairs without and with.
        #expect(lines.count == 1 + 6 + 2 + 2)
        #expect(lines[1].hasPrefix("Pictures  -        image to caption R@1  "))
        #expect(lines[7].hasPrefix("Pairs     off      Spearman "))
        #expect(lines[9].hasPrefix("Pairs     on       Spearman "))
        let end = try #require(lines[0].range(of: "chance")).upperBound
        #expect(lines.dropFirst().allSatisfy { $0[..<end].last?.isNumber ?? false }, "the columns are aligned")

        let report = try report("out.json")
        #expect(report.model.name == "castor-nano" && report.dimensions == [3072, 128] && report.prompts == "both")
        #expect(report.tasks.map(\.name) == ["Pictures", "Pairs", "Pairs"])
        #expect(report.tasks.map(\.prompts) == [nil, false, true])
        #expect(report.tasks[0].counts == ["image": 3, "caption": 3] && report.tasks[0].kind == "cross-modal")
        #expect(abs(try #require(report.tasks[0].metrics[0].chance) - 1.0 / 3) < 1e-12)
        #expect(report.tasks[0].metrics[1].values == ["3072": 1, "128": 1])
        #expect(report.tasks[1].items == 3 && report.tasks[1].skipped.count == 0)
        #expect(report.tasks[1].metrics[1].values != report.tasks[2].metrics[1].values)
    }

    @Test func oneTaskFileAndTheModelsOwnSizes() throws {
        let outcome = try CastorProgram.run(
            ["evaluate", "--tasks", "tasks/b-pairs.json", "--data", "."], in: folder)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
            outcome.lines[0].split(separator: " ").dropFirst(3).prefix(6) == [
                "3072", "1536", "768", "512", "256", "128",
            ])
    }

    @Test func whatIsWrongIsSaidWithItsStatus() throws {
        try folder.write(#"{"kind": "juggling"}"#, "unknown.json")
        try folder.write(
            #"{"kind": "sts", "file": "data/none.tsv", "first": "x", "second": "y", "score": "s"}"#, "missing.json")
        try folder.write(#"{"kind": "sts", "fiel": "data/pairs.tsv"}"#, "key.json")
        try folder.write("x\ty\tscore\n", "data/empty.tsv")
        try folder.write(
            #"{"kind": "sts", "file": "data/empty.tsv", "first": "x", "second": "y", "score": "score"}"#, "empty.json")
        try folder.write("x\ty\tscore\na\tb\tmuch\nc\td\t1\n", "data/bad.tsv")
        try folder.write(
            #"{"kind": "sts", "file": "data/bad.tsv", "first": "x", "second": "y", "score": "score"}"#, "bad.json")
        let cases: [(arguments: [String], status: Int32, message: String)] = [
            (
                ["--tasks", "unknown.json"], 65,
                #"castor: unknown.json line 1: kind: "juggling" is unknown; known: sts, "#
            ),
            (["--tasks", "missing.json"], 66, "castor: data/none.tsv: no such file or folder\n"),
            (["--tasks", "key.json"], 65, "castor: key.json line 1: fiel: unknown key; known here: kind, name, "),
            (["--tasks", "empty.json"], 65, "castor: empty has no items\n"),
            (
                ["--tasks", "bad.json"], 65,
                "castor: bad: 1 of 2 items cannot be used, more than 1 %; the first is data/bad.tsv line 2: the score \"much\" is not a number\n"
            ),
            (["--tasks", "none"], 66, "castor: none: no such file or folder\n"),
            (["--tasks", "data"], 65, "castor: data has no task files (*.json)\n"),
            (
                ["--tasks", "tasks", "--data", ".", "--dimensions", "4000"], 64,
                "castor: 4000 dimensions are outside 1...3072\n"
            ),
            (["--tasks", "tasks", "--data", ".", "--dimensions", "3,3"], 64, "castor: The value '3,3' is invalid for"),
            (["--tasks", "tasks", "--limit", "0"], 64, "castor: --limit must be 1 or more, not 0"),
            ([], 64, "castor: Missing expected argument '--tasks <dir|file> ...'"),
            (["--tasks", "tasks", "--data", ".", "--json", "no/out.json"], 73, "castor: no/out.json: "),
            (
                ["--tasks", "tasks", "--data", ".", "--json", "/dev/null"], 73,
                "castor: /dev/null: is not a regular file\n"
            ),
        ]
        for (arguments, status, message) in cases {
            let outcome = try CastorProgram.run(["evaluate"] + arguments, in: folder)
            #expect(outcome.status == status, "\(arguments)")
            #expect(outcome.errors.hasPrefix(message), "\(arguments): \(outcome.errors)")
        }
    }

    /// A task that fails takes no other with it.
    @Test func otherTasksStillRun() throws {
        try folder.write("", "data/1.bmp")
        let outcome = try CastorProgram.run(
            ["evaluate", "--tasks", "tasks", "--data", ".", "--json", "out.json"], in: folder)
        #expect(outcome.status == 65)
        let reason =
            "Pictures: 1 of 6 items cannot be used, more than 1 %; the first is data/pictures.jsonl line 2: part 1 (data/1.bmp): "
        #expect(outcome.errors.hasPrefix("castor: \(reason)"), "\(outcome.errors)")
        #expect(outcome.errors.hasSuffix("\ncastor: 1 of 2 tasks failed\n"), "\(outcome.errors)")
        #expect(outcome.lines.count == 1 + 2)
        let report = try report("out.json")
        #expect(report.tasks.map(\.name) == ["Pairs"])
        #expect(report.failures.map(\.name) == ["Pictures"])
        #expect(report.failures[0].error.hasPrefix(reason))
    }
}
