import Castor
import CastorNumerics
import Vectors

extension TaskRun {
    /// A content and the keys that it belongs to: equal contents are one entry, relevant to all that any of them is relevant to.
    private struct Entry {
        var item: EvaluationItem
        var keys: Set<String>
    }

    mutating func measureCrossModal(_ task: TaskKind.CrossModalTask) throws(EvaluationError) -> [Metric] {
        let keys = try limit.map { limit throws(EvaluationError) in try sampleKeys(task.first[0], limit) }
        let second = try entries(task.second, keys)
        let secondVectors = try embed(second.map(\.item), task.second.prompt)
        var metrics: [Metric] = []
        for side in task.first {
            let first = try entries(side, keys)
            let firstVectors = try embed(first.map(\.item), side.prompt)
            let forth = measure(
                TaskKind.direction(side, task.second), first, firstVectors, finding: second, secondVectors)
            metrics += forth.metrics
            items = max(items, forth.asked)
            counts[side.name] = firstVectors.kept.count
            if task.bothWays {
                metrics +=
                    measure(
                        TaskKind.direction(task.second, side), second, secondVectors, finding: first, firstVectors
                    ).metrics
            }
        }
        counts[task.second.name] = secondVectors.kept.count
        guard items > 0 else { throw .noItems(task: name) }
        return metrics
    }

    /// - Returns: R@k, and how many queries have something to find.
    private func measure(
        _ direction: String, _ queries: [Entry], _ queryVectors: VectorSource.Result,
        finding candidates: [Entry], _ candidateVectors: VectorSource.Result
    ) -> (metrics: [Metric], asked: Int) {
        var candidatesOfKey: [String: [Int]] = [:]
        for (index, entry) in candidates.enumerated() {
            for key in entry.keys { candidatesOfKey[key, default: []].append(index) }
        }
        let rowOfCandidate = candidateVectors.rowOfItem
        let relevance = queryVectors.kept.map { query in
            let relevant = Set(queries[query].keys.flatMap { candidatesOfKey[$0] ?? [] }).sorted()
            return Relevance(relevant.map { .init(candidate: rowOfCandidate[$0]) })
        }
        let counts = relevance.map { $0.judgments.count { $0.candidate != nil } }
        let results = metrics(
            TaskKind.hitRates(direction),
            chances: HitRate.cutoffs.map {
                HitRate.chance(at: $0, relevant: counts, candidates: candidateVectors.kept.count)
            }
        ) { size in
            let ranks = ranksOfRelevant(
                queries: normalizedPrefix(queryVectors.vectors, size),
                candidates: normalizedPrefix(candidateVectors.vectors, size), relevance: relevance, pool: pool)
            return HitRate.cutoffs.map { HitRate.at($0, ranks) }
        }
        return (results, relevance.count { !$0.judgments.isEmpty })
    }

    /// - Parameter keys: the only keys to use; nil: all.
    private mutating func entries(
        _ side: TaskKind.CrossModalTask.Side, _ keys: Set<String>?
    ) throws(EvaluationError) -> [Entry] {
        let table = try load(side.rows, side.content.columns + (side.key.map { [$0] } ?? []))
        var entries: [Entry] = []
        var known: [String: Int] = [:]
        for row in table.rows {
            guard let key = key(row, side, table) else {
                total += 1
                continue
            }
            if let keys, !keys.contains(key) { continue }
            let origin = "\(table.path) line \(row.line)"
            guard let contents = side.content.contents(row, folder: table.folder), !contents.isEmpty else {
                total += 1
                skipped.note("\(origin): lacks \(side.content.columns.joined(separator: " or "))")
                continue
            }
            total += contents.count
            for content in contents {
                let item = EvaluationItem(content: content, origin: origin)
                if let index = known[item.identity] {
                    entries[index].keys.insert(key)
                } else {
                    known[item.identity] = entries.count
                    entries.append(Entry(item: item, keys: [key]))
                }
            }
        }
        guard !entries.isEmpty else { throw noneLeft() }
        return entries
    }

    private mutating func key(_ row: Table.Row, _ side: TaskKind.CrossModalTask.Side, _ table: Table) -> String? {
        side.key.map { text(row, $0, table) } ?? String(row.line)
    }

    /// Keys of the first side, evenly spread.
    private func sampleKeys(_ side: TaskKind.CrossModalTask.Side, _ limit: Int) throws(EvaluationError) -> Set<String> {
        var seen: Set<String> = []
        var keys: [String] = []
        for row in try side.rows.load(side.key.map { [$0] } ?? []).rows {
            var key = String(row.line)
            if let column = side.key {
                guard case .text(let value)? = row.fields[column] else { continue }
                key = value
            }
            if seen.insert(key).inserted { keys.append(key) }
        }
        return Set(evenlySpread(limit, of: keys.count).map { keys[$0] })
    }
}
