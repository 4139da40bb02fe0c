/// R@k of cross-modal retrieval: the share of queries with at least one relevant candidate among the first k
/// (Karpathy and Fei-Fei 2015; not the recall of trec_eval, which asks for all of them).
package enum HitRate {
    package static let cutoffs = [1, 5, 10]

    /// Queries without a relevant candidate are left out; nil if none remains.
    package static func at(_ k: Int, _ queries: [[RankedJudgment]]) -> Double? {
        let asked = queries.filter { !$0.isEmpty }
        guard !asked.isEmpty else { return nil }
        let hits = asked.count { $0.contains { $0.rank.map { $0 <= k } ?? false } }
        return Double(hits) / Double(asked.count)
    }

    /// The expected R@k of rankings in random order: 1 - C(m - r, k) / C(m, k), averaged over the queries.
    ///
    /// - Parameters:
    ///   - relevant: r of each query.
    ///   - candidates: m
    package static func chance(at k: Int, relevant: [Int], candidates m: Int) -> Double? {
        let asked = relevant.filter { $0 > 0 }
        guard !asked.isEmpty, m > 0 else { return nil }
        let total = asked.reduce(0.0) { sum, r in
            var none = 1.0
            for i in 0..<min(k, m) { none *= max(0, Double(m - r - i)) / Double(m - i) }
            return sum + 1 - none
        }
        return total / Double(asked.count)
    }
}
