import Castor
import CastorJSON
import CastorNumerics
import Encoder
import FoundationEssentials
import TestSupport
import Testing
import Training

@Suite struct RecipeTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

    /// A recipe as small as one can be.
    private static let least = """
        {"model": "m", "output": "o", "stages": [
          {"steps": 10, "data": [{"path": "x.jsonl"}], "schedule": {"peak": 1e-3}}]}
        """

    private func recipe(_ json: String = least, _ overrides: String...) throws -> Recipe {
        try Recipe(JSONValue(json: Array(json.utf8)), overrides: overrides)
    }

    @Test func leastRecipeHasAllDefaults() throws {
        let recipe = try recipe()
        #expect(recipe.seed == 1 && recipe.threads == nil && recipe.workers == 1 && recipe.cache.enabled)
        let stage = recipe.stages[0]
        #expect(stage.data[0].batch == 64 && stage.data[0].source.format == .jsonl && stage.accumulate == 1)
        #expect(stage.loss.contrastive.temperature == 0.05 && stage.memory.keep == "everything")
        #expect(recipe.evaluation.metric == "recall@1" && recipe.evaluation.heldOut == 0.05)
        // What it is written as says the same.
        #expect(try Recipe(recipe.tree) == recipe)
        #expect(try Recipe(JSONValue(json: Array(recipe.tree.pretty.utf8))) == recipe)
    }

    /// The defaults of the schema are those of the types that the trainer takes.
    @Test func defaultsAreTheTrainersOwn() throws {
        let stage = try recipe().stages[0]
        let configuration = try Model.configuration(path: Folders.nano)
        let options = stage.trainerOptions(steps: 100)
        #expect(options.optimizer == AdamW.Options() && options.engine == GradientEngine.Options())
        #expect(options.averageDecay == nil)
        #expect(options.schedule == Schedule(peak: 1e-3, decay: .cosine, warmUpSteps: 5, totalSteps: 100))
        let objective = try stage.objective(.castor(configuration), teachers: [], place: "stages[0]")
        let levels = configuration.matryoshkaDimensions.map { MatryoshkaLevel(size: $0) }
        #expect(objective == Objective(levels: levels))
        #expect(
            stage.data[0].audio == SoundAugmentation()
                && stage.data[0].source == DataSource(path: "x.jsonl", format: .jsonl))
        #expect(stage.data[0].image.aspect == PictureAugmentation().aspect)
    }

    /// An override that makes the least recipe wrong, and what is said about it.
    private static let mistakes: [(override: String, problem: String)] = [
        ("stages[0].data[0].rate=-1", "stages[0].data[0].rate: must be above 0, is -1"),
        ("stages[0].data[0].batch=0", "stages[0].data[0].batch: must be from 1 to 1000000, is 0"),
        ("stages[0].data[0].batch=1.5", "stages[0].data[0].batch: must be a whole number, is 1.5"),
        (
            "stages[0].data[0].batch=many",
            "stages[0].data[0].batch: must be a whole number from 1 to 1000000, is \"many\""
        ),
        (
            "stages[0].data[0].batch=9223372036854774784",
            "stages[0].data[0].batch: must be from 1 to 1000000, is 9223372036854774784"
        ),
        (
            "stages[0].data[0].bucket=9223372036854774784",
            "stages[0].data[0].bucket: must be from 1 to 1000000, is 9223372036854774784"
        ),
        ("stages[0].steps=1e18", "stages[0].steps: must be from 1 to 1000000000, is 1000000000000000000"),
        ("stages[0].epochs=1e30", "stages[0].epochs: must be above 0, at most 1000000, is 1e+30"),
        ("stages[0].accumulate=1e9", "stages[0].accumulate: must be from 1 to 1000000, is 1000000000"),
        ("threads=1000000000", "threads: must be from 1 to 1024, is 1000000000"),
        ("stages[0].data[0].promptDropout=1.5", "stages[0].data[0].promptDropout: must be from 0 to 1, is 1.5"),
        (
            "stages[0].data[0].format=jsnl",
            "stages[0].data[0].format: must be one of jsonl, tsv, csv, folder, is \"jsnl\". Did you mean \"jsonl\"?"
        ),
        ("stages[0].data[0].path=", "stages[0].data[0].path: is empty"),
        (
            "stages[0].data[0].image={\"flipp\": 1}",
            "stages[0].data[0].image.flipp: unknown key; did you mean \"flip\"?"
        ),
        ("stages[0].data[0].image.crop=0", "stages[0].data[0].image.crop: must be above 0, at most 1, is 0"),
        (
            "stages[0].data[0].path=x.tsv",
            "stages[0].data[0].header: is missing; say whether the first line names the columns"
        ),
        ("stages[0].data[0].header=true", "stages[0].data[0].header: is for tsv and csv, the format is jsonl"),
        ("stages[0].data[0].positive=false", "stages[0].data[0].positive: is false, and there is no teacher to follow"),
        (
            "stages[0].data[0]={\"path\": \"x.tsv\", \"header\": true, \"positive\": false, \"teacher\": \"x.npy\"}",
            "stages[0].data[0].positive: is false, and the stage follows no teacher"
        ),
        (
            "stages[0].data[0].path=x.bin",
            "stages[0].data[0].format: is missing, and the extension of x.bin does not tell it"
        ),
        (
            "stages[0].data[0].path=x.tsv.xz",
            "stages[0].data[0].path: is compressed, and only plain files are read: unpack it with `xz -dk x.tsv.xz` and name "
                + "the file that this makes"
        ),
        ("stages[0].data[0].template=a dog", "stages[0].data[0].template: has neither {class} nor {caption} in it"),
        ("stages[0].data[0].teacher={}", "stages[0].data[0].teacher: names no file"),
        (
            "stages[0].data[1]={\"path\": \"x.jsonl\"}",
            "stages[0].data[1].name: \"x.jsonl\" is the name of an earlier data set of the stage, too"
        ),
        (
            "stages[0].data[1]={\"path\": \"y.jsonl\", \"rate\": 2}",
            "stages[0].data[0].rate: is missing; other data sets of the stage have one"
        ),
        ("stages[0].data=[]", "stages[0].data: needs at least 1, has 0"),
        ("stages[0].data={}", "stages[0].data: must be a list of at least 1, each an object, is an object"),
        ("stages[1]={}", "stages[1].data: is missing; it must be a list of at least 1, each an object"),
        ("stages[0].epochs=2", "stages[0].epochs: is given beside steps; state one of them"),
        ("stages[0].steps=null", "stages[0].steps: is missing; state steps or epochs"),
        ("stages[0].schedule=null", "stages[0].schedule: is missing; it must be an object"),
        ("stages[0].schedule.peak=0", "stages[0].schedule.peak: must be above 0, is 0"),
        (
            "stages[0].schedule.decay=cosin",
            "stages[0].schedule.decay: must be one of constant, linear, cosine, is \"cosin\". Did you mean \"cosine\"?"
        ),
        ("stages[0].loss.sizes=[128,128]", "stages[0].loss.sizes: holds a size twice"),
        ("stages[0].loss.sizeWeights=[1]", "stages[0].loss.sizeWeights: needs sizes beside it"),
        (
            "stages[0].loss.contrastive.enabled=false",
            "stages[0].loss: has nothing to make small: contrastive is off, and there is no teacher loss"
        ),
        (
            "stages[0].loss.contrastive.temperature=true",
            "stages[0].loss.contrastive.temperature: must be a number from 0.001 to 10, is true"
        ),
        (
            "stages[0].optimizer.groups=[{\"rate\": 2}]",
            "stages[0].optimizer.groups[0].pattern: is missing; it must be a text"
        ),
        ("stages[0].memory.keep=all", "stages[0].memory.keep: must be one of everything, blockInputs, is \"all\""),
        (
            "evaluation.metric=recall",
            "evaluation.metric: must be one of recall@1, recall@5, recall@10, mrr, is \"recall\". Did you mean \"recall@1\"?"
        ),
        ("evaluation.heldOut=1", "evaluation.heldOut: must be from 0 to 0.9, is 1"),
        ("evaluation.data=[]", "evaluation.data: needs at least 1, has 0"),
        (
            "evaluation.data=[{\"path\": \"y.jsonl\", \"batch\": 3}]",
            "evaluation.data[0].batch: unknown key; known keys are name, path, format, header, query, positive, captions, template, "
                + "swap, prompt, positivePrompt, badShare, decides"
        ),
        (
            "evaluation.data=[{\"path\": \"y.tsv\"}]",
            "evaluation.data[0].header: is missing; say whether the first line names the columns"
        ),
        (
            "evaluation.data=[{\"path\": \"elsewhere/x.jsonl\"}]",
            "evaluation.data[0].name: \"x.jsonl\" is the name of another data set, too; give it one of its own"
        ),
        ("evaluation.tasks={}", "evaluation.tasks.files: is missing; it must be a list of at least 1, each a path"),
        ("model=null", "model: is missing; it must be a path"),
        ("stages=[]", "stages: needs at least 1, has 0"),
        ("seed=-1", "seed: must be from 0 to 9007199254740992, is -1"),
    ]

    @Test(arguments: mistakes.indices) func mistakeIsNamedByItsPlace(index: Int) {
        let (override, problem) = Self.mistakes[index]
        let error = #expect(throws: RecipeError.self) { try recipe(Self.least, override) }
        guard case .invalid(let problems)? = error else {
            Issue.record("\(override): \(String(describing: error))")
            return
        }
        #expect(problems.contains { $0.description == problem }, "\(problems)")
    }

    @Test func allMistakesAreTold() {
        let json = #"{"modell": "m", "stages": [{"data": [{"path": "x", "rates": 1}], "schedule": {"peak": -1}}]}"#
        let error = #expect(throws: RecipeError.self) { try recipe(json) }
        #expect(
            error?.description.split(separator: "\n").map(String.init) == [
                "modell: unknown key; did you mean \"model\"?", "model: is missing; it must be a path",
                "output: is missing; it must be a path",
                "stages[0].data[0].rates: unknown key; did you mean \"rate\"?",
                "stages[0].schedule.peak: must be above 0, is -1",
            ])
        #expect(throws: RecipeError.self) { try recipe("[]") }
    }

    private static let brokenJSON: [(json: String, reason: String)] = [
        ("", "line 1, column 1: a value is missing at the end"),
        ("{\n \"a\": 1,\n \"a\": 2}", "line 3, column 2: the key \"a\" is given twice"),
        ("{\"a\": 1,}", "line 1, column 9: a key in quotes"), ("{\"a\" 1}", "column 6: a colon"),
        ("[1 2]", "column 4: a comma or ]"), ("{\"a\": 1", "a comma or }"), ("[1,]", "column 4: a value is expected"),
        ("{} x", "more behind its end"), ("nan", "nan is neither"), ("0x10", "0x10 is neither"),
        ("1e999", "1e999 is neither"), ("tru", "tru is neither"), ("\"abc", "column 1: the text that starts here"),
        ("\"a\nb\"", "column 3: a text ends"), ("\"\\q\"", "\\q is no escape"), ("\"\\u12\"", "hexadecimal"),
        ("\"\\ud800\"", "surrogate"), (String(repeating: "[", count: 100), "nested more than 64"),
    ]

    @Test(arguments: brokenJSON.indices) func brokenJSONIsNamedByItsLine(index: Int) {
        let (json, reason) = Self.brokenJSON[index]
        let error = #expect(throws: JSONError.self) { try JSONValue(json: Array(json.utf8)) }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test func jsonIsRead() throws {
        let json = "\u{feff} {\"a\\n\\u00e9\\ud83d\\ude00\\/\": [1, -2.5e3, true, false, null, \"\", {}, []]}\r\n"
        #expect(
            try JSONValue(json: Array(json.utf8))
                == .object([
                    "a\né😀/": .list([
                        .number(1), .number(-2500), .flag(true), .flag(false), .null, .text(""), .object([:]),
                        .list([]),
                    ])
                ]))
    }

    @Test func mistakesOfAFileAreNamedByTheirLine() throws {
        try Folders.withTemporary { folder in
            let json =
                "{\"model\": \"m\", \"output\": \"o\",\n \"stages\": [\n  {\"steps\": 10, \"data\": [{\"path\": \"x.jsonl\",\n    \"rates\": 1}],"
                + "\n   \"schedule\": {\"peak\": -1}}]}"
            try Folders.write(Array(json.utf8), "\(folder)/r.json")
            let error = #expect(throws: RecipeError.self) { try Recipe(path: "\(folder)/r.json") }
            #expect(
                error?.description == "line 4: stages[0].data[0].rates: unknown key; did you mean \"rate\"?\n"
                    + "line 5: stages[0].schedule.peak: must be above 0, is -1")
        }
    }

    // MARK: - Overrides

    @Test func overridesChangeAddAndAppend() throws {
        let changed = try recipe(
            Self.least, "stages[0].schedule.peak=2e-4", "stages[0].loss.teacherSimilarity={}", "name=7",
            "stages[0].data[].path=y.jsonl", "stages[0].loss.sizes=[64, 128]", "stages[0].optimizer.freeze[]=text.*",
            "stages[0].data[0].prompt=CLUSTERING", "threads=2")
        let stage = changed.stages[0]
        #expect(stage.schedule.peak == 2e-4 && stage.loss.teacherSimilarity?.weight == 1 && changed.name == "7")
        #expect(stage.data.map(\.path) == ["x.jsonl", "y.jsonl"] && stage.loss.sizes == [64, 128])
        #expect(stage.optimizer.freeze == ["text.*"] && stage.data[0].prompt == "CLUSTERING" && changed.threads == 2)
    }

    private static let badOverrides: [(text: String, reason: String)] = [
        ("seed", "is not of the form key=value"), ("=1", "no place in a recipe"), ("stages[x].steps=1", "no place"),
        ("stages[0.steps=1", "no place"), ("sed=1", "sed: unknown key; did you mean \"seed\"?"),
        ("stages[0].schedule.peek=1", "stages[0].schedule.peek: unknown key; did you mean \"peak\"?"),
        ("stages[3].steps=1", "stages[3] is beyond the end; the list has 1"), ("seed.x=1", "seed has no keys"),
        ("seed[0]=1", "seed is not a list"),
    ]

    @Test(arguments: badOverrides.indices) func badOverrideIsNamed(index: Int) {
        let (text, reason) = Self.badOverrides[index]
        let error = #expect(throws: RecipeError.self) { try recipe(Self.least, text) }
        guard case .override(text, let found)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(found.contains(reason), "\(found)")
    }

    // MARK: - Files

    @Test func pathsAreRelativeToTheRecipe() throws {
        try DataFolder.with { folder in
            let path = try folder.write("deep/r.json", "\u{feff}" + Self.least)
            let recipe = try Recipe(
                path: path, overrides: ["stages[0].data[].path=here.jsonl", "cache.folder=/absolute"])
            #expect(recipe.model == "\(folder.path)/deep/m" && recipe.output == "\(folder.path)/deep/o")
            #expect(recipe.stages[0].data.map(\.path) == ["\(folder.path)/deep/x.jsonl", "here.jsonl"])
            #expect(recipe.cache.folder == "/absolute")
            #expect(throws: RecipeError.notFound(path: "\(folder.path)/no.json")) {
                try Recipe(path: "\(folder.path)/no.json")
            }
            let broken = try folder.write("b.json", "{\n  \"model\": \"m\",,\n}")
            let error = #expect(throws: RecipeError.self) { try Recipe(path: broken) }
            #expect(error?.description.contains("b.json: is not valid JSON: ") == true)
            #expect(error?.description.contains("line 2, column 16") == true, "\(String(describing: error))")
        }
    }

    /// JSON is YAML, too; what is only YAML is not read, and that is said.
    @Test(arguments: ["r.yaml", "r.YML"]) func aYAMLRecipeIsRefusedUnlessItIsJSON(name: String) throws {
        try DataFolder.with { folder in
            #expect(try Recipe(path: folder.write("json/\(name)", Self.least)).seed == 1)
            let yaml = try folder.write(name, "model: m\noutput: o\n")
            let error = #expect(throws: RecipeError.self) { try Recipe(path: yaml) }
            #expect(
                error?.description.contains("\(name): is YAML by its name; a recipe is read as JSON only") == true,
                "\(String(describing: error))")
        }
    }

    @Test func twoStagesOfOneNameAreAMistake() {
        let json = """
            {"model": "m", "output": "o", "stages": [
              {"name": "a", "steps": 1, "data": [{"path": "x.jsonl"}], "schedule": {"peak": 1}},
              {"name": "a", "steps": 1, "data": [{"path": "x.jsonl"}], "schedule": {"peak": 1}}]}
            """
        #expect(
            throws: RecipeError.invalid([.init(path: "stages[1].name", reason: "\"a\" is an earlier stage's, too")])
        ) {
            try recipe(json)
        }
    }

    @Test func shippedRecipesAreRight() throws {
        let folder = "\(Self.root)/recipes"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".json") }
        #expect(
            Set(names).isSuperset(of: [
                "text-pairs.json", "image-caption.json", "audio-label.json", "finetune-500.json",
            ]))
        let readme = String(decoding: try Folders.read("\(folder)/README.md"), as: UTF8.self)
        for name in names {
            let recipe = try Recipe(path: "\(folder)/\(name)")
            #expect("\(recipe.name).json" == name && readme.contains("`\(name)`"))
        }
    }

    /// castor-small's patch embedding does not bear training on few pictures: docs/training.md, "What small data give".
    @Test(arguments: ["image-caption", "frame-pairs", "finetune-500", "distil-hosted"])
    func recipesForPicturesFreezeThePatchEmbedding(name: String) throws {
        let recipe = try Recipe(path: "\(Self.root)/recipes/\(name).json")
        for stage in recipe.stages { #expect(stage.optimizer.freeze.contains("image.patch_embedding.*")) }
    }

    @Test func documentationHasTheSchemasTable() throws {
        let docs = String(decoding: try Folders.read("\(Self.root)/docs/recipes.md"), as: UTF8.self)
        #expect(docs.contains(RecipeSchema.markdown), "docs/recipes.md lacks this table:\n\(RecipeSchema.markdown)")
    }

    // MARK: - What becomes of it

    @Test func stageBecomesALossAndOptions() throws {
        let configuration = try Model.configuration(path: Folders.nano)
        let stage = try recipe(
            Self.least, "stages[0].loss.teacherCosine.head=true", "stages[0].loss.teacherSimilarity.temperature=0.1",
            "stages[0].loss.sizes=[128,3072]", "stages[0].loss.sizeWeights=[2,1]", "stages[0].optimizer.maxNorm=0",
            "stages[0].optimizer.groups=[{\"pattern\":\"image.*\",\"rate\":0.1}]",
            "stages[0].optimizer.freeze=[\"text.embedding.*\"]", "stages[0].memory.keep=blockInputs"
        ).stages[0]
        let objective = try stage.objective(.castor(configuration), teachers: [384], place: "stages[0]")
        #expect(objective.levels == [.init(size: 128, weight: 2), .init(size: 3072)])
        #expect(objective.teacherDimensions == 384 && objective.teacherCosine?.usesHead == true)
        #expect(objective.teacherSimilarity?.distance == .divergence(temperature: 0.1))
        let options = stage.trainerOptions(steps: 10)
        #expect(options.optimizer.maxNorm == nil && options.engine.keeping == .blockInputs)
        #expect(
            options.optimizer.groups == [
                ParameterGroup("text.embedding.*", frozen: true), ParameterGroup("image.*", rateFactor: 0.1),
            ])
        for teachers in [[], [384, 512]] as [Set<Int>] {
            #expect(throws: RecipeError.self) {
                try stage.objective(.castor(configuration), teachers: teachers, place: "stages[0]")
            }
        }
        let large = try recipe(Self.least, "stages[0].loss.sizes=[4000]").stages[0]
        let error = #expect(throws: RecipeError.self) {
            try large.objective(.castor(configuration), teachers: [], place: "stages[2]")
        }
        #expect(error?.description == "stages[2].loss.sizes: 4000 is more than the model's 3072")
    }

    @Test func epochsBecomeSteps() throws {
        let stage = try recipe(Self.least, "stages[0].steps=null", "stages[0].epochs=2.5", "stages[0].accumulate=2")
            .stages[0]
        #expect(stage.stepCount(batches: 9) == 12 && stage.stepCount(batches: 0) == 1)
        #expect(try recipe().stages[0].stepCount(batches: 9) == 10)
    }

    @Test func recipeOpensItsData() throws {
        try DataFolder.with { folder in
            try folder.write("cats/a/1.bmp", Made.picture(seed: 1))
            _ = try folder.pairs(60)
            let path = try folder.write(
                "r.json",
                """
                {"model": "m", "output": "o", "stages": [{"epochs": 1, "schedule": {"peak": 1}, "data": [
                  {"path": "pairs.tsv", "header": false, "rate": 3, "batch": 16, "heldOut": 0.3},
                  {"path": "cats", "rate": 1, "image": {"crop": 0.5}}]}], "evaluation": {"heldOut": 0}}
                """)
            let plan = try RunPlan(
                Recipe(path: path, overrides: ["model=\(Folders.nano)"]), pool: WorkerPool(threads: 1))
            let tasks = plan.stages[0].tasks
            #expect(tasks[0].cache == nil && tasks[1].cache?.path.hasPrefix("\(folder.path)/o/cache/cats-") == true)
            #expect(tasks[0].sampling.rate == 3 && !tasks[0].sampling.dataSet.heldOut.isEmpty)
            #expect(tasks[1].samples.picture.crop == 0.5)
            let stream = try DataStream(tasks, plan.preparation, seed: 4, steps: 5, prefetching: plan.prefetching)
            #expect(try stream.next() != nil)
        }
    }
}
