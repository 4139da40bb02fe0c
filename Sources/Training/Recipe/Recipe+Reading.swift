package import CastorJSON
import CastorNumerics
import Encoder
import FoundationEssentials

extension Recipe {
    /// Reads a recipe. Paths in it are relative to its folder; those in overrides to the working folder.
    ///
    /// - Parameter overrides: `stages[0].schedule.peak=1e-3`, in order
    package init(path: String, overrides: [String] = []) throws(RecipeError) {
        let file: MappedFile
        do { file = try MappedFile(path: path) } catch {
            if case .notFound = error { throw .notFound(path: path) }
            throw .unreadable(path: path, reason: error.description)
        }
        var folder = ""
        if let slash = path.lastIndex(of: "/") { folder = slash == path.startIndex ? "/" : String(path[..<slash]) }
        let tree: JSONValue
        do throws(JSONError) { tree = try JSONValue(json: file.bytes) } catch {
            let isYAML = [".yaml", ".yml"].contains { path.lowercased().hasSuffix($0) }
            throw .syntax(
                path: path,
                reason: isYAML
                    ? "is YAML by its name; a recipe is read as JSON only, and this is none: \(error.description)"
                    : "is not valid JSON: \(error.description)"
                        + (Self.isLines(file.bytes) ? "; \(Self.dataAdvice)" : ""))
        }
        guard case .object = tree else {
            throw .syntax(path: path, reason: "is no recipe, which is an object; \(Self.dataAdvice)")
        }
        do throws(RecipeError) { try self.init(tree, folder: folder, overrides: overrides) } catch {
            // With overrides a mistake may be one of theirs.
            guard overrides.isEmpty, case .invalid(var problems) = error else { throw error }
            let lines = JSONLines(Array(file.bytes))
            for index in problems.indices { problems[index].line = lines[problems[index].path] }
            throw .invalid(problems)
        }
    }

    private static let dataAdvice = "data have a pair a line, in a file that ends in .jsonl"

    /// Whether the first line alone is JSON.
    private static func isLines(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return false }
        return (try? JSONValue(json: UnsafeRawBufferPointer(rebasing: bytes[..<end]))) != nil
    }

    /// - Parameter folder: what paths in `tree` are relative to; empty for the working folder
    package init(_ tree: JSONValue, folder: String = "", overrides: [String] = []) throws(RecipeError) {
        var tree = RecipeSchema.root.resolvingPaths(tree, in: folder)
        for text in overrides { try RecipeOverride(text).apply(to: &tree) }
        var problems: [RecipeProblem] = []
        let checked = RecipeSchema.root.checked(tree, "", &problems)
        guard problems.isEmpty else { throw .invalid(problems) }
        do {
            self = try JSONDecoder().decode(Recipe.self, from: JSONEncoder().encode(checked))
        } catch {
            throw .invalid([RecipeProblem(path: "recipe", reason: "cannot be read: \(error)")])
        }
        problems = conflicts
        guard problems.isEmpty else { throw .invalid(problems) }
    }

    /// The recipe as a tree, every default in it: for checkpoints, reports and model cards.
    package var tree: JSONValue {
        do {
            return try JSONValue(json: Array(JSONEncoder().encode(self)))
        } catch {
            preconditionFailure("a recipe cannot be written: \(error)")
        }
    }

    /// Keys that are right one by one and wrong together.
    private var conflicts: [RecipeProblem] {
        var problems: [RecipeProblem] = []
        func check(_ holds: Bool, _ path: String, _ reason: String) {
            if !holds { problems.append(RecipeProblem(path: path, reason: reason)) }
        }
        var stageNames: Set<String> = []
        for (index, stage) in stages.enumerated() {
            let place = "stages[\(index)]"
            if let name = stage.name {
                check(stageNames.insert(name).inserted, "\(place).name", "\"\(name)\" is an earlier stage's, too")
            }
            check(stage.steps != nil || stage.epochs != nil, "\(place).steps", "is missing; state steps or epochs")
            check(
                stage.steps == nil || stage.epochs == nil, "\(place).epochs", "is given beside steps; state one of them"
            )
            check(
                stage.precision.isAvailable, "\(place).precision",
                "is \(stage.precision.rawValue), for which this processor has no instructions (AVX512-BF16); \"single\" runs on all"
            )
            let rates = stage.data.count { $0.rate != nil }
            if rates > 0, let missing = stage.data.firstIndex(where: { $0.rate == nil }) {
                check(false, "\(place).data[\(missing)].rate", "is missing; other data sets of the stage have one")
            }
            if let sizes = stage.loss.sizes {
                check(Set(sizes).count == sizes.count, "\(place).loss.sizes", "holds a size twice")
            }
            if let weights = stage.loss.sizeWeights {
                let count = stage.loss.sizes?.count
                check(
                    weights.count == count, "\(place).loss.sizeWeights",
                    count.map { "has \(weights.count) weights for \($0) sizes" } ?? "needs sizes beside it")
            }
            let loss = stage.loss
            check(
                loss.contrastive.enabled || loss.teacherCosine != nil || loss.teacherSimilarity != nil,
                "\(place).loss", "has nothing to make small: contrastive is off, and there is no teacher loss")
            var names: Set<String> = []
            for (number, data) in stage.data.enumerated() {
                let path = "\(place).data[\(number)]"
                check(
                    names.insert(data.source.name).inserted, "\(path).name",
                    "\"\(data.source.name)\" is the name of an earlier data set of the stage, too")
                data.conflicts(check: { check($0, "\(path).\($1)", $2) })
                check(
                    data.positive != .none || loss.teacherCosine != nil || loss.teacherSimilarity != nil,
                    "\(path).positive", "is false, and the stage follows no teacher")
            }
        }
        var names = Set(stages.flatMap(\.data).map(\.source.name))
        for (number, set) in (evaluation.data ?? []).enumerated() {
            let (path, data) = ("evaluation.data[\(number)]", set.data)
            check(
                names.insert(data.source.name).inserted, "\(path).name",
                "\"\(data.source.name)\" is the name of another data set, too; give it one of its own")
            data.conflicts(check: { check($0, "\(path).\($1)", $2) })
            check(set.positive != .none, "\(path).positive", "is false, and retrieval needs one")
        }
        return problems
    }
}

extension Recipe.Data {
    fileprivate func conflicts(check: (Bool, String, String) -> Void) {
        let format = source.format
        let isTable = format == .tsv || format == .csv
        if let compression = Compression(fileName: path) {
            check(false, "path", compression.advice(path))
            return
        }
        check(
            self.format != nil || guessedFormat != nil, "format",
            "is missing, and the extension of \(path) does not tell it")
        check(!isTable || header != nil, "header", "is missing; say whether the first line names the columns")
        check(isTable || header == nil, "header", "is for tsv and csv, the format is \(format.rawValue)")
        for (key, column) in [("query", query), ("positive", positive)]
            + negatives.enumerated().map({
                ("negatives[\($0)]", $1)
            })
        {
            if case .name(let name) = column, isTable, header == false {
                check(false, key, "asks for a column by its name, \"\(name)\", and header is false")
            }
        }
        check(positive != .none || teacher?.query != nil, "positive", "is false, and there is no teacher to follow")
        check(positive != .none || teacher?.positive == nil, "teacher.positive", "is given, and positive is false")
        check(
            template.values.allSatisfy { $0.contains("{class}") || $0.contains("{caption}") }, "template",
            "has neither {class} nor {caption} in it")
        check(teacher == nil || teacher?.query != nil || teacher?.positive != nil, "teacher", "names no file")
    }

    private var guessedFormat: DataSource.Format? {
        guard let name = path.split(separator: "/").last else { return .folder }
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return .folder }
        return switch name[name.index(after: dot)...].lowercased() {
        case "jsonl", "ndjson": .jsonl
        case "tsv": .tsv
        case "csv": .csv
        default: nil
        }
    }

    /// What a data set is opened by. Held-out share: this data set's, or the caller's.
    package var source: DataSource {
        var source = DataSource(path: path, format: format ?? guessedFormat ?? .folder)
        if let name { source.name = name }
        func column(_ column: Recipe.Column) -> DataSource.Column? {
            switch column {
            case .name(let name): .name(name)
            case .index(let index): .index(index)
            case .none: nil
            }
        }
        source.hasHeader = header ?? false
        source.query = column(query) ?? .index(0)
        source.positive = column(positive)
        source.negatives = negatives.compactMap(column)
        source.captions = captions
        source.templates = template.values
        source.swapped = swap
        source.queryTeacher = teacher?.query
        source.positiveTeacher = teacher?.positive
        source.badShare = badShare
        source.heldOut = heldOut ?? 0
        return source
    }
}
