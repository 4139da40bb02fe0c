import Castor
import Comparison

/// What `castor compare` prints.
struct CompareTable {
    private let comparison: Comparison

    init(_ comparison: Comparison) {
        self.comparison = comparison
    }

    /// What should be known of the files before the numbers are believed.
    static func warnings(_ comparison: Comparison) -> [String] {
        var warnings: [String] = []
        for side in [comparison.reference, comparison.candidate] {
            for problem in side.problems {
                warnings.append(
                    "\(side.path): \(problem.count) \(problem.problem.rawValue) left out, the first: \(problem.first)")
            }
            if side.checks.notUnit > 0 {
                warnings.append(
                    "\(side.path): \(side.checks.notUnit) vectors are not of length 1; they are divided by their length"
                )
            }
        }
        if let first = comparison.firstMissing {
            warnings.append("\(comparison.missing) keys are only in the reference, the first: \(first)")
        }
        if let first = comparison.firstExtra {
            warnings.append("\(comparison.extra) keys are only in the candidate, the first: \(first)")
        }
        if let judged = comparison.judged, judged.unusable > 0 {
            warnings.append("\(judged.unusable) judgments name keys without vectors in both files")
        }
        return warnings
    }

    var text: String {
        let cutoffs = SimilarityStructure.cutoffs
        var rows = [
            ["pair", "items", "values", "spearman", "pearson", "cka"] + cutoffs.map { "overlap@\($0)" } + [
                "rbo", "chance@10",
            ]
        ]
        for group in comparison.groups {
            for (index, size) in group.sizes.enumerated() {
                let name = group.queries == "all" ? "all" : "\(group.queries) > \(group.candidates)"
                rows.append(
                    [
                        index == 0 ? name : "", index == 0 ? "\(group.queryCount)" : "", "\(size.size)",
                        Self.number(size.spearman), Self.number(size.pearson), Self.number(size.cka),
                    ] + size.overlap.map { Self.number($0) } + [
                        Self.number(size.rankBiasedOverlap), EvaluationTable.decimal(group.chance[2], 4),
                    ])
            }
        }
        var text = Self.aligned(rows)
        if !comparison.maps.isEmpty {
            text += "\n"
            text += Self.aligned(
                [["map to reference", "fitted", "judged", "cosine", "R@1", "overlap@10", "chance@10"]]
                    + comparison.maps.map { map in
                        [map.kind.rawValue, "\(map.fitted)", "\(map.judged)"]
                            + [map.cosine, map.recallAt1, map.overlapAt10, map.chanceAt10].map {
                                EvaluationTable.decimal($0, 4)
                            }
                    })
        }
        if let judged = comparison.judged {
            text += "\n"
            text += Self.aligned(
                [["judged, \(judged.queries) queries", "reference", "candidate", "difference", "95 %", "p"]]
                    + judged.measures.map { measure in
                        [
                            measure.name, EvaluationTable.decimal(measure.reference, 4),
                            EvaluationTable.decimal(measure.candidate, 4),
                            EvaluationTable.decimal(measure.difference.value, 4),
                            "\(EvaluationTable.decimal(measure.difference.low ?? 0, 4))..\(EvaluationTable.decimal(measure.difference.high ?? 0, 4))",
                            EvaluationTable.decimal(measure.probability, 4),
                        ]
                    })
        }
        return text
    }

    private static func number(_ estimate: Estimate?) -> String {
        estimate.map { EvaluationTable.decimal($0.value, 4) } ?? "-"
    }

    /// The first column to the left, numbers to the right.
    static func aligned(_ rows: [[String]]) -> String {
        let rows = rows.map { $0.map(\.printable) }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, text in
                let padding = String(repeating: " ", count: widths[column] - text.count)
                return column == 0 ? text + padding : padding + text
            }.joined(separator: "  ") + "\n"
        }.joined()
    }
}
