package import CastorNumerics
import Vectors

/// k nearest neighbors by cosine, one vote each; of classes with equal votes the lowest wins, as in scikit-learn.
///
/// - Parameters:
///   - test: `[n, d]`
///   - train: `[m, d]`
///   - labels: m classes.
/// - Returns: n classes.
package func classifyByNeighbors(
    _ test: Matrix, train: Matrix, labels: [Int], k: Int, pool: WorkerPool
) -> [Int] {
    precondition(labels.count == train.rows && !labels.isEmpty)
    return nearestNeighbors(of: test, among: train, k: k, pool: pool).map { neighbors in
        var votes: [Int: Int] = [:]
        for neighbor in neighbors { votes[labels[neighbor.index], default: 0] += 1 }
        return votes.max { $0.value < $1.value || ($0.value == $1.value && $0.key > $1.key) }!.key
    }
}
