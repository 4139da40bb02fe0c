import Castor
import CastorNumerics
import Vectors

extension TaskRun {
    mutating func measureRetrieval(_ task: TaskKind.RetrievalTask) throws(EvaluationError) -> [Metric] {
        let judgments = try self.judgments(task.judgments)
        let queryTable = try load(RowSource(path: task.queries), ["_id"] + task.query.columns)
        let corpus = try load(RowSource(path: task.corpus), ["_id"] + (task.document?.columns ?? ["text"]))

        var queries: [(id: String, item: EvaluationItem)] = []
        let judged = queryTable.rows.filter { row in
            if case .text(let id)? = row.fields["_id"] { judgments[id] != nil } else { true }
        }
        for index in evenlySpread(limit, of: judged.count) {
            total += 1
            guard let id = text(judged[index], "_id", queryTable),
                let item = item(judged[index], task.query, queryTable)
            else { continue }
            queries.append((id, item))
        }
        guard !queries.isEmpty else { throw noneLeft() }
        let wanted = Set(queries.flatMap { judgments[$0.id]!.map(\.document) })
        let documents = try self.documents(task, corpus, wanted)

        let documentVectors = try embed(documents.map(\.item), task.documentPrompt)
        let queryVectors = try embed(queries.map(\.item), task.queryPrompt)
        let rowOfDocument = Dictionary(
            uniqueKeysWithValues: documentVectors.kept.enumerated().map { (documents[$0.element].id, $0.offset) })
        let relevance = queryVectors.kept.map { query in
            Relevance(
                judgments[queries[query].id]!.map {
                    .init(candidate: rowOfDocument[$0.document], grade: $0.grade)
                })
        }
        items = queryVectors.kept.count
        counts = [
            "queries": items, "documents": documentVectors.kept.count,
            "judgments": relevance.reduce(0) { $0 + $1.judgments.count },
        ]
        let chances = relevance.compactMap { relevance in
            RetrievalScores.chance(
                grades: relevance.judgments.filter { $0.candidate != nil }.map(\.grade),
                missing: relevance.judgments.filter { $0.candidate == nil }.map(\.grade),
                candidates: documentVectors.kept.count)
        }
        return metrics(TaskKind.retrievalMetrics, chances: RetrievalScores.mean(chances).values) { size in
            let ranks = ranksOfRelevant(
                queries: normalizedPrefix(queryVectors.vectors, size),
                candidates: normalizedPrefix(documentVectors.vectors, size), relevance: relevance, pool: pool)
            return RetrievalScores.mean(ranks).values
        }
    }

    /// Documents by descending id, in byte order: equal scores then rank as in trec_eval.
    private mutating func documents(
        _ task: TaskKind.RetrievalTask, _ table: Table, _ wanted: Set<String>
    ) throws(EvaluationError) -> [(id: String, item: EvaluationItem)] {
        var rows: [(id: String, row: Table.Row)] = []
        var seen: Set<String> = []
        for row in table.rows {
            guard let id = text(row, "_id", table) else { continue }
            guard seen.insert(id).inserted else {
                throw .data(path: table.path, reason: "has the id \"\(id)\" twice, line \(row.line)")
            }
            rows.append((id, row))
        }
        if let limit {
            let others = rows.indices.filter { !wanted.contains(rows[$0].id) }
            let taken = Set(evenlySpread(max(0, limit - wanted.count), of: others.count).map { others[$0] })
            rows = rows.indices.filter { wanted.contains(rows[$0].id) || taken.contains($0) }.map { rows[$0] }
        }
        total += rows.count
        rows.sort { $1.id.utf8.lexicographicallyPrecedes($0.id.utf8) }
        var documents: [(id: String, item: EvaluationItem)] = []
        for (id, row) in rows {
            if let spec = task.document {
                if let item = item(row, spec, table) { documents.append((id, item)) }
            } else if let text = text(row, "text", table) {
                documents.append((id, Self.document(row, text, prompted: prompts && task.documentPrompt != nil, table)))
            }
        }
        return documents
    }

    /// The prompt has a place of its own for the title; without it, title and text are one text, as in BEIR.
    private static func document(
        _ row: Table.Row, _ text: String, prompted: Bool, _ table: Table
    ) -> EvaluationItem {
        var item = EvaluationItem(content: Content(text), origin: "\(table.path) line \(row.line)")
        if case .text(let title)? = row.fields["title"], !title.isEmpty {
            if prompted {
                item.title = title
            } else {
                item.content = Content(text.isEmpty ? title : "\(title) \(text)")
            }
        }
        return item
    }

    /// Relevant documents of each query that has any, in the file's order. Grades of 0 and less say that a document is not relevant.
    private mutating func judgments(
        _ path: String
    ) throws(EvaluationError) -> [String: [(document: String, grade: Int)]] {
        let columns = ["query-id", "corpus-id", "score"]
        let table = try load(RowSource(path: path), columns)
        var judgments: [String: [(document: String, grade: Int)]] = [:]
        var seen: Set<[String]> = []
        for row in table.rows {
            guard let query = text(row, columns[0], table), let document = text(row, columns[1], table),
                let score = text(row, columns[2], table)
            else { continue }
            guard let grade = Int(score) else {
                throw .data(path: path, reason: "line \(row.line): the score \"\(score)\" is not a whole number")
            }
            guard seen.insert([query, document]).inserted else {
                throw .data(path: path, reason: "line \(row.line): \(query) and \(document) are judged twice")
            }
            if grade > 0 { judgments[query, default: []].append((document, grade)) }
        }
        guard !judgments.isEmpty else { throw .noItems(task: "\(name): \(path)") }
        return judgments
    }
}

extension RetrievalScores? {
    /// In the order of ``TaskKind/retrievalMetrics``.
    fileprivate var values: [Double?] {
        guard let scores = self else { return TaskKind.retrievalMetrics.map { _ in nil } }
        return [scores.ndcg] + scores.recall
            + [scores.reciprocalRankAtCutoff, scores.reciprocalRank, scores.averagePrecision]
    }
}
