import CastorNumerics
import Encoder
import TestSupport
import Testing
import Training

/// Retrieval during training, against counting ranks one by one.
@Suite struct RetrievalCheckTests {
    private static let pool = WorkerPool(threads: 2)

    private func item(_ id: Int) -> RetrievalCheck.Item {
        RetrievalCheck.Item(EncoderInput([.text([Int32(id)])]), texts: ["\(id)"])
    }

    /// Rows by the id of their content; ids that are equal modulo `period` have equal rows.
    private func rows(_ contents: [EncoderInput], period: Int) -> Matrix {
        let result = Matrix(rows: contents.count, columns: 24)
        for (row, content) in contents.enumerated() {
            guard case .text(let ids) = content.segments[0] else { continue }
            var random = SeededRandom(seed: UInt64(Int(ids[0]) % period) + 1)
            let values = random.floats(24)
            for index in 0..<24 { result.row(row)[index] = values[index] }
        }
        return result
    }

    @Test(arguments: [10_000, 17, 1])
    func agreesWithCounting(period: Int) throws {
        // Queries 0... and positives 1000...; every fifth positive is right for two queries, every seventh query has two.
        var pairs: [(Int, Int)] = []
        for index in 0..<60 {
            pairs.append((index, 1_000 + index - (index % 5 == 1 ? 1 : 0)))
            if index % 7 == 0 { pairs.append((index, 1_100 + index)) }
        }
        let check = RetrievalCheck(name: "x", pairs: pairs.map { (item($0.0), item($0.1)) })
        let scores = try check.scores(sizes: [6, 24], pool: Self.pool) {
            (contents: [EncoderInput]) throws(ModelError) in
            rows(contents, period: period)
        }
        #expect(scores.sizes.map(\.size) == [24, 6] && scores.queries == 60)
        let (q, c) = (
            rows(check.queries.map(\.input), period: period), rows(check.candidates.map(\.input), period: period)
        )
        for found in scores.sizes {
            func cosine(_ query: Int, _ candidate: Int) -> Double {
                let (a, b) = (q.row(query), c.row(candidate))
                var (ab, aa, bb) = (0.0, 0.0, 0.0)
                for index in 0..<found.size {
                    ab += Double(a[index]) * Double(b[index])
                    aa += Double(a[index]) * Double(a[index])
                    bb += Double(b[index]) * Double(b[index])
                }
                return ab / (aa * bb).squareRoot()
            }
            let forward = check.queries.indices.map { query in
                check.candidates.indices.map { (cosine(query, $0), check.isRight($0, for: query)) }
            }
            let backward = check.candidates.indices.map { candidate in
                check.queries.indices.map { (cosine($0, candidate), check.isRight(candidate, for: $0)) }
            }
            expect(found.forward, forward)
            expect(found.backward, backward)
        }
        #expect(scores.nearest.count == RetrievalCheck.exampleCount)
        for (query, nearest) in zip(check.examples, scores.nearest) {
            #expect(Set(nearest).count == nearest.count && nearest.count == 4, "query \(query)")
        }
    }

    /// Contents of other pairs are wrong answers, but where they are paired with what is asked for.
    @Test func distractors() throws {
        let pairs = [(0, 1_000), (1, 1_001)].map { (item($0.0), item($0.1)) }
        // Of a query that is asked, of a positive that is, and of neither; twice.
        let others = [(0, 1_002), (2, 1_001), (3, 1_003), (3, 1_003)].map { (item($0.0), item($0.1)) }
        let check = RetrievalCheck(name: "x", pairs: pairs, distractors: others)
        #expect(check.queries.count == 2 && check.candidates.map(\.texts) == [["1000"], ["1001"], ["1003"]])
        // All are alike: the right one comes last of three, and of the three queries.
        let scores = try check.scores(sizes: [24], pool: Self.pool) {
            (contents: [EncoderInput]) throws(ModelError) in
            rows(contents, period: 1)
        }
        #expect(scores.queries == 2 && scores.candidates == 3 && abs(scores.chance - 1.0 / 3) < 1e-12)
        #expect(scores.sizes[0].forward.reciprocalRank == 1.0 / 3)
        #expect(scores.sizes[0].backward.reciprocalRank == 1.0 / 3)
    }

    /// Rank of the best right answer behind every wrong one that is as good, within rounding.
    private func expect(
        _ scores: EvaluationRecord.Scores, _ lists: [[(score: Double, isRight: Bool)]],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let ranks = lists.map { list in
            let own = list.filter(\.isRight).map(\.score).max()!
            return 1 + list.count { !$0.isRight && $0.score >= own - 1e-6 }
        }
        func share(_ k: Int) -> Double { Double(ranks.count { $0 <= k }) / Double(ranks.count) }
        #expect(scores.recallAt1 == share(1) && scores.recallAt5 == share(5), sourceLocation: sourceLocation)
        #expect(scores.recallAt10 == share(10), sourceLocation: sourceLocation)
        let reciprocal = ranks.reduce(0.0) { $0 + 1 / Double($1) } / Double(ranks.count)
        #expect(abs(scores.reciprocalRank - reciprocal) < 1e-12, sourceLocation: sourceLocation)
    }
}
