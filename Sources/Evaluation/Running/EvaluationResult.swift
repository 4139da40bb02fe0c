/// One measured quantity, at every size.
package struct Metric: Sendable, Equatable {
    package var name: String
    /// One a size; nil where it is not defined, as a correlation with a constant.
    package var values: [Double?]
    /// What random vectors reach on average; nil where that has no simple answer.
    package var chance: Double?
}

/// One task, or one of its subsets, with or without prompts.
package struct TaskResult: Sendable, Equatable {
    package var name: String
    package var kind: String
    /// Whether contents carried prompts; nil where the task has none.
    package var prompts: Bool?
    /// Which subset; nil for a whole task.
    package var subset: String?
    package var metrics: [Metric]
    /// The items that the metrics are over.
    package var items: Int
    /// Everything that was counted, as `documents: 1400`.
    package var counts: [String: Int]
    package var skipped: SkipLog
    /// Contents longer than the model's context, cut at its end.
    package var truncated: Int
    package var seconds: Double
    package var subsets: [TaskResult]

    /// The mean over subsets, each counting the same.
    static func mean(_ subsets: [TaskResult]) -> TaskResult {
        var result = subsets[0]
        result.subset = nil
        result.subsets = subsets
        result.metrics = subsets[0].metrics.indices.map { index in
            let metrics = subsets.map { $0.metrics[index] }
            return Metric(
                name: metrics[0].name,
                values: metrics[0].values.indices.map { size in average(metrics.map { $0.values[size] }) },
                chance: average(metrics.map(\.chance)))
        }
        for other in subsets.dropFirst() {
            result.items += other.items
            result.counts.merge(other.counts, uniquingKeysWith: +)
            result.skipped = result.skipped + other.skipped
            result.truncated += other.truncated
            result.seconds += other.seconds
        }
        return result
    }
}

/// Nil if none is defined.
private func average(_ values: [Double?]) -> Double? {
    let defined = values.compactMap { $0 }
    return defined.isEmpty ? nil : defined.reduce(0, +) / Double(defined.count)
}
