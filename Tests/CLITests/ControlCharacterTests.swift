import Foundation
import Testing

/// Names come from files of others: what they hold does nothing to a terminal, and forges no line.
@Suite struct ControlCharacterTests {
    private let folder: Workspace
    /// Clears the screen, in seven bits and in eight; rings; begins a line; turns the direction of writing; shows as nothing.
    private static let name = "n\u{1B}[2J\u{9B}2J\u{7}\r\ncastor: all is well\u{202E}\u{7F}\u{200B}\u{FEFF}"
    private static let shown =
        #"n\u{1b}[2J\u{9b}2J\u{7}\r\ncastor: all is well\u{202e}\u{7f}\u{200b}\u{feff}"#

    init() throws {
        folder = try Workspace()
    }

    private func json(_ text: String) throws -> String {
        String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
    }

    /// Runs, and holds every byte that a terminal would get against what may be there.
    private func run(_ arguments: [String], status: Int32, shows: [String]) throws {
        let outcome = try CastorProgram.run(arguments, in: folder)
        #expect(outcome.status == status, "\(outcome.errors)")
        for text in [outcome.errors, outcome.text] {
            let odd = text.unicodeScalars.filter {
                ($0.properties.generalCategory == .control && $0 != "\n") || $0.properties.isBidiControl
            }
            #expect(odd.isEmpty, "\(text.debugDescription)")
            #expect(!text.split(separator: "\n").contains("castor: all is well"), "\(text.debugDescription)")
        }
        let all = outcome.errors + outcome.text
        for words in shows { #expect(all.contains(words), "\(words): \(all.debugDescription)") }
    }

    @Test func ofTasks() throws {
        try folder.write("x\ty\tscore\n" + "one\tone\t5\ntwo\tthree\t1\nfour\tsix\t2\n", "pairs.tsv")
        func write(file: String) throws {
            try folder.write(
                """
                {"kind": "sts", "name": \(try json(Self.name)), "file": \(try json(file)),
                 "first": "x", "second": "y", "score": "score"}
                """, "task.json")
        }
        try write(file: "pairs.tsv")
        try run(["evaluate", "--tasks", "task.json"], status: 0, shows: [Self.shown])
        try write(file: Self.name)
        try run(["evaluate", "--tasks", "task.json"], status: 66, shows: [Self.shown])
        try folder.write("{\"kind\": \(try json(Self.name))}", "task.json")
        try run(["evaluate", "--tasks", "task.json"], status: 65, shows: [Self.shown])
    }

    @Test func ofDataSetsAndRecipes() throws {
        try folder.makeFolder("model")
        for name in ["config.json", "tokenizer.model"] {
            try folder.write(Workspace.bytes(at: "\(CastorProgram.nano)/\(name)"), "model/\(name)")
        }
        try folder.write((0..<60).map { "a thing \($0)\tits name \($0)\n" }.joined() + "alone\n", "pairs.tsv")
        func write(path: String, key: String = "\"seed\": 3") throws {
            try folder.write(
                """
                {"model": "model", "output": "out", \(key), "stages": [{"name": \(try json(Self.name)), "steps": 2,
                  "schedule": {"peak": 0.003}, "data": [
                    {"name": \(try json(Self.name)), "path": \(try json(path)), "header": false, "batch": 8, "format": "tsv"}]}],
                 "evaluation": {"every": 1, "heldOut": 0.2}}
                """, "recipe.json")
        }
        try write(path: "pairs.tsv")
        try run(["train", "recipe.json", "--dry-run"], status: 0, shows: [Self.shown, "1 of 61 samples are bad"])
        try run(["train", "recipe.json"], status: 0, shows: ["evaluation after step 2: \(Self.shown)"])
        let log = String(decoding: try folder.bytes("out/train.log"), as: UTF8.self)
        #expect(log.contains(Self.shown) && !log.contains("\u{1B}") && !log.contains("\u{9B}"))
        for file in ["out/report.html", "out/model/README.md"] {
            let text = String(decoding: try folder.bytes(file), as: UTF8.self)
            // Line ends are spaces to a browser.
            let odd = text.unicodeScalars.filter {
                ($0.properties.generalCategory == .control && $0 != "\n" && $0 != "\r")
                    || $0.properties.isBidiControl
            }
            #expect(odd.isEmpty, "\(file): \(odd)")
        }
        try folder.remove("out")
        try write(path: Self.name)
        try run(["train", "recipe.json"], status: 66, shows: [Self.shown])
        try write(path: "pairs.tsv", key: "\(try json(Self.name)): 3")
        try run(["train", "recipe.json"], status: 65, shows: [Self.shown])
    }

    @Test func ofKeys() throws {
        func lines(_ keys: [String]) throws -> String {
            try keys.enumerated().map {
                "{\"key\": \(try json($1)), \"response\": {\"embedding\": {\"values\": [\($0 + 1), 1, 2]}}}\n"
            }.joined()
        }
        let keys = (0..<8).map { "k\($0)" }
        try folder.write(lines(keys + [Self.name]), "a.jsonl")
        try folder.write(lines(keys), "b.jsonl")
        try run(["compare", "a.jsonl", "b.jsonl", "--skip-maps"], status: 0, shows: [Self.shown])
        try folder.write(
            "{\"key\": \(try json(Self.name)), \"request\": {\"content\": {\"parts\": []}}}\n", "in.jsonl")
        try run(["embed", "--batch", "in.jsonl", "-o", "out.jsonl"], status: 0, shows: [Self.shown])
    }

    @Test func ofFiles() throws {
        let name = "n\u{1B}[2J\u{9B}2J\u{202E}.jpg"
        let shown = #"n\u{1b}[2J\u{9b}2J\u{202e}.jpg"#
        try folder.write(
            Workspace.bytes(at: "\(CastorProgram.fixtures)/media/rgb.png"), name)
        try run(["embed", "--format", "npy", "-o", "x.npy", "@\(name)"], status: 0, shows: [shown])
        try run(["embed", "@no\(name)"], status: 66, shows: [shown])
        try run(["similarity", "@\(name)", "@\(name)"], status: 0, shows: [shown])
        try run(["embed", "x", "--model", name], status: 66, shows: [shown])
    }
}
