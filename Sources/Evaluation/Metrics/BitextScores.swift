package import CastorNumerics
import Vectors

/// Bitext mining: each sentence finds its translation as the nearest neighbor, without margin, as in Tatoeba (Artetxe and
/// Schwenk 2019) and MTEB's BitextMining.
package struct BitextScores: Sendable, Equatable {
    /// Share of sentences whose nearest neighbor is their translation.
    package let accuracy: Double
    /// MTEB's F1: over the sentences as classes, weighted by support (here 1 each). A translation found and predicted c times has
    /// precision 1/c and recall 1, so 2 / (1 + c); one not found has 0.
    package let f1: Double

    /// Nil if there are no pairs.
    ///
    /// - Parameter predictions: index of the translation found for each sentence; the right one has the sentence's own index.
    package init?(predictions: [Int]) {
        guard !predictions.isEmpty else { return nil }
        var counts: [Int: Int] = [:]
        for prediction in predictions { counts[prediction, default: 0] += 1 }
        var (hits, sum) = (0, 0.0)
        for (index, prediction) in predictions.enumerated() where prediction == index {
            hits += 1
            sum += 2 / Double(1 + counts[prediction]!)
        }
        accuracy = Double(hits) / Double(predictions.count)
        f1 = sum / Double(predictions.count)
    }

    /// - Parameters:
    ///   - queries: `[n, d]`
    ///   - candidates: `[n, d]`, row i the translation of query i.
    package init?(queries: Matrix, candidates: Matrix, pool: WorkerPool) {
        precondition(queries.rows == candidates.rows)
        self.init(
            predictions: nearestNeighbors(of: queries, among: candidates, k: 1, pool: pool).map { $0[0].index })
    }
}
