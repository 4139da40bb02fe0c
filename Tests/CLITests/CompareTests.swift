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
    }
}
