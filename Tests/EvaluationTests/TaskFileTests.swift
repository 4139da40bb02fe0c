import Evaluation
import TestSupport
import Testing

/// What a task file may say, and what is said about one that is wrong.
@Suite struct TaskFileTests {
    private func withTask<Result>(
        _ json: String, _ files: [String: String] = [:], _ body: (_ folder: String) throws -> Result
    ) throws -> Result {
        try Folders.withTemporary { folder in
            for (name, text) in files { try Folders.write(Array(text.utf8), "\(folder)/\(name)") }
            try Folders.write(Array(json.utf8), "\(folder)/task.json")
            return try body(folder)
        }
    }

    @Test(arguments: [
        ("{", "is not valid JSON: line 1, column 2: a key in quotes is expected here"),
        (
            #"{"kind": "sts", "kind": "bitext"}"#,
            #"is not valid JSON: line 1, column 17: the key "kind" is given twice"#
        ),
        ("[]", "must be an object"),
        (#"{"name": "x"}"#, "kind: is missing"),
        (
            #"{"kind": "juggling"}"#,
            #"kind: "juggling" is unknown; known: sts, bitext, classification, clustering, zero-shot, retrieval, cross-modal"#
        ),
        (#"{"kind": 3}"#, "kind: must be a text"),
        (#"{"kind": "sts", "file": "a.tsv", "first": "a", "second": "b"}"#, "score: is missing"),
        (#"{"kind": "sts", "first": "a", "second": "b", "score": "s"}"#, "file: is missing"),
        (
            #"{"kind": "bitext", "file": "a.tsv", "first": "a", "second": "b", "score": "s"}"#,
            "score: unknown key; known here: kind, name, description, subsets, file, where, join, first, second, prompt"
        ),
        (
            #"{"kind": "bitext", "file": "a.tsv", "first": [{"image": "a"}], "second": "b"}"#,
            "first[0].image: unknown key; known here: text, file, each"
        ),
        (
            #"{"kind": "bitext", "file": "a.tsv", "first": [{"text": "a", "file": "b"}], "second": "b"}"#,
            "first[0]: needs exactly one of text, file, each"
        ),
        (
            #"{"kind": "bitext", "file": "a.tsv", "first": [{"each": "a"}], "second": "b"}"#,
            #"first: "each" is for cross-modal tasks"#
        ),
        (
            #"{"kind": "bitext", "file": "a.tsv", "first": "a", "second": "b", "prompt": "DANCING"}"#,
            #"prompt: "DANCING" is unknown; known: RETRIEVAL_QUERY, RETRIEVAL_DOCUMENT, SEMANTIC_SIMILARITY, CLASSIFICATION, CLUSTERING, QUESTION_ANSWERING, FACT_VERIFICATION, CODE_RETRIEVAL_QUERY"#
        ),
        (
            #"{"kind": "classification", "train": "a.tsv", "test": "a.tsv", "content": "a", "label": "b", "c": 0}"#,
            "c: must be above 0"
        ),
        (
            #"{"kind": "classification", "train": "a.tsv", "test": "a.tsv", "content": "a", "label": "b", "neighbors": 1.5}"#,
            "neighbors: must be a whole number above 0"
        ),
        (
            #"{"kind": "zero-shot", "file": "a.tsv", "content": "a", "label": "b", "templates": ["a photo"]}"#,
            #"templates: "a photo" has no {} for the class"#
        ),
        (
            #"{"kind": "cross-modal", "first": {"file": "a.tsv", "content": "a", "key": "k"}, "second": {"file": "a.tsv", "content": "b"}}"#,
            "second.key: is missing: both sides need one, or none"
        ),
        (
            #"{"kind": "cross-modal", "first": {"file": "a.tsv", "content": "a"}, "second": {"file": "b.tsv", "content": "b"}}"#,
            "first.key: is missing: rows of two files are joined by a key"
        ),
        (
            #"{"kind": "cross-modal", "first": {"file": "a.tsv", "content": "a", "variants": []}, "second": {"file": "a.tsv", "content": "b"}}"#,
            "first.variants: stand for content and name: give one or the other"
        ),
        (
            #"{"kind": "sts", "file": "a.tsv", "first": "a", "second": "b", "score": "s", "subsets": "all"}"#,
            #"subsets: must be {"name": [..]}, {"name": "file name with {name}"} or [{..}, ..]"#
        ),
        (
            #"{"kind": "sts", "file": "a.tsv", "first": "a", "second": "b", "score": "s", "subsets": {"lang": "a.tsv"}}"#,
            #"subsets: "a.tsv" must have {lang} once, in the file's name"#
        ),
        (
            #"{"kind": "sts", "file": "a.tsv", "first": "a", "second": "b", "score": "s", "where": {"a": 3}}"#,
            "where.a: must be a text or a list of texts"
        ),
    ])
    func wrongTasksSayWhere(json: String, message: String) throws {
        try withTask(json, ["a.tsv": "a\tb\ts\n"]) { folder in
            let error = #expect(throws: EvaluationError.self) { try TaskFile(path: "\(folder)/task.json", data: nil) }
            // With the line of a key that is in the file.
            let lines = ["", " line 1"].map { "\(folder)/task.json\($0): \(message)" }
            #expect(lines.contains(error?.description ?? ""), "\(String(describing: error))")
            #expect(error?.kind == .input)
        }
    }

    @Test func mistakesAreNamedByTheirLine() throws {
        try withTask("{\"kind\": \"sts\",\n \"file\": \"a.tsv\",\n \"frist\": \"a\"}") { folder in
            let error = #expect(throws: EvaluationError.self) { try TaskFile(path: "\(folder)/task.json", data: nil) }
            #expect(error?.description.hasPrefix("\(folder)/task.json line 3: frist: unknown key") == true)
        }
    }

    @Test func missingFilesAreNamedBeforeAnythingRuns() throws {
        try withTask(#"{"kind": "sts", "file": "no.tsv", "first": "a", "second": "b", "score": "s"}"#) { folder in
            #expect(throws: EvaluationError.notFound(path: "\(folder)/no.tsv")) {
                try TaskFile(path: "\(folder)/task.json", data: nil)
            }
            #expect(throws: EvaluationError.notFound(path: "\(folder)/none.json")) {
                try TaskFile.all(["\(folder)/none.json"], data: nil)
            }
            #expect(throws: EvaluationError.notFound(path: "\(folder)/elsewhere/no.tsv")) {
                try TaskFile(path: "\(folder)/task.json", data: "\(folder)/elsewhere")
            }
        }
        try Folders.withTemporary { folder in
            _ = #expect(throws: EvaluationError.noTasks(path: folder)) { try TaskFile.all([folder], data: nil) }
        }
    }

    @Test func subsetsComeFromListsAndFileNames() throws {
        let rest = #""kind": "sts", "file": "x_{lang}.tsv", "first": "a", "second": "b", "score": "s""#
        let files = ["x_de.tsv": "", "x_fr.tsv": "", "x_.tsv": "", "y_it.tsv": "", "x_de.txt": ""]
        #expect(try labels(#"{"subsets": {"lang": "x_{lang}.tsv"}, \#(rest)}"#, files) == ["de", "fr"])
        #expect(try labels(#"{"subsets": {"lang": ["fr", "de"]}, \#(rest)}"#, files) == ["fr", "de"])
        #expect(try labels(#"{"subsets": [{"lang": "fr", "b": "z"}], \#(rest)}"#, files) == ["z fr"])
        let error = #expect(throws: EvaluationError.self) {
            try labels(#"{"subsets": {"lang": "q_{lang}.tsv"}, \#(rest)}"#, files)
        }
        #expect(error?.kind == .notFound && error?.description.contains("q_{lang}.tsv") == true)
    }

    private func labels(_ json: String, _ files: [String: String]) throws -> [String] {
        try withTask(json, files) { try TaskFile(path: "\($0)/task.json", data: nil).subsetLabels }
    }

    @Test func theNameIsTheFilesUnlessGiven() throws {
        let json = #"{"kind": "sts", "file": "a.tsv", "first": "a", "second": "b", "score": "s"}"#
        try withTask(json, ["a.tsv": ""]) { folder in
            let task = try TaskFile(path: "\(folder)/task.json", data: nil)
            #expect(task.name == "task" && task.kindName == "sts" && task.hasPrompts && task.subsetLabels.isEmpty)
        }
    }
}
