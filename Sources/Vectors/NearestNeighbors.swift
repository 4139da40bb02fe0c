package import CastorNumerics

/// A candidate and its score.
package struct Neighbor: Sendable, Equatable {
    package let index: Int
    package let score: Float

    package init(index: Int, score: Float) {
        self.index = index
        self.score = score
    }

    /// Better first; of equal scores the lower index.
    package static func precedes(_ a: Neighbor, _ b: Neighbor) -> Bool {
        a.score > b.score || (a.score == b.score && a.index < b.index)
    }
}

/// The `k` best candidates of each query by dot product, best first; of equal scores the lower index comes first.
///
/// - Parameters:
///   - queries: `[n, d]`
///   - candidates: `[m, d]`
/// - Returns: n lists of min(k, m) neighbors.
package func nearestNeighbors(
    of queries: Matrix, among candidates: Matrix, k: Int, pool: WorkerPool
) -> [[Neighbor]] {
    precondition(k > 0)
    guard candidates.rows > 0 else { return Array(repeating: [], count: queries.rows) }
    let lists = Slots<[Neighbor]>(count: queries.rows)
    forEachSimilarityRow(queries, candidates, pool: pool) { query, scores in
        lists[query] = best(k, of: scores)
    }
    return lists.values
}

/// One pass that keeps a sorted list of k: after the first few hundred candidates hardly any enters it.
package func best(_ k: Int, of scores: UnsafeBufferPointer<Float>) -> [Neighbor] {
    var list: [Neighbor] = []
    list.reserveCapacity(min(k, scores.count))
    var threshold = -Float.infinity
    for index in 0..<scores.count {
        let score = scores[index]
        if list.count == k {
            guard score > threshold else { continue }
            list.removeLast()
        }
        let item = Neighbor(index: index, score: score)
        var (low, high) = (0, list.count)
        while low < high {
            let middle = (low + high) / 2
            if Neighbor.precedes(list[middle], item) { low = middle + 1 } else { high = middle }
        }
        list.insert(item, at: low)
        if list.count == k { threshold = list[k - 1].score }
    }
    return list
}
