import CastorNumerics
import Evaluation
import TestSupport
import Testing

/// What must hold for the retrieval metrics whatever is judged, and however.
@Suite struct JudgmentPropertyTests {
    /// A query, its documents with many equal scores, and judgments of some of them and of documents that are not there.
    private struct Case {
        let scores: [Float]
        let relevance: Relevance

        init(_ random: inout SeededRandom) {
            let count = Int.random(in: 1...150, using: &random)
            scores = (0..<count).map { _ in Float(Int.random(in: -3...3, using: &random)) }
            let most = [2, 12, count].randomElement(using: &random)!
            var judgments = (0..<count).shuffled(using: &random).prefix(min(count, most)).map {
                Relevance.Judgment(candidate: $0, grade: Int.random(in: 1...4, using: &random))
            }
            if Bool.random(using: &random) { judgments.append(.init(candidate: nil, grade: 2)) }
            relevance = Relevance(Array(judgments.prefix(Int.random(in: 0...judgments.count, using: &random))))
        }

        func ranks(_ ties: TieOrder = .byRow, scores: [Float]? = nil, relevance: Relevance? = nil) -> [RankedJudgment] {
            ranksOfRelevant(
                queries: matrix([[1]]), candidates: matrix((scores ?? self.scores).map { [$0] }),
                relevance: [relevance ?? self.relevance], ties: ties, pool: pool)[0]
        }
    }

    private func forEachCase(_ body: (Case, inout SeededRandom) throws -> Void) rethrows {
        var random = SeededRandom(seed: 19)
        for _ in 0..<400 { try body(Case(&random), &random) }
    }

    private func all(_ judgments: [RankedJudgment]) -> [Double]? {
        RetrievalScores(judgments).map { scores in
            [scores.ndcg] + scores.recall
                + [scores.reciprocalRankAtCutoff, scores.reciprocalRank, scores.averagePrecision]
                + HitRate.cutoffs.map { HitRate.at($0, [judgments]) ?? -1 }
        }
    }

    @Test func allAreShares() throws {
        try forEachCase { one, _ in
            for ties in [TieOrder.byRow, .relevantLast] {
                let ranks = one.ranks(ties)
                let found = ranks.compactMap(\.rank)
                #expect(Set(found).count == found.count && found.allSatisfy { (1...one.scores.count).contains($0) })
                guard let scores = RetrievalScores(ranks) else {
                    #expect(one.relevance.judgments.isEmpty)
                    continue
                }
                let values = try #require(all(ranks))
                #expect(values.allSatisfy { $0 >= 0 && $0 <= 1 + Precision.metric }, "\(values)")
                #expect(scores.recall[0] <= scores.recall[1])
                #expect(scores.reciprocalRankAtCutoff <= scores.reciprocalRank)
                #expect(scores.averagePrecision <= scores.reciprocalRank * Double(ranks.count))
                // A relevant one among the first ten, and only then.
                let isFound = found.contains { $0 <= 10 }
                #expect(isFound == (scores.ndcg > 0) && isFound == (scores.recall[0] > 0))
                #expect(isFound == (scores.reciprocalRankAtCutoff > 0) && HitRate.at(10, [ranks]) == (isFound ? 1 : 0))
            }
        }
    }

    /// Relevant documents first, by their grades: nothing is better.
    @Test func thePerfectOrderIsOne() throws {
        try forEachCase { one, _ in
            let present = Relevance(one.relevance.judgments.filter { $0.candidate != nil })
            guard !present.judgments.isEmpty else { return }
            var scores = one.scores.map { _ in Float(0) }
            for judgment in present.judgments { scores[judgment.candidate!] = Float(judgment.grade) }
            let ranks = one.ranks(scores: scores, relevance: present)
            let perfect = try #require(RetrievalScores(ranks))
            expectClose(perfect.ndcg, 1)
            expectClose(perfect.averagePrecision, 1)
            #expect(perfect.reciprocalRank == 1 && perfect.reciprocalRankAtCutoff == 1)
            #expect(perfect.recall[0] == min(1, 10 / Double(ranks.count)))
            let own = try #require(RetrievalScores(one.ranks(relevance: present)))
            #expect(own.ndcg <= perfect.ndcg + Precision.metric)
            #expect(own.averagePrecision <= perfect.averagePrecision + Precision.metric)
        }
    }

    @Test func whatSaysNothingChangesNothing() {
        forEachCase { one, random in
            let expected = all(one.ranks())
            // Another order of the judgments is another order of sums.
            let shuffled = all(one.ranks(relevance: Relevance(one.relevance.judgments.shuffled(using: &random))))
            #expect((shuffled == nil) == (expected == nil))
            for (a, b) in zip(shuffled ?? [], expected ?? []) { expectClose(a, b) }
            // A growing function of the scores.
            #expect(all(one.ranks(scores: one.scores.map { 3 * $0 + 1 })) == expected)
            // Documents that nobody judged, behind all others.
            #expect(all(one.ranks(scores: one.scores + [-9, -9, -10])) == expected)
        }
    }

    /// A relevant document that moves to the front makes nothing worse.
    @Test func betterIsNotLess() throws {
        try forEachCase { one, _ in
            guard let place = one.relevance.judgments.lazy.compactMap(\.candidate).first else { return }
            var scores = one.scores
            scores[place] = 9
            let (before, after) = (try #require(all(one.ranks())), try #require(all(one.ranks(scores: scores))))
            for (a, b) in zip(before, after).dropFirst() { #expect(b >= a - Precision.metric) }
            // Of all relevant documents the first one gains; nDCG may lose where it pushes better ones down.
            if one.relevance.judgments.allSatisfy({ $0.grade == 1 }) {
                #expect(after[0] >= before[0] - Precision.metric)
            }
        }
    }
}
