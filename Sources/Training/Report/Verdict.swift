import Glibc
import Report

/// What a training was good for, as far as pairs that it never saw can tell.
package struct Verdict: Equatable {
    package enum Outcome: Equatable {
        /// The weights at the start were the best, and are the model.
        case nothing
        case better, worse
        /// A difference that so few queries show by chance, too.
        case unclear
    }

    package let outcome: Outcome
    /// Shares whose right answer comes first, the mean of queries and of answers that look for their queries.
    package let before: Double
    package let after: Double
    package let pairs: Int
    package let candidates: Int

    /// nil without an evaluation before and after.
    init?(_ history: TrainingHistory) {
        guard let before = history.before, let after = history.after else { return nil }
        // Where there is nothing but test sets, of those.
        let deciding = after.sets.filter { $0.decides != false }
        let sets = deciding.isEmpty ? after.sets : deciding
        self.init(
            before: before.score(.recallAt1) ?? before.recallAt1, after: after.score(.recallAt1) ?? after.recallAt1,
            pairs: sets.reduce(0) { $0 + ($1.pairs ?? $1.queries) },
            candidates: sets.map(\.candidates).max() ?? 0, keepsStart: history.ending?.modelStep == 0)
    }

    package init(before: Double, after: Double, pairs: Int, candidates: Int, keepsStart: Bool) {
        (self.before, self.after, self.pairs, self.candidates) = (before, after, pairs, candidates)
        let difference = after - before
        outcome =
            keepsStart
            ? .nothing
            : abs(difference) <= Self.chance(before, after, pairs)
                ? .unclear : difference > 0 ? .better : .worse
    }

    /// Two standard errors of a share, half a pair at least.
    private static func chance(_ before: Double, _ after: Double, _ pairs: Int) -> Double {
        let (share, count) = ((before + after) / 2, Double(max(1, pairs)))
        return max(0.5 / count, 2 * (share * (1 - share) / count).squareRoot())
    }

    package var sentence: String {
        let (old, new) = (Figures.percent(before), Figures.percent(after))
        let place =
            "of \(Figures.grouped(pairs)) pairs that it was not trained on, query to answer and back, among up to \(Figures.grouped(candidates))"
        switch outcome {
        case .nothing:
            return
                "Nothing was gained: no weights did better on what was held back than those at the start, which find the right one "
                + "first for \(old) \(place). They are the model."
        case .better: return "Better: the model finds the right one first for \(new) \(place); \(old) before."
        case .worse: return "Worse: the model finds the right one first for \(new) \(place); \(old) before."
        case .unclear:
            return
                "No clear difference: the model finds the right one first for \(new) \(place); \(old) before. So few pairs differ that much by "
                + "chance."
        }
    }
}
