import Castor
import CastorJSON

/// A task description: what `castor evaluate` measures, on which files (docs/evaluation.md).
package struct TaskFile: Sendable {
    struct Subset: Sendable {
        /// Values of the placeholders; nil for a task without subsets.
        let label: String?
        let kind: TaskKind
    }

    package let path: String
    package let name: String
    package let kindName: String
    let subsets: [Subset]

    /// Data files that it reads.
    package var files: [String] { subsets.flatMap(\.kind.files) }
    package var hasPrompts: Bool { subsets.contains { $0.kind.hasPrompts } }
    /// Of a task that has subsets.
    package var subsetLabels: [String] { subsets.compactMap(\.label) }
    package var metricNames: [String] { subsets[0].kind.metricNames }

    /// Reads a file, and looks whether the data that it names are there.
    ///
    /// - Parameter data: folder that file names are relative to; nil: the task file's own.
    package init(path: String, data: String?) throws(EvaluationError) {
        let bytes = try Paths.read(path)
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue(json: bytes) } catch {
            throw .task(path: path, key: nil, reason: "is not valid JSON: \(error.description)")
        }
        let reader = TaskReader(path: path, data: data ?? Paths.folder(of: path))
        self.path = path
        do throws(EvaluationError) { (name, kindName, subsets) = try reader.read(value) } catch {
            guard case .task(let path, let key?, let reason) = error, let line = JSONLines(bytes)[key] else {
                throw error
            }
            throw .task(path: "\(path) line \(line)", key: key, reason: reason)
        }
        for subset in subsets {
            for file in subset.kind.files { _ = try Paths.isFolder(file) }
        }
    }

    /// The task files that `paths` name: files, and folders' `*.json` in the order of their names.
    package static func all(_ paths: [String], data: String?) throws(EvaluationError) -> [TaskFile] {
        var tasks: [TaskFile] = []
        for path in paths {
            guard try Paths.isFolder(path) else {
                tasks.append(try TaskFile(path: path, data: data))
                continue
            }
            let names = try Paths.list(path).filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }
            if names.isEmpty { throw .noTasks(path: path) }
            for name in names { tasks.append(try TaskFile(path: Paths.join(path, name), data: data)) }
        }
        return tasks
    }
}

/// JSON to ``TaskKind``.
private struct TaskReader {
    let path: String
    let data: String

    private static let common = ["kind", "name", "description", "subsets"]
    private static let kinds: [(name: String, keys: [String])] = [
        ("sts", ["file", "where", "join", "first", "second", "score", "prompt"]),
        ("bitext", ["file", "where", "join", "first", "second", "prompt"]),
        ("classification", ["train", "test", "where", "content", "label", "c", "neighbors", "prompt"]),
        ("clustering", ["file", "where", "join", "content", "label", "prompt"]),
        ("zero-shot", ["file", "where", "join", "content", "label", "classes", "templates", "prompt"]),
        (
            "retrieval",
            ["corpus", "queries", "qrels", "document", "query", "query_prompt", "document_prompt"]
        ),
        ("cross-modal", ["first", "second", "both_ways"]),
    ]

    func read(_ value: JSONValue) throws(EvaluationError) -> (String, String, [TaskFile.Subset]) {
        let loose = try TaskFields(
            value, path: path, known: Self.common + Set(Self.kinds.flatMap(\.keys)).sorted())
        let kindName = try loose.requiredString("kind")
        guard let kind = Self.kinds.first(where: { $0.name == kindName }) else {
            throw loose.failure(
                "kind", "\"\(kindName)\" is unknown; known: \(Self.kinds.map(\.name).joined(separator: ", "))")
        }
        let name = try loose.string("name") ?? String(Paths.name(of: path).dropLast(".json".count))
        let bindings = try self.bindings(loose)
        var subsets: [TaskFile.Subset] = []
        for binding in bindings {
            let fields = try TaskFields(
                value.replacing(binding.values), path: path, known: Self.common + kind.keys)
            subsets.append(TaskFile.Subset(label: binding.label, kind: try self.kind(kindName, fields)))
        }
        return (name, kindName, subsets)
    }

    // MARK: - Subsets

    private typealias Binding = (label: String?, values: [String: String])

    private func bindings(_ fields: TaskFields) throws(EvaluationError) -> [Binding] {
        switch fields.value("subsets") {
        case nil: return [(nil, [:])]
        case .object(let object)? where object.count == 1:
            let (name, value) = object.first!
            let values: [String]
            switch value {
            case .text(let pattern): values = try matches(pattern, placeholder: "{\(name)}", fields)
            default:
                guard let texts = value.texts, !texts.isEmpty else {
                    throw fields.failure("subsets.\(name)", "must be a list of texts, or a file name with {\(name)}")
                }
                values = texts
            }
            return values.map { ($0, [name: $0]) }
        case .list(let list)? where !list.isEmpty:
            var bindings: [Binding] = []
            for (index, item) in list.enumerated() {
                guard case .object(let object) = item, !object.isEmpty else {
                    throw fields.failure("subsets[\(index)]", "must be an object of texts")
                }
                var values: [String: String] = [:]
                for (name, value) in object {
                    guard case .text(let text) = value else {
                        throw fields.failure("subsets[\(index)].\(name)", "must be a text")
                    }
                    values[name] = text
                }
                bindings.append((values.keys.sorted().map { values[$0]! }.joined(separator: " "), values))
            }
            return bindings
        default:
            throw fields.failure(
                "subsets", "must be {\"name\": [..]}, {\"name\": \"file name with {name}\"} or [{..}, ..]")
        }
    }

    /// What the placeholder stands for in the names of the files that exist.
    private func matches(
        _ pattern: String, placeholder: String, _ fields: TaskFields
    ) throws(EvaluationError) -> [String] {
        let full = Paths.join(data, pattern)
        let folder = Paths.folder(of: full)
        let parts = Paths.name(of: full).split(separator: placeholder, omittingEmptySubsequences: false)
        guard parts.count == 2, !folder.contains(placeholder) else {
            throw fields.failure("subsets", "\"\(pattern)\" must have \(placeholder) once, in the file's name")
        }
        let values = try Paths.list(folder).compactMap { name -> String? in
            guard name.hasPrefix(parts[0]), name.hasSuffix(parts[1]), name.count > parts[0].count + parts[1].count
            else { return nil }
            return String(name.dropFirst(parts[0].count).dropLast(parts[1].count))
        }
        guard !values.isEmpty else { throw .notFound(path: full) }
        return values
    }

    // MARK: - Kinds

    private func kind(_ name: String, _ fields: TaskFields) throws(EvaluationError) -> TaskKind {
        switch name {
        case "sts":
            return .sts(try pairs(fields), score: try fields.requiredString("score"))
        case "bitext": return .bitext(try pairs(fields))
        case "classification":
            let c = try fields.number("c") ?? 1
            guard c > 0 else { throw fields.failure("c", "must be above 0") }
            let neighbors = try fields.number("neighbors") ?? 5
            guard let neighbors = Int(exactly: neighbors), neighbors > 0 else {
                throw fields.failure("neighbors", "must be a whole number above 0")
            }
            return .classification(
                TaskKind.Classification(
                    train: try rows(fields, file: "train"), test: try rows(fields, file: "test"),
                    content: try single(fields, "content"), label: try fields.requiredString("label"), c: c,
                    neighbors: neighbors, prompt: try prompt(fields, "prompt", .classification)))
        case "clustering":
            return .clustering(
                TaskKind.Clustering(
                    rows: try rows(fields), content: try single(fields, "content"),
                    label: try fields.requiredString("label"), prompt: try prompt(fields, "prompt", .clustering)))
        case "zero-shot": return .zeroShot(try zeroShot(fields))
        case "retrieval":
            return .retrieval(
                TaskKind.RetrievalTask(
                    corpus: try file(fields, "corpus"), queries: try file(fields, "queries"),
                    judgments: try file(fields, "qrels"),
                    document: fields.has("document") ? try single(fields, "document") : nil,
                    query: fields.has("query") ? try single(fields, "query") : ContentSpec(pieces: [.text("text")]),
                    queryPrompt: try prompt(fields, "query_prompt", .retrievalQuery),
                    documentPrompt: try prompt(fields, "document_prompt", .retrievalDocument)))
        default: return .crossModal(try crossModal(fields))
        }
    }

    private func pairs(_ fields: TaskFields) throws(EvaluationError) -> TaskKind.Pairs {
        TaskKind.Pairs(
            rows: try rows(fields), first: try single(fields, "first"), second: try single(fields, "second"),
            prompt: try prompt(fields, "prompt", .semanticSimilarity))
    }

    private func zeroShot(_ fields: TaskFields) throws(EvaluationError) -> TaskKind.ZeroShotTask {
        let templates = try fields.strings("templates") ?? ["{}"]
        for template in templates where !template.contains("{}") {
            throw fields.failure("templates", "\"\(template)\" has no {} for the class")
        }
        return TaskKind.ZeroShotTask(
            rows: try rows(fields), content: try single(fields, "content"), label: try fields.requiredString("label"),
            classes: fields.has("classes") ? try file(fields, "classes") : nil, templates: templates,
            prompt: try prompt(fields, "prompt", nil))
    }

    private func crossModal(_ fields: TaskFields) throws(EvaluationError) -> TaskKind.CrossModalTask {
        let first = try sides(fields, "first", severalContents: true)
        let second = try sides(fields, "second", severalContents: false)[0]
        for side in first where (side.key == nil) != (second.key == nil) {
            throw fields.failure(
                side.key == nil ? "first.key" : "second.key", "is missing: both sides need one, or none")
        }
        for side in first where side.key == nil && side.rows.path != second.rows.path {
            throw fields.failure("first.key", "is missing: rows of two files are joined by a key")
        }
        return TaskKind.CrossModalTask(first: first, second: second, bothWays: try fields.flag("both_ways") ?? true)
    }

    private func sides(
        _ fields: TaskFields, _ name: String, severalContents: Bool
    ) throws(EvaluationError) -> [TaskKind.CrossModalTask.Side] {
        let known = ["name", "file", "where", "join", "key", "content", "prompt"]
        let side = try TaskFields(
            try fields.required(name), path: path, place: name, known: known + (severalContents ? ["variants"] : []))
        let (rows, key, prompt) = (try rows(side), try side.string("key"), try prompt(side, "prompt", nil))
        func make(_ fields: TaskFields) throws(EvaluationError) -> TaskKind.CrossModalTask.Side {
            let content = try content(fields, "content")
            return TaskKind.CrossModalTask.Side(
                name: try fields.string("name") ?? content.label, rows: rows, key: key, content: content, prompt: prompt
            )
        }
        guard severalContents, let variants = try side.list("variants") else { return [try make(side)] }
        guard !side.has("content"), !side.has("name") else {
            throw side.failure("variants", "stand for content and name: give one or the other")
        }
        guard !variants.isEmpty else { throw side.failure("variants", "is empty") }
        var sides: [TaskKind.CrossModalTask.Side] = []
        for (index, variant) in variants.enumerated() {
            sides.append(
                try make(
                    TaskFields(
                        variant, path: path, place: side.key("variants[\(index)]"), known: ["name", "content"])))
        }
        return sides
    }

    // MARK: - Rows and contents

    private func file(_ fields: TaskFields, _ name: String) throws(EvaluationError) -> String {
        Paths.join(data, try fields.requiredString(name))
    }

    private func rows(_ fields: TaskFields, file name: String = "file") throws(EvaluationError) -> RowSource {
        var source = RowSource(path: try file(fields, name), conditions: try conditions(fields))
        for (index, item) in (try fields.list("join") ?? []).enumerated() {
            let join = try TaskFields(
                item, path: path, place: fields.key("join[\(index)]"), known: ["file", "key", "where", "as"])
            source.joins.append(
                RowSource.Join(
                    path: try file(join, "file"), key: try join.requiredString("key"),
                    conditions: try conditions(join), name: try join.requiredString("as")))
        }
        return source
    }

    /// `"where": {"column": "value"}` or `{"column": ["a", "b"]}`.
    private func conditions(_ fields: TaskFields) throws(EvaluationError) -> [String: [String]] {
        guard let value = fields.value("where") else { return [:] }
        guard case .object(let object) = value else { throw fields.failure("where", "must be an object") }
        var conditions: [String: [String]] = [:]
        for (column, value) in object {
            if case .text(let text) = value {
                conditions[column] = [text]
            } else if let texts = value.texts, !texts.isEmpty {
                conditions[column] = texts
            } else {
                throw fields.failure("where.\(column)", "must be a text or a list of texts")
            }
        }
        return conditions
    }

    private func single(_ fields: TaskFields, _ name: String) throws(EvaluationError) -> ContentSpec {
        let spec = try content(fields, name)
        guard !spec.makesSeveral else { throw fields.failure(name, "\"each\" is for cross-modal tasks") }
        return spec
    }

    /// `"column"`, or `[{"text": "column"}, {"file": "column"}, {"each": "column"}]`.
    private func content(_ fields: TaskFields, _ name: String) throws(EvaluationError) -> ContentSpec {
        let value = try fields.required(name)
        if case .text(let column) = value, !column.isEmpty { return ContentSpec(pieces: [.text(column)]) }
        guard case .list(let list) = value, !list.isEmpty else {
            throw fields.failure(name, "must be a column or a list of {\"text\": column}, {\"file\": column}")
        }
        var pieces: [ContentSpec.Piece] = []
        for (index, item) in list.enumerated() {
            let piece = try TaskFields(
                item, path: path, place: fields.key("\(name)[\(index)]"), known: ["text", "file", "each"])
            switch (try piece.string("text"), try piece.string("file"), try piece.string("each")) {
            case (let column?, nil, nil): pieces.append(.text(column))
            case (nil, let column?, nil): pieces.append(.file(column))
            case (nil, nil, let column?): pieces.append(.each(column))
            default: throw piece.failure(nil, "needs exactly one of text, file, each")
            }
        }
        let spec = ContentSpec(pieces: pieces)
        guard pieces.count(where: { if case .each = $0 { true } else { false } }) <= 1 else {
            throw fields.failure(name, "\"each\" may stand once")
        }
        return spec
    }

    /// A task by the service's name; `null` for none; the kind's own where the key is absent.
    private func prompt(
        _ fields: TaskFields, _ name: String, _ standard: TaskType?
    ) throws(EvaluationError) -> TaskType? {
        guard fields.has(name) else { return standard }
        guard let text = try fields.string(name) else { return nil }
        guard let task = TaskType(name: text) else {
            throw fields.failure(
                name, "\"\(text)\" is unknown; known: \(TaskType.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return task
    }
}
