import Castor
package import CastorJSON
package import CastorNumerics
import Encoder
import Glibc
import Report

/// A recipe that suits data: what `castor train DATA --output DIR` trains by. Few pairs bear small steps, seen often; what is held back to judge by is a
/// larger part of few than of many. The figures are of docs/training.md, "In one line".
package struct SuitedRecipe: Sendable {
    package let tree: JSONValue
    /// What was found and chosen, a sentence each.
    package let choices: [String]

    /// A recipe has to name a folder.
    private static let noOutput = "castor-training"

    /// Pairs below which there is nothing to learn from and to judge by.
    package static let fewest = 20

    /// - Parameters:
    ///   - data: a TSV, CSV or JSONL, or a folder of media
    ///   - model: folder of the model to start from
    ///   - output: folder of the training; nil where nothing is written
    package init(data: String, model: String, output: String?, pool: WorkerPool) throws(RunError) {
        guard access(data, F_OK) == 0 || errno != ENOENT && errno != ENOTDIR else {
            throw .recipe(reason: "\(data): no such file or folder", isMissing: true)
        }
        if let compression = Compression(fileName: data) {
            throw .recipe(reason: "\(data): \(compression.advice(data))", isMissing: false)
        }
        guard let format = Self.format(data) else {
            throw .recipe(
                reason:
                    "\(data): data are a folder, or a file that ends in .jsonl, .tsv or .csv; a recipe ends in .json",
                isMissing: false)
        }
        if let output { try Self.requireApart(data: data, output: output) }
        let blank = RunPlan.Evaluation(interval: 0, sizes: [])
        let architecture = try RunPlan(name: "", seed: 1, recipe: "", template: model, evaluation: blank).architecture
        var source = DataSource(path: data, format: format)
        let isTable = format == .tsv || format == .csv
        let set: DataSet
        let firstLine: [String]
        do throws(DataError) {
            firstLine = isTable ? try TableHeader.firstLine(data, isQuoted: format == .csv) : []
        } catch { throw .data(error) }
        let header = TableHeader(firstLine)
        do throws(DataError) {
            if let header {
                source.hasHeader = true
                (source.query, source.positive) = (.index(header.query), .index(header.positive))
                source.negatives = header.negatives.map { .index($0) }
            }
            // What is bad in it training says, and how much of that is too much.
            source.badShare = 1
            set = try DataSet(source, imageTokens: architecture.imageTokens, pool: pool)
        } catch { throw .data(error) }
        guard set.hasPositives else {
            throw .recipe(
                reason: "\(data): its samples have no positives; recipes/distil-hosted.json follows a teacher alone",
                isMissing: false)
        }
        let different = Set(set.rows.map(\.hash)).count
        guard different >= Self.fewest else {
            let bad = set.bad.max { $0.lines < $1.lines }
            throw .recipe(
                reason:
                    "\(data): \(different) different \(different == 1 ? "pair is" : "pairs are") too few to learn from and to be judged by, \(Self.fewest) at least"
                    + (bad.map { "; \(set.badCount) are bad, the first: \($0)" } ?? ""), isMissing: false)
        }
        for (count, side) in [(set.distinctQueries, "query"), (set.distinctPositives, "answer")] where count < 2 {
            throw .recipe(
                reason: "\(data): all its pairs have the same \(side): there is nothing to tell it from",
                isMissing: false)
        }
        let amounts = Amounts(set, different: different, isImported: architecture.isImported)
        tree = Self.tree(set, header, isTable, amounts, model: model, output: output ?? Self.noOutput)
        choices = Self.choices(set, different, header, firstLine.count, amounts)
    }

    /// That the training would not write into a folder that is its data, by whatever names and links.
    package static func requireApart(data: String, output: String) throws(RunError) {
        guard isFolder(data) else { return }
        let (inner, outer) = (realPath(output), realPath(data))
        guard inner == outer || inner.hasPrefix(outer == "/" ? outer : outer + "/") else { return }
        throw .recipe(
            reason: "\(output): the folder of the training is in that of the data, which it would change",
            isMissing: false)
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Without links; what is not there yet is so below what is.
    private static func realPath(_ path: String) -> String {
        if let found = realpath(path, nil) {
            defer { free(found) }
            return String(cString: found)
        }
        var parts = path.split(separator: "/")
        guard let last = parts.popLast() else { return path }
        let folder = (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
        let above = realPath(folder.isEmpty ? "." : folder)
        return above == "/" ? "/\(last)" : "\(above)/\(last)"
    }

    private static func format(_ path: String) -> DataSource.Format? {
        if isFolder(path) { return .folder }
        return switch path.split(separator: ".").last?.lowercased() {
        case "jsonl", "ndjson": .jsonl
        case "tsv": .tsv
        case "csv": .csv
        default: nil
        }
    }
}

// MARK: - How much of what

extension SuitedRecipe {
    /// Numbers that follow from how many pairs there are, and of what.
    package struct Amounts: Equatable {
        package var heldOut: Double
        package var batch: Int
        package var epochs: Int
        package var rate: Double
        package var distractors: Int
        package var steps: Int
        package var isClasses: Bool

        init(_ set: DataSet, different pairs: Int, isImported: Bool) {
            let answers = min(set.distinctQueries, set.distinctPositives)
            self.init(pairs: pairs, kinds: set.kinds, isImported: isImported, isClasses: answers * 3 < pairs)
        }

        /// - Parameter isClasses: whether an answer is that of three queries and more
        package init(pairs: Int, kinds: MediaKinds, isImported: Bool, isClasses: Bool) {
            self.isClasses = isClasses
            heldOut = pairs < 100 ? 0.3 : pairs < 1_000 ? 0.2 : pairs < 10_000 ? 0.1 : max(0.01, 1_000 / Double(pairs))
            let trained = Int(Double(pairs) * (1 - heldOut))
            // A tenth of them, so that a pass is some steps; beyond that larger ones bring wrong answers that are harder.
            let largest = kinds.isEmpty ? 256 : 64
            batch = 8
            while batch < largest, batch * 20 <= trained { batch *= 2 }
            epochs = pairs < 1_000 ? 8 : pairs < 5_000 ? 5 : pairs < 20_000 ? 3 : 2
            rate = isImported ? 5e-5 : kinds.isEmpty ? (isClasses ? 5e-4 : 2e-4) : 1e-4
            distractors = kinds.isEmpty ? 1_000 : 300
            steps = max(1, (trained + batch - 1) / batch) * epochs
        }

        /// Eight looks on the way.
        package var evaluatedEvery: Int { max(1, steps / 8) }
    }

    private static func tree(
        _ set: DataSet, _ header: TableHeader?, _ isTable: Bool, _ amounts: Amounts, model: String, output: String
    ) -> JSONValue {
        var data: [String: JSONValue] = ["path": .text(set.source.path), "batch": .number(Double(amounts.batch))]
        if isTable { data["header"] = .flag(header != nil) }
        // Sorted by length, long texts of one label and short ones of another would make batches of one label each, which teach nothing.
        if amounts.isClasses { data["bucket"] = .number(1) }
        if let header {
            data["query"] = .number(Double(header.query))
            data["positive"] = .number(Double(header.positive))
            if !header.negatives.isEmpty { data["negatives"] = .list(header.negatives.map { .number(Double($0)) }) }
        }
        var optimizer: [String: JSONValue] = ["average": .number(0.9), "decay": .number(0.01)]
        // Few pictures spoil it (docs/training.md).
        if set.kinds.contains(.images) { optimizer["freeze"] = .list([.text("image.patch_embedding.*")]) }
        if set.kinds.contains(.images) {
            data["image"] = .object(["crop": .number(0.6), "brightness": .number(0.2), "contrast": .number(0.2)])
        }
        if set.kinds.contains(.sounds) {
            data["audio"] = .object(["shift": .number(0.3), "gain": .number(6), "noise": .number(20)])
        }
        let stage: [String: JSONValue] = [
            "name": .text("pairs"), "epochs": .number(Double(amounts.epochs)), "data": .list([.object(data)]),
            "loss": .object(["contrastive": .object(["temperature": .number(0.05), "symmetric": .flag(true)])]),
            "optimizer": .object(optimizer),
            "schedule": .object([
                "peak": .number(amounts.rate), "decay": .text("linear"), "warmUp": .number(0.1),
            ]),
        ]
        return .object([
            "name": .text(set.name), "model": .text(model), "output": .text(output), "stages": .list([.object(stage)]),
            "evaluation": .object([
                "every": .number(Double(amounts.evaluatedEvery)), "heldOut": .number(amounts.heldOut),
                "metric": .text("mrr"), "patience": .number(3), "distractors": .number(Double(amounts.distractors)),
            ]),
        ])
    }

    private static func choices(
        _ set: DataSet, _ different: Int, _ header: TableHeader?, _ columns: Int, _ amounts: Amounts
    ) -> [String] {
        let same = set.rows.count > different ? ", \(Figures.grouped(different)) of them different" : ""
        let count = "\(Figures.grouped(set.rows.count))"
        var found = "\(set.name): \(count) pairs of \(kinds(set)), \(Figures.grouped(set.distinctQueries)) queries and "
        found += "\(Figures.grouped(set.distinctPositives)) answers that differ\(same)"
        var lines = [found]
        if set.isDividedBySemicolons { lines.append("its columns are divided by semicolons") }
        // Of media the files' sizes say little.
        let lengths = set.rows.map(\.tokens).sorted()
        if set.kinds.isEmpty, let longest = lengths.last, longest >= 1_000 {
            lines.append(
                "a pair has about \(Figures.grouped(Int(lengths[lengths.count / 2]))) tokens, the longest \(Figures.grouped(Int(longest))): long texts take time and memory; --dry-run says how much"
            )
        }
        if let header {
            lines.append(
                "its first line names the columns: queries are \"\(header.names[header.query])\", answers \"\(header.names[header.positive])\""
                    + (header.negatives.isEmpty
                        ? ""
                        : ", wrong answers \(header.negatives.map { "\"\(header.names[$0])\"" }.joined(separator: ", "))")
            )
            let used = [header.query, header.positive] + header.negatives
            let unused = header.names.indices.filter { !used.contains($0) }.map { "\"\(header.names[$0])\"" }
            if !unused.isEmpty {
                lines.append(
                    "not used: \(unused.joined(separator: ", ")); --set stages[0].data[0].query=NAME and .positive=NAME choose others"
                )
            }
        } else if columns > 0 {
            lines.append(
                "its first line is taken for a pair: queries are its column 1, answers column 2 of \(columns); if it names columns, --set stages[0].data[0].header=true"
            )
        }
        lines.append(
            "about \(Figures.grouped(Int(Double(set.rows.count) * amounts.heldOut))) of them are held back to judge by; each has to be found among up to \(Figures.grouped(min(amounts.distractors, set.rows.count))) others"
        )
        lines.append(
            "batches of \(amounts.batch), \(amounts.epochs) passes, about \(Figures.grouped(amounts.steps)) steps, learning rate \(amounts.rate), a look at what is held back every \(amounts.evaluatedEvery) steps, "
                + "an end after three without a gain")
        return lines
    }

    private static func kinds(_ set: DataSet) -> String {
        var names: [String] = []
        if set.kinds.contains(.images) { names.append("pictures") }
        if set.kinds.contains(.sounds) { names.append("sounds") }
        if set.kinds.contains(.long) { names.append("films or documents") }
        return names.isEmpty ? "texts" : "texts with " + names.joined(separator: ", ")
    }
}
