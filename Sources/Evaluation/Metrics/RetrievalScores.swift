import Glibc

/// What a ranking is worth, from the ranks of a query's relevant documents. Definitions of trec_eval 9:
///
/// - nDCG@k (`ndcg_cut`): gain = grade, discount log2(1 + rank), ideal from all relevant documents, found or not.
/// - recall@k (`recall`): share of the relevant documents with rank <= k.
/// - reciprocal rank (`recip_rank`): 1 / rank of the first relevant document; MRR@k counts ranks beyond k as 0.
/// - average precision (`map`): mean over the relevant documents of the precision at their rank, 0 for those never found.
package struct RetrievalScores: Sendable, Equatable {
    package static let cutoff = 10
    package static let recallCutoffs = [10, 100]

    package var ndcg = 0.0
    package var recall: [Double]
    package var reciprocalRankAtCutoff = 0.0
    package var reciprocalRank = 0.0
    package var averagePrecision = 0.0

    package init() {
        recall = Self.recallCutoffs.map { _ in 0 }
    }

    /// Of one query; nil where it has no relevant document, since nothing can be said about it.
    package init?(_ judgments: [RankedJudgment]) {
        guard !judgments.isEmpty else { return nil }
        self.init()
        ndcg = normalizedGain(judgments, at: Self.cutoff)
        let ranks = judgments.compactMap(\.rank).sorted()
        recall = Self.recallCutoffs.map { cutoff in
            Double(ranks.count { $0 <= cutoff }) / Double(judgments.count)
        }
        if let first = ranks.first {
            reciprocalRank = 1 / Double(first)
            reciprocalRankAtCutoff = first <= Self.cutoff ? reciprocalRank : 0
        }
        for (index, rank) in ranks.enumerated() {
            averagePrecision += Double(index + 1) / Double(rank) / Double(judgments.count)
        }
    }

    /// Mean over the queries that have relevant documents; nil if none has.
    package static func mean(_ queries: [[RankedJudgment]]) -> RetrievalScores? {
        mean(queries.compactMap { RetrievalScores($0) })
    }

    package static func mean(_ scores: [RetrievalScores]) -> RetrievalScores? {
        guard !scores.isEmpty else { return nil }
        func average(_ value: (RetrievalScores) -> Double) -> Double {
            scores.reduce(0) { $0 + value($1) } / Double(scores.count)
        }
        var result = RetrievalScores()
        result.ndcg = average(\.ndcg)
        result.recall = recallCutoffs.indices.map { index in average { $0.recall[index] } }
        result.reciprocalRankAtCutoff = average(\.reciprocalRankAtCutoff)
        result.reciprocalRank = average(\.reciprocalRank)
        result.averagePrecision = average(\.averagePrecision)
        return result
    }
}

private func normalizedGain(_ judgments: [RankedJudgment], at cutoff: Int) -> Double {
    var gain = 0.0
    for judgment in judgments {
        if let rank = judgment.rank, rank <= cutoff { gain += Double(judgment.grade) * discount(rank) }
    }
    return gain / idealGain(judgments.map(\.grade), at: cutoff)
}

/// DCG@k of the best possible ranking of relevant documents with these grades.
func idealGain(_ grades: [Int], at cutoff: Int) -> Double {
    grades.sorted(by: >).prefix(cutoff).enumerated().reduce(0) { $0 + Double($1.element) * discount($1.offset + 1) }
}

func discount(_ rank: Int) -> Double { 1 / log2(Double(rank + 1)) }
