/// Names of what each kind of task measures.
extension TaskKind {
    static let stsMetrics = ["Spearman", "Pearson"]
    static let classificationMetrics = ["accuracy", "macro F1", "kNN accuracy"]
    static let clusteringMetrics = ["V-measure", "homogeneity", "completeness"]
    static let zeroShotMetrics = ["accuracy", "accuracy@5", "mean class accuracy"]
    static let retrievalMetrics =
        ["nDCG@\(RetrievalScores.cutoff)"] + RetrievalScores.recallCutoffs.map { "recall@\($0)" }
        + ["MRR@\(RetrievalScores.cutoff)", "MRR", "MAP"]

    static func bitextMetrics(_ task: Pairs) -> [String] {
        let (a, b) = (task.first.label, task.second.label)
        return ["accuracy, both ways"]
            + ["\(a) to \(b)", "\(b) to \(a)"].flatMap { ["\($0) accuracy", "\($0) F1"] }
    }

    static func direction(_ from: CrossModalTask.Side, _ to: CrossModalTask.Side) -> String {
        "\(from.name) to \(to.name)"
    }

    static func hitRates(_ direction: String) -> [String] {
        HitRate.cutoffs.map { "\(direction) R@\($0)" }
    }

    var metricNames: [String] {
        switch self {
        case .sts: Self.stsMetrics
        case .bitext(let task): Self.bitextMetrics(task)
        case .classification: Self.classificationMetrics
        case .clustering: Self.clusteringMetrics
        case .zeroShot: Self.zeroShotMetrics
        case .retrieval: Self.retrievalMetrics
        case .crossModal(let task):
            task.first.flatMap { side in
                Self.hitRates(Self.direction(side, task.second))
                    + (task.bothWays ? Self.hitRates(Self.direction(task.second, side)) : [])
            }
        }
    }
}
