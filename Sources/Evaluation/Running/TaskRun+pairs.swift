import Castor
import CastorNumerics
import Vectors

extension TaskRun {
    mutating func measureSTS(_ task: TaskKind.Pairs, _ score: String) throws(EvaluationError) -> [Metric] {
        let table = try load(task.rows, task.first.columns + task.second.columns + [score])
        var pairs: [(first: EvaluationItem, second: EvaluationItem)] = []
        var scores: [Double] = []
        for index in evenlySpread(limit, of: table.rows.count) {
            let row = table.rows[index]
            total += 1
            guard let text = text(row, score, table) else { continue }
            guard let value = Double(text), value.isFinite else {
                skipped.note("\(table.path) line \(row.line): the score \"\(text)\" is not a number")
                continue
            }
            guard let first = item(row, task.first, table), let second = item(row, task.second, table) else { continue }
            pairs.append((first, second))
            scores.append(value)
        }
        let (first, second, kept) = try embed(pairs, task.prompt)
        (items, counts["pairs"]) = (kept.count, kept.count)
        let truth = kept.map { scores[$0] }
        return metrics(TaskKind.stsMetrics, chances: [0, 0]) { size in
            let similarities = pairwiseSimilarities(normalizedPrefix(first, size), normalizedPrefix(second, size))
            return [Correlation.spearman(similarities, truth), Correlation.pearson(similarities, truth)]
        }
    }

    mutating func measureBitext(_ task: TaskKind.Pairs) throws(EvaluationError) -> [Metric] {
        let table = try load(task.rows, task.first.columns + task.second.columns)
        var pairs: [(first: EvaluationItem, second: EvaluationItem)] = []
        for index in evenlySpread(limit, of: table.rows.count) {
            let row = table.rows[index]
            total += 1
            guard let first = item(row, task.first, table), let second = item(row, task.second, table) else { continue }
            pairs.append((first, second))
        }
        let (first, second, kept) = try embed(pairs, task.prompt)
        (items, counts["pairs"]) = (kept.count, kept.count)
        let chance = 1 / Double(kept.count)
        return metrics(TaskKind.bitextMetrics(task), chances: [chance, chance, nil, chance, nil]) { size in
            let (x, y) = (normalizedPrefix(first, size), normalizedPrefix(second, size))
            guard let forth = BitextScores(queries: x, candidates: y, pool: pool),
                let back = BitextScores(queries: y, candidates: x, pool: pool)
            else { return [nil, nil, nil, nil, nil] }
            return [(forth.accuracy + back.accuracy) / 2, forth.accuracy, forth.f1, back.accuracy, back.f1]
        }
    }

    /// Both sides' vectors of the pairs that have both.
    private mutating func embed(
        _ pairs: [(first: EvaluationItem, second: EvaluationItem)], _ prompt: TaskType?
    ) throws(EvaluationError) -> (Matrix, Matrix, kept: [Int]) {
        guard !pairs.isEmpty else { throw noneLeft() }
        var log = SkipLog()
        (log, skipped) = (skipped, log)
        let first = try embed(pairs.map(\.first), prompt)
        let second = try embed(pairs.map(\.second), prompt)
        let (firstRows, secondRows) = (first.rowOfItem, second.rowOfItem)
        let kept = pairs.indices.filter { firstRows[$0] != nil && secondRows[$0] != nil }
        // A pair with two bad sides is one bad item.
        let reason = skipped.first
        for _ in 0..<pairs.count - kept.count { log.note(reason ?? "") }
        skipped = log
        guard !kept.isEmpty else { throw noneLeft() }
        return (
            gatherRows(first.vectors, kept.map { firstRows[$0]! }),
            gatherRows(second.vectors, kept.map { secondRows[$0]! }), kept
        )
    }

    /// The error where every item was skipped, or there was none.
    func noneLeft() -> EvaluationError {
        skipped.first.map {
            .tooManySkipped(task: name, count: skipped.count, total: max(total, skipped.count), first: $0)
        }
            ?? .noItems(task: name)
    }
}
