extension RetrievalScores {
    /// What a ranking in random order is worth on average: the number to hold a score against.
    ///
    /// Each of the m positions holds a given document with probability 1/m, so gains and recall follow by linearity. The first of r
    /// relevant documents stands at position i with probability P(first >= i) - P(first >= i + 1). For average precision, a relevant
    /// document at position i has (r - 1)(i - 1)/(m - 1) others before it on average: E = (H_m + (r - 1)/(m - 1) (m - H_m)) / m.
    ///
    /// - Parameters:
    ///   - grades: of the query's relevant documents that have vectors.
    ///   - missing: grades of those that have none.
    ///   - candidates: m
    package static func chance(grades: [Int], missing: [Int] = [], candidates m: Int) -> RetrievalScores? {
        let all = grades.count + missing.count
        guard all > 0 else { return nil }
        var scores = RetrievalScores()
        guard m > 0, !grades.isEmpty else { return scores }
        let (r, found) = (grades.count, Double(grades.count) / Double(all))
        let positions = (1...min(m, cutoff)).reduce(0.0) { $0 + discount($1) }
        scores.ndcg =
            positions * grades.reduce(0.0, { $0 + Double($1) }) / Double(m) / idealGain(grades + missing, at: cutoff)
        scores.recall = recallCutoffs.map { found * Double(min($0, m)) / Double(m) }
        // P(no relevant document among the first i).
        var none = 1.0
        var harmonic = 0.0
        for i in 1...m {
            let next = m - i >= r ? none * Double(m - i + 1 - r) / Double(m - i + 1) : 0
            scores.reciprocalRank += (none - next) / Double(i)
            if i <= cutoff { scores.reciprocalRankAtCutoff += (none - next) / Double(i) }
            none = next
            harmonic += 1 / Double(i)
        }
        let others = m > 1 ? Double(r - 1) / Double(m - 1) * (Double(m) - harmonic) : 0
        scores.averagePrecision = found * (harmonic + others) / Double(m)
        return scores
    }
}
