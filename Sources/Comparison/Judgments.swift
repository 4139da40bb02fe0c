import Castor
import CastorNumerics
import Encoder
import Evaluation
import Glibc
import Vectors

/// Judgments of relevance in BEIR's layout: a header, then query key, document key and grade, divided by tabs.
package struct Judgments: Sendable {
    package struct Judgment: Sendable, Equatable {
        package var query: String
        package var document: String
        package var grade: Int

        package init(query: String, document: String, grade: Int) {
            (self.query, self.document, self.grade) = (query, document, grade)
        }
    }

    package let all: [Judgment]

    package init(path: String) throws(ComparisonError) {
        let file: MappedFile
        do { file = try MappedFile(path: path) } catch {
            if case .notFound = error { throw .notFound(path: path) }
            throw .unreadable(path: path, reason: error.description)
        }
        var judgments: [Judgment] = []
        var failure: ComparisonError?
        var seen: Set<[RecordKey]> = []
        var isFirst = true
        RecordedVectors.forEachLine(file.bytes) { number, bytes in
            guard failure == nil else { return }
            defer { isFirst = false }
            var fields = bytes.split(separator: 9, omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
            if fields.last?.hasSuffix("\r") == true { fields[fields.count - 1].removeLast() }
            guard fields.count == 3 else {
                failure = .judgments(path: path, line: number, reason: "has \(fields.count) fields, 3 are needed")
                return
            }
            guard let grade = Int(fields[2]) else {
                // The header.
                if isFirst { return }
                failure = .judgments(path: path, line: number, reason: "\"\(fields[2])\" is no grade")
                return
            }
            guard seen.insert([RecordKey(fields[0]), RecordKey(fields[1])]).inserted else {
                failure = .judgments(path: path, line: number, reason: "judges \(fields[0]) and \(fields[1]) again")
                return
            }
            if grade > 0 { judgments.append(Judgment(query: fields[0], document: fields[1], grade: grade)) }
        }
        withExtendedLifetime(file) {}
        if let failure { throw failure }
        guard !judgments.isEmpty else {
            throw .judgments(path: path, line: nil, reason: "holds no judgment above 0")
        }
        all = judgments
    }
}

/// Both systems on judged queries: every joined item that is no query is a document.
package struct JudgedRetrieval: Sendable, Equatable, Codable {
    package struct Measure: Sendable, Equatable, Codable {
        package var name: String
        package var reference: Double
        package var candidate: Double
        /// Candidate less reference.
        package var difference: Estimate
        /// Of a difference as large as this or larger if the systems were equal: paired randomisation test (Smucker et al. 2007).
        package var probability: Double
    }

    package var queries: Int
    package var documents: Int
    /// Judgments whose query or document has no vectors.
    package var unusable: Int
    package var measures: [Measure]

    private static let rounds = 10_000

    init?(_ judgments: Judgments, keys: [String], _ items: SimilarityStructure.Items, seed: UInt64, pool: WorkerPool) {
        let rowOfKey = Dictionary(uniqueKeysWithValues: keys.enumerated().map { (RecordKey($0.element), $0.offset) })
        let queryKeys = Set(judgments.all.map { RecordKey($0.query) })
        let documentRows = keys.indices.filter { !queryKeys.contains(RecordKey(keys[$0])) }
            .sorted { keys[$1].utf8.lexicographicallyPrecedes(keys[$0].utf8) }
        let placeOfRow = Dictionary(uniqueKeysWithValues: documentRows.enumerated().map { ($0.element, $0.offset) })
        var relevant: [Int: [Relevance.Judgment]] = [:]
        unusable = 0
        for judgment in judgments.all {
            guard let query = rowOfKey[RecordKey(judgment.query)] else {
                unusable += 1
                continue
            }
            let place = rowOfKey[RecordKey(judgment.document)].flatMap { placeOfRow[$0] }
            if place == nil { unusable += 1 }
            // A document without vectors counts as never found, for both.
            relevant[query, default: []].append(.init(candidate: place, grade: judgment.grade))
        }
        let rows = relevant.keys.sorted()
        guard !rows.isEmpty, !documentRows.isEmpty else { return nil }
        (queries, documents) = (rows.count, documentRows.count)
        let relevance = rows.map { Relevance(relevant[$0]!) }
        func scores(_ vectors: Matrix) -> [RetrievalScores] {
            ranksOfRelevant(
                queries: gatherRows(vectors, rows), candidates: gatherRows(vectors, documentRows),
                relevance: relevance, pool: pool
            ).compactMap { RetrievalScores($0) }
        }
        let (a, b) = (scores(items.reference), scores(items.candidate))
        var measures: [(String, (RetrievalScores) -> Double)] = [("nDCG@10", \.ndcg)]
        for (index, cutoff) in RetrievalScores.recallCutoffs.enumerated() {
            measures.append(("recall@\(cutoff)", { $0.recall[index] }))
        }
        self.measures = measures.map { name, value in
            let differences = zip(a, b).map { value($1) - value($0) }
            return Measure(
                name: name, reference: Self.mean(a.map(value)), candidate: Self.mean(b.map(value)),
                difference: Bootstrap.mean(differences, seed: seed),
                probability: Self.probability(differences, seed: seed))
        }
    }

    private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(values.count, 1)) }

    /// Two-sided: the share of random signs that give a difference at least as large, this one among them.
    package static func probability(_ differences: [Double], seed: UInt64) -> Double {
        let observed = abs(differences.reduce(0, +))
        var random = SplitMix(seed: seed)
        var extreme = 1
        for _ in 0..<rounds {
            var sum = 0.0
            var bits: UInt64 = 0
            for (index, value) in differences.enumerated() {
                if index % 64 == 0 { bits = random.next() }
                sum += bits & 1 == 0 ? value : -value
                bits >>= 1
            }
            // Sums of the same values in another sign differ by rounding.
            if abs(sum) >= observed - 1e-12 { extreme += 1 }
        }
        return Double(extreme) / Double(rounds + 1)
    }
}
