import Foundation
import Testing

/// `castor compare` and `castor map` on vectors of the program itself.
@Suite struct CompareTests {
    private let folder: Workspace
    private static let count = 60

    /// Texts in `in.jsonl`; their vectors of 3,072 values in `full.jsonl`, cut to 512 in `small.jsonl`.
    init() throws {
        folder = try Workspace()
        func requests(_ dimensions: Int) -> String {
            (0..<Self.count).map {
                "{\"key\":\"r\($0)\",\"request\":{\"content\":{\"parts\":[{\"text\":\"text number \($0), \(String(repeating: "x", count: $0 % 7))\"}]},"
                    + "\"outputDimensionality\":\(dimensions)}}\n"
            }.joined()
        }
        for (name, size) in [("full", 3_072), ("small", 512)] {
            try folder.write(requests(size), "in.jsonl")
            #expect(
                try CastorProgram.run(["embed", "--batch", "in.jsonl", "--output", "\(name).jsonl"], in: folder).status
                    == 0)
        }
    }

    private struct Report: Decodable {
        struct Estimate: Decodable { let value: Double }
        struct Size: Decodable {
            let size: Int
            let spearman: Estimate
            let overlap: [Estimate]
        }
        struct Group: Decodable {
            let queries: String
            let sizes: [Size]
        }
        struct Map: Decodable {
            let kind: String
            let overlapAt10: Double
        }
        let joined: Int
        let groups: [Group]
        let maps: [Map]
    }

    @Test func aFileAgreesWithItself() throws {
        let outcome = try CastorProgram.run(
            [
                "compare", "full.jsonl", "full.jsonl", "--json", "out.json", "--report", "out.html", "--contents",
                "in.jsonl",
                "--dimensions", "3072,128", "--skip-maps",
            ], in: folder)
        #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
        let report = try JSONDecoder().decode(Report.self, from: Data(folder.bytes("out.json")))
        #expect(report.joined == Self.count && report.groups[0].sizes.map(\.size) == [3072, 128])
        #expect(
            report.groups[0].sizes.allSatisfy { $0.spearman.value > 0.9999 && $0.overlap.allSatisfy { $0.value == 1 } })
        #expect(outcome.text.contains("spearman") && outcome.text.contains("1.0000"), "\(outcome.text)")
        let html = String(decoding: try folder.bytes("out.html"), as: UTF8.self)
        #expect(
            html.hasPrefix("<!DOCTYPE html>") && html.hasSuffix("</html>\n")
                && html.contains("nearly the same neighbours"))
    }

    /// A prefix is a linear map of the whole: what is left of it is found again by maps, and applied.
    @Test func mapsAreFittedAndApplied() throws {
        let fit = try CastorProgram.run(
            ["map", "fit", "small.jsonl", "full.jsonl", "--kind", "procrustes", "--output", "m.safetensors"], in: folder
        )
        #expect(fit.status == 0 && fit.lines[0].contains("overlap@10"), "\(fit.errors)")
        let apply = try CastorProgram.run(
            ["map", "apply", "m.safetensors", "small.jsonl", "--output", "mapped.jsonl"], in: folder)
        #expect(apply.status == 0 && apply.errors.isEmpty, "\(apply.errors)")
        let compared = try CastorProgram.run(
            ["compare", "full.jsonl", "mapped.jsonl", "--json", "out.json", "--dimensions", "3072", "--skip-maps"],
            in: folder)
        #expect(compared.status == 0, "\(compared.errors)")
        let report = try JSONDecoder().decode(Report.self, from: Data(folder.bytes("out.json")))
        #expect(report.joined == Self.count && report.groups[0].sizes[0].overlap[2].value > 0.5)
        let wrong = try CastorProgram.run(["map", "apply", "m.safetensors", "full.jsonl"], in: folder)
        #expect(wrong.status == 65 && wrong.errors.contains("has vectors of 3072 values, the map takes 512"))
    }

    @Test func whatIsWrongIsSaid() throws {
        try folder.write("{\"key\":\"z\",\"response\":{\"embedding\":{\"values\":[1,2]}}}\n", "other.jsonl")
        try folder.write("nothing\n", "none.jsonl")
        for (arguments, status, words) in [
            (["compare", "full.jsonl", "nowhere.jsonl"], 66, "nowhere.jsonl: no such file"),
            (["compare", "full.jsonl", "other.jsonl"], 65, "have 0 usable keys in common"),
            (["compare", "none.jsonl", "full.jsonl"], 65, "none.jsonl holds no vector; unreadable lines: line 1"),
            (
                ["compare", "full.jsonl", "small.jsonl", "--dimensions", "600"], 64,
                "600 dimensions are outside 1...512"
            ),
            (
                ["compare", "full.jsonl", "full.jsonl", "--skip-maps", "--json", "/no/such/folder/x"], 73,
                "/no/such/folder/x"
            ),
            (["map", "apply", "in.jsonl", "full.jsonl"], 65, "in.jsonl: not a usable map"),
        ] as [([String], Int32, String)] {
            let outcome = try CastorProgram.run(arguments, in: folder)
            #expect(outcome.status == status && outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
        }
        // A line cut short is counted, and the rest compared.
        var bytes = try folder.bytes("full.jsonl")
        bytes.removeLast(200)
        try folder.write(bytes, "cut.jsonl")
        let outcome = try CastorProgram.run(
            ["compare", "full.jsonl", "cut.jsonl", "--dimensions", "128", "--skip-maps"], in: folder)
        #expect(outcome.status == 0)
        #expect(
            outcome.errors.contains("cut.jsonl: 1 unreadable lines left out, the first: line \(Self.count)"),
            "\(outcome.errors)")
        #expect(outcome.errors.contains("1 keys are only in the reference, the first: r\(Self.count - 1)"))
        // So is each other kind of line that cannot be used.
        let whole = try folder.bytes("full.jsonl")
        try folder.write(
            whole
                + Array(
                    """
                    {"key":"nan","response":{"embedding":{"values":[\(String(repeating: "NaN,", count: 3_071))0]}}}
                    {"key":"short","response":{"embedding":{"values":[1,2]}}}
                    {"key":"r1","response":{"embedding":{"values":[\(String(repeating: "1,", count: 3_071))0]}}}

                    """.utf8), "odd.jsonl")
        let odd = try CastorProgram.run(
            ["compare", "full.jsonl", "odd.jsonl", "--dimensions", "128", "--skip-maps"], in: folder)
        #expect(odd.status == 0)
        for words in [
            "1 vectors with values that are not finite left out, the first: line 61, key \"nan\"",
            "1 vectors of another size left out, the first: line 62, key \"short\": 2 values, most have 3072",
            "1 keys given twice left out, the first: line 63, key \"r1\"",
        ] {
            #expect(odd.errors.contains("odd.jsonl: \(words)"), "\(odd.errors)")
        }
    }

    /// Another model stands in for the hosted service: what it said of 400 texts, a map and a distilled model bring nearer to it on
    /// texts that neither saw.
    @Test func aMapAndADistilledModelComeNearer() throws {
        let texts = Self.sentences(560)
        func write(_ name: String, _ range: Range<Int>) throws {
            let lines = range.map {
                "{\"key\":\"t\($0)\",\"request\":{\"content\":{\"parts\":[{\"text\":\"\(texts[$0])\"}]},\"outputDimensionality\":768}}\n"
            }
            try folder.write(lines.joined(), name)
        }
        try write("train.jsonl", 0..<400)
        try write("test.jsonl", 400..<560)
        try folder.makeFolder("other")
        for name in ["config.json", "tokenizer.model"] {
            try folder.write(Workspace.bytes(at: "\(CastorProgram.nano)/\(name)"), "other/\(name)")
        }
        func run(_ arguments: [String], model: String? = CastorProgram.nano) throws {
            let outcome = try CastorProgram.run(arguments, in: folder, model: model)
            #expect(outcome.status == 0, "\(arguments): \(outcome.errors)")
        }
        try run(["init", "other", "--seed", "77"])
        for set in ["train", "test"] {
            try run(
                ["embed", "--model", "other", "--batch", "\(set).jsonl", "--output", "hosted-\(set).jsonl"], model: nil)
            try run(["embed", "--batch", "\(set).jsonl", "--output", "local-\(set).jsonl"])
        }
        func overlap(_ candidate: String) throws -> Double {
            try run(
                ["compare", "hosted-test.jsonl", candidate, "--json", "c.json", "--dimensions", "768", "--skip-maps"])
            let report = try JSONDecoder().decode(Report.self, from: Data(folder.bytes("c.json")))
            return report.groups[0].sizes[0].overlap[2].value
        }
        let before = try overlap("local-test.jsonl")

        try run(["map", "fit", "local-train.jsonl", "hosted-train.jsonl", "--output", "m.safetensors"])
        try run(["map", "apply", "m.safetensors", "local-test.jsonl", "--output", "mapped.jsonl"])
        let mapped = try overlap("mapped.jsonl")
        #expect(mapped > before + 0.2, "\(before) before, \(mapped) with the map")

        // What tools/hosted/training_data.py makes.
        struct Recorded: Decodable {
            struct Response: Decodable {
                struct Embedding: Decodable { let values: [Float] }
                let embedding: Embedding
            }
            let response: Response
        }
        let recorded = try String(decoding: folder.bytes("hosted-train.jsonl"), as: UTF8.self).split(separator: "\n")
            .map {
                try JSONDecoder().decode(Recorded.self, from: Data($0.utf8)).response.embedding.values
            }
        let samples = zip(texts, recorded).map { text, vector in
            "{\"query\":{\"parts\":[{\"text\":\"\(text)\"}]},\"teacher\":{\"query\":\(vector)}}\n"
        }
        try folder.write(samples.joined(), "distil.jsonl")
        try run([
            "train", "\(CastorProgram.repository)/recipes/distil-hosted.json", "--set", "model=\(CastorProgram.nano)",
            "--set", "output=run", "--set", "stages[0].data[0].path=distil.jsonl", "--set",
            "stages[0].data[0].batch=64",
            "--set", "stages[0].epochs=40", "--set", "stages[0].schedule.peak=3e-3",
        ])
        try run(["embed", "--model", "run/model", "--batch", "test.jsonl", "--output", "distilled.jsonl"], model: nil)
        let distilled = try overlap("distilled.jsonl")
        #expect(distilled > before + 0.2, "\(before) before, \(distilled) after distillation")
    }

    /// Different sentences about coloured things in places.
    private static func sentences(_ count: Int) -> [String] {
        let colors = ["red", "green", "blue", "yellow", "black", "white", "purple"]
        let things = ["circle", "square", "star", "cross", "ring", "moon", "tree", "house"]
        let places = ["near", "under", "above", "behind", "beside"]
        let grounds = ["grass", "sand", "snow", "water", "stone", "wood"]
        let all = colors.count * things.count * places.count * colors.count * grounds.count
        return (0..<count).map { index in
            // A step that shares no factor with the number of all combinations reaches each once.
            var rest = index * 1_009 % all
            func draw(_ words: [String]) -> String {
                defer { rest /= words.count }
                return words[rest % words.count]
            }
            return "a \(draw(colors)) \(draw(things)) \(draw(places)) a \(draw(colors)) one on \(draw(grounds))"
        }
    }
}
