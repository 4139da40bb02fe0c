import Glibc

/// V-measure (Rosenberg and Hirschberg 2007): how well clusters and classes tell each other, 0...1, whatever they are called.
package struct VMeasure: Sendable, Equatable {
    /// 1 - H(class | cluster) / H(class): each cluster holds one class.
    package let homogeneity: Double
    /// 1 - H(cluster | class) / H(cluster): each class is in one cluster.
    package let completeness: Double
    /// Their harmonic mean.
    package var value: Double {
        homogeneity + completeness > 0 ? 2 * homogeneity * completeness / (homogeneity + completeness) : 0
    }

    /// Nil if there are no items.
    package init?(clusters: [Int], classes: [Int]) {
        precondition(clusters.count == classes.count)
        guard !classes.isEmpty else { return nil }
        let (clusterEntropy, classEntropy) = (entropy(clusters.map { [$0] }), entropy(classes.map { [$0] }))
        let joint = entropy(zip(clusters, classes).map { [$0, $1] })
        let mutual = max(0, clusterEntropy + classEntropy - joint)
        homogeneity = classEntropy > 0 ? min(1, mutual / classEntropy) : 1
        completeness = clusterEntropy > 0 ? min(1, mutual / clusterEntropy) : 1
    }
}

/// In nats.
private func entropy(_ items: [[Int]]) -> Double {
    var counts: [[Int]: Int] = [:]
    for item in items { counts[item, default: 0] += 1 }
    let total = Double(items.count)
    return counts.values.sorted().reduce(0) { sum, count in
        let share = Double(count) / total
        return sum - share * log(share)
    }
}
