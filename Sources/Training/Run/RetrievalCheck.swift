package import CastorNumerics
package import Encoder

/// Retrieval on held-out pairs: every query against all positives, and every positive against all queries.
///
/// Contents that occur twice are one candidate, and whatever is paired with one of them is right for it: a class name is
/// right for all pictures of its class. Of equal scores the right one comes last, so that a model whose vectors are all alike
/// finds nothing.
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
    package let queries: [Item]
    package let candidates: [Item]
    /// Candidates that are right for each query.
    private let rightCandidates: [[Int]]
    private let rightQueries: [[Int]]

    /// - Precondition: at least one pair.
    package init(name: String, pairs: [(query: Item, positive: Item)]) {
        precondition(!pairs.isEmpty)
        self.name = name
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
        self.candidates = candidates.items
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
    }

    /// Queries that examples are shown of: evenly spread, different positives where possible.
    package static let exampleCount = 6
    static let neighborCount = 4

    package var examples: [Int] {
        let count = min(Self.exampleCount, queries.count)
        return (0..<count).map { $0 * queries.count / count }
    }

    package func isRight(_ candidate: Int, for query: Int) -> Bool { rightCandidates[query].contains(candidate) }
    package func firstRight(for query: Int) -> Int { rightCandidates[query][0] }

    /// - Parameters:
    ///   - sizes: of the vectors, each at most the model's
    ///   - encode: contents -> rows `[n, D]`
    package func scores(
        sizes: [Int], pool: WorkerPool, encode: (_ contents: [EncoderInput]) throws(ModelError) -> Matrix
    ) throws(ModelError) -> EvaluationRecord.SetScores {
        let (q, c) = (try encode(queries.map(\.input)), try encode(candidates.map(\.input)))
        var result = EvaluationRecord.SetScores(
            data: name, queries: queries.count, candidates: candidates.count,
            chance: rightCandidates.reduce(0.0) { $0 + Double($1.count) } / Double(queries.count * candidates.count),
            sizes: [])
        for size in sizes.sorted(by: >) {
            let similarities = Matrix(rows: q.rows, columns: c.rows)
            let (a, b) = (Self.unitPrefix(q, size), Self.unitPrefix(c, size))
            let pieces = pool.ranges(q.rows, minimum: 16)
            pool.run(pieces.count) { index, _ in
                gemm(Block(a[pieces[index]]), .no, Block(b), .yes, into: Block(similarities[pieces[index]]))
            }
            result.sizes.append(
                EvaluationRecord.SizeScores(
                    size: size,
                    forward: Self.scores(rightCandidates, c.rows) { similarities.row($0)[$1] },
                    backward: Self.scores(rightQueries, q.rows) { similarities.row($1)[$0] }))
            if result.nearest.isEmpty { result.nearest = examples.map { nearest(similarities.row($0)) } }
        }
        return result
    }

    private func nearest(_ row: UnsafeMutablePointer<Float>) -> [Int] {
        Array((0..<candidates.count).sorted { (-row[$0], $0) < (-row[$1], $1) }.prefix(Self.neighborCount))
    }

    /// Scores from the rank of the best right answer.
    private static func scores(
        _ right: [[Int]], _ count: Int, _ similarity: (Int, Int) -> Float
    ) -> EvaluationRecord.Scores {
        var (at1, at5, at10, reciprocal) = (0, 0, 0, 0.0)
        for (query, answers) in right.enumerated() {
            let own = answers.reduce(-Float.infinity) { max($0, similarity(query, $1)) }
            let isRight = Set(answers)
            var rank = 1
            for other in 0..<count where !isRight.contains(other) && similarity(query, other) >= own { rank += 1 }
            if rank <= 1 { at1 += 1 }
            if rank <= 5 { at5 += 1 }
            if rank <= 10 { at10 += 1 }
            reciprocal += 1 / Double(rank)
        }
        let n = Double(right.count)
        return EvaluationRecord.Scores(
            recallAt1: Double(at1) / n, recallAt5: Double(at5) / n, recallAt10: Double(at10) / n,
            reciprocalRank: reciprocal / n)
    }

    private static func unitPrefix(_ rows: Matrix, _ size: Int) -> Matrix {
        let result = Matrix(rows: rows.rows, columns: size)
        for row in 0..<rows.rows {
            result.row(row).update(from: rows.row(row), count: size)
            let square = preciseSumOfSquares(result.row(row), count: size)
            scale(result.row(row), by: square > 0 ? Float(1 / square.squareRoot()) : 0, count: size)
        }
        return result
    }
}
