package import CastorNumerics
package import Encoder
import Evaluation
import Vectors

/// Retrieval on pairs that are not trained on: every query against all positives, and every positive against all queries.
///
/// Contents that occur twice are one candidate, and whatever is paired with one of them is right for it: a class name is
/// right for all pictures of its class. Of equal scores the right one comes last, so that a model whose vectors are all alike
/// finds nothing. A handful of pairs would be told apart by a model that knows next to nothing: distractors, contents of other pairs,
/// make the choice as large as it is in use.
package struct RetrievalCheck: Sendable {
    /// A content and, for people, what each of its parts is: a text, or the name of a file.
    package struct Item: Sendable {
        package let input: EncoderInput
        package let texts: [String]

        package init(_ input: EncoderInput, texts: [String]) {
            self.input = input
            self.texts = texts
        }
    }

    package let name: String
    /// Whether it takes part in choosing the best checkpoint.
    package let decides: Bool
    package let queries: [Item]
    /// Positives of the pairs, then distractors.
    package let candidates: [Item]
    /// What positives are to find their queries among, too.
    private let otherQueries: [Item]
    /// Candidates that are right for each query, in order.
    private let rightCandidates: [[Int]]
    /// Queries that are right for each of the pairs' positives.
    private let rightQueries: [[Int]]

    package typealias Pair = (query: Item, positive: Item)

    /// - Parameter distractors: pairs of which a side is a wrong answer, unless its other side is one of `pairs`, too
    /// - Precondition: at least one pair.
    package init(name: String, decides: Bool = true, pairs: [Pair], distractors: [Pair] = []) {
        precondition(!pairs.isEmpty)
        self.name = name
        self.decides = decides
        var (queries, candidates) = (Distinct(), Distinct())
        var links: [(Int, Int)] = []
        for pair in pairs { links.append((queries.place(of: pair.query), candidates.place(of: pair.positive))) }
        var right = queries.items.map { _ in Set<Int>() }
        var back = candidates.items.map { _ in Set<Int>() }
        for (query, candidate) in links {
            right[query].insert(candidate)
            back[candidate].insert(query)
        }
        self.queries = queries.items
        var (allQueries, allCandidates) = (queries, candidates)
        for pair in distractors {
            if !queries.contains(pair.query) { _ = allCandidates.place(of: pair.positive) }
            if !candidates.contains(pair.positive) { _ = allQueries.place(of: pair.query) }
        }
        self.candidates = allCandidates.items
        otherQueries = Array(allQueries.items.dropFirst(queries.items.count))
        rightCandidates = right.map { $0.sorted() }
        rightQueries = back.map { $0.sorted() }
    }

    private struct Distinct {
        private(set) var items: [Item] = []
        private var places: [ContentHash: Int] = [:]

        mutating func place(of item: Item) -> Int {
            let hash = item.input.contentHash
            if let place = places[hash] { return place }
            places[hash] = items.count
            items.append(item)
            return items.count - 1
        }

        func contains(_ item: Item) -> Bool { places[item.input.contentHash] != nil }
    }

    /// Queries that examples are shown of: evenly spread, different positives where possible.
    package static let exampleCount = 6
    static let neighborCount = 4

    package var examples: [Int] { evenlySpread(Self.exampleCount, of: queries.count) }

    package func isRight(_ candidate: Int, for query: Int) -> Bool { rightCandidates[query].contains(candidate) }
    package func firstRight(for query: Int) -> Int { rightCandidates[query][0] }

    /// - Parameters:
    ///   - sizes: of the vectors, each at most the model's
    ///   - encode: contents -> rows `[n, D]`
    package func scores(
        sizes: [Int], pool: WorkerPool, encode: (_ contents: [EncoderInput]) throws(ModelError) -> Matrix
    ) throws(ModelError) -> EvaluationRecord.SetScores {
        let (q, c) = (try encode((queries + otherQueries).map(\.input)), try encode(candidates.map(\.input)))
        let (askedQueries, askedCandidates) = (Array(queries.indices), Array(rightQueries.indices))
        var result = EvaluationRecord.SetScores(
            data: name, queries: queries.count, candidates: candidates.count,
            chance: HitRate.chance(at: 1, relevant: rightCandidates.map(\.count), candidates: candidates.count) ?? 0,
            sizes: [])
        if !decides { result.decides = false }
        result.answers = rightQueries.count
        for size in sizes.sorted(by: >) {
            let (a, b) = (normalizedPrefix(q, size), normalizedPrefix(c, size))
            result.sizes.append(
                EvaluationRecord.SizeScores(
                    size: size,
                    forward: Self.scores(gatherRows(a, askedQueries), finding: rightCandidates, among: b, pool),
                    backward: Self.scores(gatherRows(b, askedCandidates), finding: rightQueries, among: a, pool)))
            if result.nearest.isEmpty {
                result.nearest = nearestNeighbors(
                    of: gatherRows(a, examples), among: b, k: Self.neighborCount, pool: pool
                ).map { $0.map(\.index) }
            }
        }
        return result
    }

    private static func scores(
        _ queries: Matrix, finding right: [[Int]], among candidates: Matrix, _ pool: WorkerPool
    ) -> EvaluationRecord.Scores {
        let ranks = ranksOfRelevant(
            queries: queries, candidates: candidates,
            relevance: right.map { Relevance($0.map { .init(candidate: $0) }) }, ties: .relevantLast, pool: pool)
        return EvaluationRecord.Scores(
            recallAt1: HitRate.at(1, ranks) ?? 0, recallAt5: HitRate.at(5, ranks) ?? 0,
            recallAt10: HitRate.at(10, ranks) ?? 0, reciprocalRank: RetrievalScores.mean(ranks)?.reciprocalRank ?? 0)
    }
}
