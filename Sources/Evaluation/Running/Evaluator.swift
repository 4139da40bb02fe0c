package import Castor
import CastorNumerics
import Glibc

/// How to evaluate.
package struct EvaluationOptions: Sendable {
    /// Sizes of the vectors: prefixes of the full ones, divided by their length.
    package var dimensions: [Int]
    /// Items of a task or subset at most, evenly spread over its data; nil: all.
    package var limit: Int?

    package init(dimensions: [Int], limit: Int? = nil) {
        self.dimensions = dimensions
        self.limit = limit
    }
}

/// Runs tasks with one model. Every content is embedded once, at full size; sizes and metrics come from those vectors.
package final class Evaluator {
    let options: EvaluationOptions
    let pool: WorkerPool
    let source: VectorSource

    /// - Parameter progress: told how many contents have been embedded so far.
    package init(
        _ embedder: Embedder, options: EvaluationOptions, progress: @escaping (Int) -> Void = { _ in }
    ) throws(EvaluationError) {
        for size in options.dimensions where !(1...embedder.dimensions).contains(size) {
            throw .dimensions(size, limit: embedder.dimensions)
        }
        self.options = options
        pool = WorkerPool(threads: embedder.info.threads)
        source = VectorSource(embedder, progress: progress)
    }

    /// - Parameter prompts: whether contents carry their task's prompts; without effect on tasks that have none.
    package func run(_ task: TaskFile, prompts: Bool) throws(EvaluationError) -> TaskResult {
        var results: [TaskResult] = []
        var total = 0
        for subset in task.subsets {
            let start = monotonicSeconds()
            let name = "\(task.name)\(subset.label.map { " [\($0)]" } ?? "")"
            var run = TaskRun(evaluator: self, name: name, prompts: prompts)
            let metrics = try run.measure(subset.kind)
            total += run.total
            results.append(
                TaskResult(
                    name: task.name, kind: task.kindName, prompts: task.hasPrompts ? prompts : nil,
                    subset: subset.label, metrics: metrics, items: run.items, counts: run.counts,
                    skipped: run.skipped, truncated: run.truncated, seconds: monotonicSeconds() - start, subsets: []))
        }
        let result = results.count == 1 && results[0].subset == nil ? results[0] : TaskResult.mean(results)
        try result.skipped.check(task: task.name, total: total)
        return result
    }
}

private func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// One task or subset while it is measured.
struct TaskRun {
    let evaluator: Evaluator
    let name: String
    let prompts: Bool
    var skipped = SkipLog()
    /// Items, the skipped ones included.
    var total = 0
    /// Items that the metrics are over.
    var items = 0
    var counts: [String: Int] = [:]
    var truncated = 0

    init(evaluator: Evaluator, name: String, prompts: Bool) {
        (self.evaluator, self.name, self.prompts) = (evaluator, name, prompts)
    }

    var pool: WorkerPool { evaluator.pool }
    var sizes: [Int] { evaluator.options.dimensions }
    var limit: Int? { evaluator.options.limit }

    mutating func measure(_ kind: TaskKind) throws(EvaluationError) -> [Metric] {
        switch kind {
        case .sts(let pairs, let score): try measureSTS(pairs, score)
        case .bitext(let pairs): try measureBitext(pairs)
        case .classification(let task): try measureClassification(task)
        case .clustering(let task): try measureClustering(task)
        case .zeroShot(let task): try measureZeroShot(task)
        case .retrieval(let task): try measureRetrieval(task)
        case .crossModal(let task): try measureCrossModal(task)
        }
    }

    mutating func load(_ rows: RowSource, _ columns: [String]) throws(EvaluationError) -> Table {
        let table = try rows.load(columns)
        skipped = skipped + table.skipped
        total += table.skipped.count
        guard !table.rows.isEmpty else { throw .noItems(task: name) }
        return table
    }

    mutating func embed(
        _ items: [EvaluationItem], _ prompt: TaskType?
    ) throws(EvaluationError) -> VectorSource.Result {
        let result = try evaluator.source.vectors(
            items, prompt: prompts ? prompt : nil, skipped: &skipped, truncated: &truncated)
        guard !result.kept.isEmpty || items.isEmpty else {
            throw .tooManySkipped(
                task: name, count: items.count, total: items.count, first: skipped.first ?? "unknown")
        }
        return result
    }

    /// The one content of a row; a row without the columns is skipped.
    mutating func item(_ row: Table.Row, _ spec: ContentSpec, _ table: Table) -> EvaluationItem? {
        let origin = "\(table.path) line \(row.line)"
        guard let content = spec.contents(row, folder: table.folder)?.first else {
            skipped.note("\(origin): lacks \(spec.columns.joined(separator: " or ")), or it is no single text")
            return nil
        }
        return EvaluationItem(content: content, origin: origin)
    }

    mutating func text(_ row: Table.Row, _ column: String, _ table: Table) -> String? {
        if case .text(let text)? = row.fields[column] { return text }
        skipped.note("\(table.path) line \(row.line): lacks \(column)")
        return nil
    }

    /// One metric for each of `names`, whose values at a size are what `values` returns.
    func metrics(
        _ names: [String], chances: [Double?], values: (_ size: Int) -> [Double?]
    ) -> [Metric] {
        let columns = sizes.map(values)
        return names.indices.map { index in
            Metric(name: names[index], values: columns.map { $0[index] }, chance: chances[index])
        }
    }
}
