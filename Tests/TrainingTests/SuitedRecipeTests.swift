import Castor
import CastorJSON
import CastorNumerics
import FoundationEssentials
import TestSupport
import Testing
import Training

/// Recipes that follow from data.
@Suite struct SuitedRecipeTests {
    private static let pool = WorkerPool(threads: 2)

    private func suited(_ path: String) throws -> SuitedRecipe {
        try SuitedRecipe(data: path, model: Folders.nano, output: "/out", pool: Self.pool)
    }

    /// Every size of a data set gives a recipe that is one, with something to learn from and something to judge by.
    @Test(arguments: [20, 99, 100, 400, 999, 1_000, 4_999, 12_000, 2_000_000])
    func amounts(pairs: Int) {
        for kinds in [MediaKinds(), .images, .sounds, [.images, .long]] {
            for isImported in [false, true] {
                let found = SuitedRecipe.Amounts(
                    pairs: pairs, kinds: kinds, isImported: isImported, isClasses: pairs % 2 == 0)
                let held = Double(pairs) * found.heldOut
                #expect(held >= 6 && found.heldOut <= 0.3, "\(pairs): \(held)")
                #expect(Double(found.batch) <= Double(pairs) - held && found.batch >= 8)
                // A batch of all but a few pairs would be one step a pass.
                #expect(found.steps >= 2 * found.epochs && found.evaluatedEvery >= 1)
                #expect(found.rate <= 5e-4)
            }
        }
    }

    @Test func theRecipeIsOne() throws {
        try DataFolder.with { folder in
            let path = try folder.pairs(300)
            let found = try suited(path)
            let recipe = try Recipe(found.tree)
            #expect(recipe.stages[0].data[0].path == path && recipe.stages[0].data[0].header == false)
            #expect(recipe.output == "/out" && recipe.model == Folders.nano)
            #expect(recipe.evaluation.heldOut == 0.2 && recipe.evaluation.distractors == 1_000)
            #expect(found.choices[0].hasPrefix("pairs.tsv: 300 pairs of texts, "), "\(found.choices)")
            #expect(found.choices[1].contains("--set stages[0].data[0].header=true"), "\(found.choices)")
            _ = try RunPlan(recipe, pool: Self.pool)
        }
    }

    /// Data in a file that recipes have the name of.
    @Test(arguments: [#"[{"query": "a", "positive": "b"}]"#, "{\"query\": \"a\"}\n{\"query\": \"b\"}\n", "7"])
    func dataAreNoRecipe(text: String) throws {
        try DataFolder.with { folder in
            let path = try folder.write("data.json", text)
            for overrides in [[], ["seed=3"]] {
                let error = #expect(throws: RecipeError.self) { try Recipe(path: path, overrides: overrides) }
                #expect(error?.description.contains("ends in .jsonl") == true, "\(String(describing: error))")
            }
        }
    }

    @Test func longTextsAreSaid() throws {
        try DataFolder.with { folder in
            let long = String(repeating: "a word and ", count: 3_000)
            let path = try folder.write(
                "long.tsv", (0..<30).map { "question \($0)\tanswer \($0)\($0 == 7 ? long : "")\n" }.joined())
            let choices = try suited(path).choices
            #expect(choices.contains { $0.contains("long texts take time and memory") }, "\(choices)")
            let short = try suited(folder.pairs(300)).choices
            #expect(!short.contains { $0.contains("long texts") })
        }
    }

    @Test func media() throws {
        try DataFolder.with { folder in
            for number in 0..<24 {
                let name = number % 3 == 0 ? "red_car" : "tree"
                try folder.write("photos/\(name)/\(number).bmp", Made.picture(seed: UInt64(number)))
            }
            let found = try suited("\(folder.path)/photos")
            let recipe = try Recipe(found.tree)
            #expect(recipe.stages[0].optimizer.freeze == ["image.patch_embedding.*"])
            #expect(recipe.stages[0].data[0].header == nil)
            #expect(
                found.choices[0] == "photos: 24 pairs of texts with pictures, 2 queries and 24 answers that differ",
                "\(found.choices)")
            for number in 0..<20 {
                try folder.write(
                    "sounds/\(number % 2 == 0 ? "beep" : "boo")/\(number).wav", Made.sound(seed: UInt64(number)))
            }
            let sounds = try Recipe(suited("\(folder.path)/sounds").tree)
            #expect(sounds.stages[0].data[0].audio.shift > 0 && sounds.stages[0].optimizer.freeze == [])
        }
    }

    /// As some spreadsheets write it.
    @Test func semicolonsAreReadAndSaid() throws {
        try DataFolder.with { folder in
            let lines = (0..<30).map { "\"query; \($0)\";answer \($0), \($0)\n" }.joined()
            let found = try suited(folder.write("semi.csv", "query;answer\n" + lines))
            #expect(found.choices[1] == "its columns are divided by semicolons", "\(found.choices)")
            let recipe = try Recipe(found.tree)
            #expect(recipe.stages[0].data[0].header == true)
            let set = try DataSet(recipe.stages[0].data[0].source, pool: Self.pool)
            #expect(try set.texts[7] == ["query; 7", "answer 7, 7"])
        }
    }

    /// By a link, too: the next look at the data would find what was written.
    @Test func theOutputIsNotInTheData() throws {
        try DataFolder.with { folder in
            for number in 0..<20 {
                try folder.write("photos/\(number % 2)/\(number).bmp", Made.picture(seed: UInt64(number)))
            }
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder.path)/link", withDestinationPath: "\(folder.path)/photos")
            let data = "\(folder.path)/photos"
            for output in ["photos", "photos/out", "link/out/deep", "link", "photos/../link/out"] {
                #expect("\(output)") {
                    try SuitedRecipe.requireApart(data: data, output: "\(folder.path)/\(output)")
                } throws: { "\($0)".contains("the folder of the training is in that of the data") }
            }
            #expect(throws: RunError.self) {
                try SuitedRecipe(
                    data: "\(folder.path)/link", model: Folders.nano, output: "\(data)/out", pool: Self.pool)
            }
            for output in ["out", "photos2", "link/../out"] {
                try SuitedRecipe.requireApart(data: data, output: "\(folder.path)/\(output)")
            }
            try SuitedRecipe.requireApart(data: data, output: "out")
            _ = try SuitedRecipe(data: data, model: Folders.nano, output: nil, pool: Self.pool)
        }
    }

    @Test func refusals() throws {
        try DataFolder.with { folder in
            func fails(_ path: String, _ words: String, isMissing: Bool = false) {
                #expect("\(path)") {
                    _ = try suited(path)
                } throws: { error in
                    if case .recipe(_, let missing)? = error as? RunError, missing != isMissing { return false }
                    return "\(error)".contains(words)
                }
            }
            fails(try folder.pairs(19), "19 different pairs are too few")
            let copies = (0..<300).map { "query \($0 % 10)\tanswer \($0 % 10)\n" }.joined()
            fails(try folder.write("copies.tsv", copies), "10 different pairs are too few")
            let one = String(repeating: "query\tanswer\n", count: 30)
            fails(try folder.write("one.tsv", one), "1 different pair is too few")
            fails("\(folder.path)/none.tsv", "no such file", isMissing: true)
            fails("\(folder.path)/none", "no such file", isMissing: true)
            fails(try folder.write("pairs.tsv.xz", "x"), "xz -dk")
            fails(try folder.write("same.tsv", (0..<30).map { "one\ttext \($0)\n" }.joined()), "the same query")
            let labels = (0..<30).map { "text \($0)\tone\n" }.joined()
            fails(try folder.write("labels.tsv", labels), "the same answer")
            fails(try folder.write("data.txt", "x"), "a folder, or a file that ends in")
            let line = #"{"query": {"parts": [{"text": "a"}]}, "teacher": [0.5, 1]}"# + "\n"
            fails(try folder.write("t.jsonl", String(repeating: line, count: 30)), "distil-hosted")
        }
    }

    @Test(
        arguments: [
            (["query", "answer"], 0, 1, []), (["Question", "Context"], 0, 1, []), (["label", "text"], 1, 0, []),
            (["id", "description", "example", "url"], 1, 2, []), (["anchor", "positive", "negative"], 0, 1, [2]),
            (["sentence1", "sentence2", "score"], 0, 1, []), (["title", "text"], 0, 1, []),
            (["url", "title", "question", "answer"], 2, 3, []),
        ] as [([String], Int, Int, [Int])])
    func headers(fields: [String], query: Int, positive: Int, negatives: [Int]) throws {
        let found = try #require(TableHeader(fields))
        #expect(found.query == query && found.positive == positive && found.negatives == negatives)
    }

    @Test(arguments: [
        ["a sleepy kitten", "a tired cat"], ["text"], ["how do I text", "answer me"], ["query", "x"], [],
        ["negative", "hard_negative"],
    ])
    func pairsAreNoHeaders(fields: [String]) {
        #expect(TableHeader(fields) == nil)
    }

    @Test func verdicts() {
        func verdict(_ before: Double, _ after: Double, _ asked: Int, keepsStart: Bool = false) -> Verdict {
            Verdict(before: before, after: after, asked: asked, candidates: 500, chance: 0.1, keepsStart: keepsStart)
        }
        #expect(verdict(0.5, 0.7, 200).outcome == .better)
        #expect(verdict(0.7, 0.5, 200).outcome == .worse)
        // Below what a random order finds.
        #expect(verdict(0.01, 0.09, 1_000).outcome == .unclear)
        // Two of ten.
        #expect(verdict(0.5, 0.7, 10).outcome == .unclear)
        #expect(verdict(1, 1, 10).outcome == .unclear)
        #expect(verdict(0.5, 0.5, 200, keepsStart: true).outcome == .nothing)
        #expect(
            verdict(0.5, 0.7, 200).sentence.hasPrefix(
                "Better: the model finds the right one first for 70.0 % of what it was not trained on (200 different"))
    }
}
