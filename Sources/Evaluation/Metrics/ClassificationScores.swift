/// How predicted classes agree with the true ones.
package struct ClassificationScores: Sendable, Equatable {
    package let accuracy: Double
    /// Mean over the classes that occur in either list of F1 = 2 TP / (2 TP + FP + FN), as scikit-learn's `macro`.
    package let macroF1: Double

    /// Nil if there are no items.
    package init?(predicted: [Int], actual: [Int]) {
        precondition(predicted.count == actual.count)
        guard !actual.isEmpty else { return nil }
        // Twice the true positives, and the sum of predicted and actual: F1 is their ratio.
        var both: [Int: Int] = [:]
        var sum: [Int: Int] = [:]
        for (predicted, actual) in zip(predicted, actual) {
            if predicted == actual { both[actual, default: 0] += 2 }
            sum[predicted, default: 0] += 1
            sum[actual, default: 0] += 1
        }
        accuracy = Double(both.values.reduce(0, +) / 2) / Double(actual.count)
        // In a fixed order: sums of doubles depend on it.
        macroF1 =
            sum.keys.sorted().reduce(0) { $0 + Double(both[$1] ?? 0) / Double(sum[$1]!) } / Double(sum.count)
    }
}

/// The share of the largest class: what always guessing it would reach.
package func shareOfLargestClass(_ labels: [Int]) -> Double? {
    var counts: [Int: Int] = [:]
    for label in labels { counts[label, default: 0] += 1 }
    return counts.values.max().map { Double($0) / Double(labels.count) }
}
