package import CastorNumerics
import Vectors

/// What a query should find: candidates by row, with grades above 0.
package struct Relevance: Sendable, Equatable {
    package struct Judgment: Sendable, Equatable {
        /// Row of the candidate; nil where there is no vector for it, which counts as never found.
        package let candidate: Int?
        /// 1 and above; binary judgments are all 1.
        package let grade: Int

        package init(candidate: Int?, grade: Int = 1) {
            self.candidate = candidate
            self.grade = grade
        }
    }

    package var judgments: [Judgment]

    package init(_ judgments: [Judgment]) {
        precondition(judgments.allSatisfy { $0.grade > 0 }, "a grade of 0 or less is not relevant")
        self.judgments = judgments
    }
}

/// A relevant candidate and where it came.
package struct RankedJudgment: Sendable, Equatable {
    /// From 1; nil for never.
    package let rank: Int?
    package let grade: Int

    package init(rank: Int?, grade: Int = 1) {
        self.rank = rank
        self.grade = grade
    }
}

/// Which of two candidates comes first where their scores are equal.
package enum TieOrder: Sendable {
    /// The lower row: order the candidates by descending id, and ranks are those of trec_eval.
    case byRow
    /// The one that is not relevant, so that a model whose vectors are all alike finds nothing.
    case relevantLast
}

/// The exact rank of every relevant candidate among all candidates, by dot product.
///
/// Retrieval metrics depend on nothing else, so no list is cut and none has to be kept.
///
/// - Parameters:
///   - queries: `[n, d]`
///   - candidates: `[m, d]`
///   - relevance: n lists.
/// - Returns: n lists in the order of `relevance`.
package func ranksOfRelevant(
    queries: Matrix, candidates: Matrix, relevance: [Relevance], ties: TieOrder = .byRow, pool: WorkerPool
) -> [[RankedJudgment]] {
    precondition(relevance.count == queries.rows)
    let ranks = Slots<[RankedJudgment]>(count: queries.rows, [])
    for query in 0..<queries.rows where candidates.rows == 0 {
        ranks[query] = relevance[query].judgments.map { RankedJudgment(rank: nil, grade: $0.grade) }
    }
    forEachSimilarityRow(queries, candidates, pool: pool) { query, scores in
        let judgments = relevance[query].judgments
        let found = judgments.map { $0.candidate.map { rank(of: $0, in: scores) } }
        let later = ties == .byRow ? found.map { _ in 0 } : laterTies(judgments, in: scores)
        ranks[query] = judgments.indices.map { index in
            RankedJudgment(rank: found[index].map { $0 + later[index] }, grade: judgments[index].grade)
        }
    }
    return ranks.values
}

/// For each judgment, how many candidates that are not relevant have its score and a higher row.
private func laterTies(_ judgments: [Relevance.Judgment], in scores: UnsafeBufferPointer<Float>) -> [Int] {
    judgments.map { judgment in
        guard let own = judgment.candidate, own + 1 < scores.count else { return 0 }
        var count = 0
        for other in own + 1..<scores.count where scores[other] == scores[own] { count += 1 }
        // Hardly ever: equal scores are rare.
        if count > 0 {
            count -= judgments.count { other in
                other.candidate.map { $0 > own && scores[$0] == scores[own] } ?? false
            }
        }
        return count
    }
}

/// 1 + how many come before candidate `index`.
func rank(of index: Int, in scores: UnsafeBufferPointer<Float>) -> Int {
    let own = scores[index]
    var before = 1
    for other in 0..<index where scores[other] >= own { before += 1 }
    for other in index + 1..<max(scores.count, index + 1) where scores[other] > own { before += 1 }
    return before
}
