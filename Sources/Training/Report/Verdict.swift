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
    /// Shares whose right answer comes first, over queries and answers that look for their queries.
    package let before: Double
    package let after: Double
    /// Different contents that were asked for.
    package let asked: Int
    package let candidates: Int
    /// What a random order finds.
    package let chance: Double

    /// nil without an evaluation before and after.
    init?(_ history: TrainingHistory) {
        guard let before = history.before, let after = history.after else { return nil }
        // Where there is nothing but test sets, of those.
        let deciding = after.sets.filter { $0.decides != false }
        let sets = deciding.isEmpty ? after.sets : deciding
        self.init(
            before: before.score(.recallAt1) ?? before.recallAt1, after: after.score(.recallAt1) ?? after.recallAt1,
            asked: sets.reduce(0) { $0 + max($1.queries, $1.answers ?? 0) },
            candidates: sets.map { max($0.candidates, $0.queries) }.max() ?? 0,
            chance: sets.map(\.chance).max() ?? 0, keepsStart: history.ending?.modelStep == 0)
    }

    /// - Parameters:
    ///   - asked: different contents that were asked for, in the direction that has more
    ///   - chance: what a random order finds
    package init(before: Double, after: Double, asked: Int, candidates: Int, chance: Double, keepsStart: Bool) {
        (self.before, self.after, self.asked, self.candidates) = (before, after, asked, candidates)
        self.chance = chance
        let difference = after - before
        let isClear = abs(difference) > Self.noise(before, after, asked) && (difference < 0 || after > chance)
        outcome = keepsStart ? .nothing : !isClear ? .unclear : difference > 0 ? .better : .worse
    }

    /// Two standard errors of a difference of shares, half a content at least.
    private static func noise(_ before: Double, _ after: Double, _ asked: Int) -> Double {
        let count = Double(max(1, asked))
        return max(0.5 / count, 2 * ((before * (1 - before) + after * (1 - after)) / count).squareRoot())
    }

    package var sentence: String {
        let (old, new) = (Figures.percent(before), Figures.percent(after))
        let others = "\(old) before, and guessing gives \(Figures.percent(chance))"
        let place =
            "of what it was not trained on (\(Figures.grouped(asked)) different ones, among up to \(Figures.grouped(candidates)), both ways)"
        switch outcome {
        case .nothing:
            return
                "Nothing was gained: no weights did better on what was held back than those at the start, which find the right one "
                + "first for \(old) \(place); guessing gives \(Figures.percent(chance)). They are the model."
        case .better: return "Better: the model finds the right one first for \(new) \(place); \(others)."
        case .worse: return "Worse: the model finds the right one first for \(new) \(place); \(others)."
        case .unclear:
            return
                "No clear difference: the model finds the right one first for \(new) \(place); \(others). So few differ that much by "
                + "chance."
        }
    }
}
