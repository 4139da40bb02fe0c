import Castor
import Evaluation
import TestSupport
import Testing

/// Whole tasks with castor-nano on generated data.
@Suite struct EvaluatorTests {
    private static let embedder = try! Embedder(modelPath: Folders.nano)

    private func run(
        _ json: String, _ files: [String: [UInt8]], dimensions: [Int] = [3_072, 128], limit: Int? = nil,
        prompts: Bool = false
    ) throws -> TaskResult {
        try Folders.withTemporary { folder in
            for (name, bytes) in files { try Folders.write(bytes, "\(folder)/\(name)") }
            try Folders.write(Array(json.utf8), "\(folder)/task.json")
            let evaluator = try Evaluator(
                Self.embedder, options: EvaluationOptions(dimensions: dimensions, limit: limit))
            return try evaluator.run(TaskFile(path: "\(folder)/task.json", data: nil), prompts: prompts)
        }
    }

    private func tsv(_ header: [String], _ rows: [[String]]) -> [UInt8] {
        Array(([header] + rows).map { $0.joined(separator: "\t") + "\n" }.joined().utf8)
    }

    /// A picture of one color.
    private func bmp(_ red: UInt8, _ green: UInt8, _ blue: UInt8, side: Int = 16) -> [UInt8] {
        func little(_ value: Int, _ bytes: Int) -> [UInt8] { (0..<bytes).map { UInt8(value >> (8 * $0) & 255) } }
        let pixels = Array(repeating: [blue, green, red], count: side * side).flatMap { $0 }
        return Array("BM".utf8) + little(54 + pixels.count, 4) + little(0, 4) + little(54, 4) + little(40, 4)
            + little(side, 4) + little(side, 4) + little(1, 2) + little(24, 2) + little(0, 4)
            + little(pixels.count, 4) + little(0, 16) + pixels
    }

    private func metric(_ result: TaskResult, _ name: String) throws -> [Double?] {
        try #require(result.metrics.first { $0.name == name }).values
    }

    private let words = ["apple", "river", "stone", "cloud", "piano", "tiger", "bread", "ocean", "chair", "candle"]

    // MARK: - Kinds

    @Test func equalSentencesAreTranslations() throws {
        let json = #"{"kind": "bitext", "file": "a.tsv", "first": "x", "second": "y"}"#
        let result = try run(json, ["a.tsv": tsv(["x", "y"], words.map { [$0, $0] })])
        #expect(result.items == 10 && result.skipped.count == 0 && result.prompts == false)
        for metric in result.metrics { #expect(metric.values == [1, 1], "\(metric.name)") }
        #expect(result.metrics.map(\.name).first == "accuracy, both ways")
        #expect(result.metrics[0].chance == 0.1)
    }

    /// A table of old Macs' line ends is read as any other.
    @Test func carriageReturnsDivideRows() throws {
        let table = String(decoding: tsv(["x", "y"], words.map { [$0, $0] }), as: UTF8.self).replacing("\n", with: "\r")
        let json = #"{"kind": "bitext", "file": "a.tsv", "first": "x", "second": "y"}"#
        #expect(try run(json, ["a.tsv": Array(table.utf8)]).items == 10)
    }

    @Test func similarityFollowsTheScores() throws {
        // Equal sentences score 5, different ones 0.
        let rows = words.indices.map { [words[$0], words[$0 % 2 == 0 ? $0 : ($0 + 1) % 10], $0 % 2 == 0 ? "5" : "0"] }
        let json = #"{"kind": "sts", "file": "a.tsv", "first": "x", "second": "y", "score": "s"}"#
        let result = try run(json, ["a.tsv": tsv(["x", "y", "s"], rows)])
        for value in try metric(result, "Pearson") { #expect(try #require(value) > 0.3) }
        let constant = try run(json, ["a.tsv": tsv(["x", "y", "s"], words.map { [$0, $0 + "s", "1"] })])
        #expect(try metric(constant, "Spearman") == [nil, nil])
    }

    @Test func retrievalInBEIRLayout() throws {
        let corpus = words.map { #"{"_id": "\#($0)", "title": "", "text": "\#($0)"}"# }.joined(separator: "\n")
        let queries = words.prefix(4).map { #"{"_id": "q-\#($0)", "text": "\#($0)"}"# }.joined(separator: "\n")
        // A query without relevant documents, and a relevant document that the corpus does not have.
        let judgments = [
            ["q-apple", "apple", "1"], ["q-river", "river", "2"], ["q-stone", "cloud", "0"], ["q-cloud", "no", "1"],
        ]
        let files = [
            "c.jsonl": Array(corpus.utf8), "q.jsonl": Array(queries.utf8),
            "r.tsv": tsv(["query-id", "corpus-id", "score"], judgments),
        ]
        let json = #"{"kind": "retrieval", "corpus": "c.jsonl", "queries": "q.jsonl", "qrels": "r.tsv"}"#
        let result = try run(json, files)
        #expect(result.counts == ["queries": 3, "documents": 10, "judgments": 3])
        for name in ["nDCG@10", "recall@10", "MRR", "MAP"] {
            for value in try metric(result, name) { expectClose(value, 2.0 / 3, Precision.metric, name) }
        }
        #expect(try run(json, files, prompts: true).prompts == true)
    }

    @Test func classesOfEqualTextsAreLearned() throws {
        let rows = (0..<4).flatMap { _ in words.prefix(3).map { [$0, "class \($0)"] } }
        let files = [
            "a.tsv": tsv(["text", "label"], rows), "b.tsv": tsv(["text", "label"], rows + [["piano", "unseen"]]),
        ]
        let json =
            #"{"kind": "classification", "train": "a.tsv", "test": "b.tsv", "content": "text", "label": "label", "c": 1000, "neighbors": 3}"#
        let result = try run(json, files)
        #expect(result.counts == ["train": 12, "test": 13, "classes": 3])
        #expect(try metric(result, "accuracy") == [12.0 / 13, 12.0 / 13])
        #expect(try metric(result, "kNN accuracy") == [12.0 / 13, 12.0 / 13])
        let clusters = try run(
            #"{"kind": "clustering", "file": "a.tsv", "content": "text", "label": "label"}"#, files)
        #expect(try metric(clusters, "V-measure") == [1, 1])
    }

    @Test func classNamesAreFoundByThemselves() throws {
        let files = [
            "a.tsv": tsv(["text", "label"], words.map { [$0, $0] }),
            "classes.txt": Array((words.joined(separator: "\n") + "\n").utf8),
        ]
        let json =
            #"{"kind": "zero-shot", "file": "a.tsv", "content": "text", "label": "label", "classes": "classes.txt"}"#
        let result = try run(json, files)
        #expect(result.prompts == nil)
        for metric in result.metrics { #expect(metric.values == [1, 1], "\(metric.name)") }
        #expect(result.metrics.map(\.chance) == [0.1, 0.5, 0.1])
        let error = #expect(throws: EvaluationError.self) {
            try run(json, files.merging(["classes.txt": Array("apple\n".utf8)]) { $1 })
        }
        #expect(error?.description.contains(#"classes.txt: lacks the class "bread""#) == true)
    }

    /// Two captions an image; one caption is shared by two images and right for both.
    @Test func imagesAndTheirCaptions() throws {
        let manifest = """
            {"file": "red.bmp", "captions": ["red", "a warm color"]}
            {"file": "blue.bmp", "captions": ["blue", "a color"]}
            {"file": "green.bmp", "captions": ["green", "a color"]}

            """
        let files = [
            "m.jsonl": Array(manifest.utf8), "red.bmp": bmp(255, 0, 0), "blue.bmp": bmp(0, 0, 255),
            "green.bmp": bmp(0, 255, 0),
        ]
        let side = #"{"name": "image", "file": "m.jsonl", "content": [{"file": "file"}]}"#
        let json =
            #"{"kind": "cross-modal", "first": \#(side), "second": {"name": "caption", "file": "m.jsonl", "content": [{"each": "captions"}]}}"#
        let result = try run(json, files)
        #expect(result.items == 3 && result.counts == ["image": 3, "caption": 5])
        #expect(result.metrics.count == 6)
        #expect(try metric(result, "image to caption R@5") == [1, 1])
        #expect(try metric(result, "caption to image R@5") == [1, 1])
        // Each image has 2 of 5 captions; 4 captions have one image of 3, one has two.
        expectClose(result.metrics[0].chance, 2.0 / 5)
        expectClose(result.metrics[3].chance, (4 * 1.0 / 3 + 2.0 / 3) / 5)
        let same = try run(#"{"kind": "cross-modal", "first": \#(side), "second": \#(side)}"#, files)
        #expect(try metric(same, "image to image R@1") == [1, 1])
    }

    @Test func captionAndImageTogether() throws {
        let manifest = ["red", "blue"].map { #"{"id": "\#($0)", "file": "\#($0).bmp"}"# }.joined(separator: "\n")
        let texts = [
            ["red", "fr", "rouge"], ["red", "de", "rot"], ["blue", "fr", "bleu"], ["blue", "de", "blau"],
            ["gray", "de", "grau"],
        ]
        let json = """
            {"kind": "cross-modal", "subsets": [{"from": "fr", "to": "de"}], "both_ways": false,
             "first": {"file": "m.jsonl", "key": "id", "join": [{"file": "t.tsv", "key": "id", "where": {"lang": "{from}"}, "as": "c"}],
              "variants": [{"name": "both", "content": [{"text": "c.text"}, {"file": "file"}]}, {"name": "caption", "content": "c.text"}]},
             "second": {"name": "text", "file": "t.tsv", "key": "id", "where": {"lang": "{to}"}, "content": "text"}}
            """
        let files = [
            "m.jsonl": Array(manifest.utf8), "t.tsv": tsv(["id", "lang", "text"], texts), "red.bmp": bmp(255, 0, 0),
            "blue.bmp": bmp(0, 0, 255),
        ]
        let result = try run(json, files)
        #expect(
            result.metrics.map(\.name).filter { $0.hasSuffix("R@1") } == ["both to text R@1", "caption to text R@1"])
        #expect(result.counts == ["both": 2, "caption": 2, "text": 3])
        #expect(result.subsets.map(\.subset) == ["fr de"])
    }

    // MARK: - Policies

    @Test func subsetsCountTheSame() throws {
        let json =
            #"{"kind": "bitext", "subsets": {"lang": "{lang}.tsv"}, "file": "{lang}.tsv", "first": "x", "second": "y"}"#
        let files = [
            "a.tsv": tsv(["x", "y"], words.map { [$0, $0] }),
            "b.tsv": tsv(["x", "y"], [["apple", "river"], ["river", "apple"]]),
        ]
        let result = try run(json, files)
        #expect(result.subsets.map(\.subset) == ["a", "b"])
        #expect(try metric(result, "accuracy, both ways") == [0.5, 0.5])
        #expect(result.items == 12)
    }

    @Test func fewBadItemsAreLeftOutAndNamed() throws {
        let json = #"{"kind": "bitext", "file": "a.tsv", "first": "x", "second": "y"}"#
        var rows = (0..<100).map { ["text \($0)", "text \($0)"] }
        rows[40][1] = ""
        let result = try run(json, ["a.tsv": tsv(["x", "y"], rows)])
        #expect(result.skipped.count == 1 && result.items == 99)
        #expect(result.skipped.first?.hasSuffix("a.tsv line 42: part 1 is empty") == true, "\(result.skipped)")
        rows[50] = ["alone"]
        let error = #expect(throws: EvaluationError.self) { try run(json, ["a.tsv": tsv(["x", "y"], rows)]) }
        guard case .tooManySkipped("task", 2, 100, let first)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(first.hasSuffix("a.tsv line 52: 1 fields, the header has 2"))
    }

    @Test func nothingToMeasure() throws {
        let json = #"{"kind": "bitext", "file": "a.tsv", "first": "x", "second": "y"}"#
        #expect(throws: EvaluationError.noItems(task: "task")) { try run(json, ["a.tsv": tsv(["x", "y"], [])]) }
        let error = #expect(throws: EvaluationError.self) { try run(json, ["a.tsv": tsv(["x", "z"], [["a", "b"]])]) }
        #expect(error?.description.hasSuffix(#"a.tsv: has no column "y"; it has x, z"#) == true)
    }

    @Test(arguments: [0, 3_073]) func sizesThatTheModelLacks(size: Int) {
        #expect(throws: EvaluationError.dimensions(size, limit: 3_072)) {
            try Evaluator(Self.embedder, options: EvaluationOptions(dimensions: [size]))
        }
    }

    @Test func aLimitTakesItemsFromAllOfTheData() throws {
        let json = #"{"kind": "bitext", "file": "a.tsv", "first": "x", "second": "y"}"#
        let result = try run(json, ["a.tsv": tsv(["x", "y"], words.map { [$0, $0] })], limit: 4)
        #expect(result.items == 4 && result.metrics[0].chance == 0.25)
    }

    @Test func theSameRunGivesTheSameNumbers() throws {
        let json = #"{"kind": "sts", "file": "a.tsv", "first": "x", "second": "y", "score": "s"}"#
        let rows = words.indices.map { [words[$0], words[($0 * 3) % 10], "\($0 % 4)"] }
        let files = ["a.tsv": tsv(["x", "y", "s"], rows)]
        let first = try run(json, files)
        let again = try run(json, files)
        #expect(first.metrics == again.metrics)
    }
}
