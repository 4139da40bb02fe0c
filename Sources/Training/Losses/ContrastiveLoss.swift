import CastorNumerics
import Glibc

/// InfoNCE with the duplicate mask of Gemini Embedding (arXiv 2503.07891). With s = cosine and temperature tau:
///
///     L = mean_i -log(e^{s(q_i,p_i)/tau} / (e^{s(q_i,p_i)/tau} + sum_n e^{s(q_i,n)/tau} + sum_{j != i} m_ij e^{s(q_i,p_j)/tau}))
///
/// n runs over the hard negatives of q_i. m_ij is 0 where q_i = q_j or p_i = p_j (equal contents), else 1; a hard negative
/// equal to its query or positive is left out in the same way.
package struct ContrastiveLoss: Sendable, Equatable {
    package var weight = 1.0
    /// tau, or where it starts when it is learned. The default is 0.05.
    package var temperature = 0.05
    /// Whether tau is learned, through its logarithm. The default is no.
    package var learnsTemperature = false
    /// A learned tau stays in here.
    package var temperatureRange = 0.01...1.0
    /// Whether positives also look for their queries; the loss is the mean of both directions. Hard negatives take
    /// part in the first only. The default is no.
    package var symmetric = false

    package init() {}

    /// Tensor that holds log(1 / tau) when it is learned.
    package static let logScaleName = "loss.log_scale"

    /// Adds the gradient of `weight * sum_d w_d L_d` to that of the rows.
    ///
    /// - Parameters:
    ///   - levels: w_d by size, ascending
    ///   - scale: 1 / tau
    /// - Returns: the loss, and its gradient by log(1 / tau)
    func callAsFunction(
        _ batch: LossBatch, levels: [MatryoshkaLevel], scale: Double, gradient: Matrix, _ pool: WorkerPool
    ) -> CosineLoss {
        precondition(batch.positives.rows == batch.queries.rows, "a contrastive loss needs a positive for each query")
        let sizes = levels.map(\.size)
        let parts = batch.split(gradient)
        let queries = PrefixRows(batch.queries, gradient: parts.queries, sizes: sizes)
        let positives = PrefixRows(batch.positives, gradient: parts.positives, sizes: sizes)
        let negatives = PrefixRows(batch.negatives, gradient: parts.negatives, sizes: sizes)
        let pairs = CosinePairs(queries, negatives, partners: batch.negativeOwners)
        let share = weight * (symmetric ? 0.5 : 1)
        let forward = Direction(
            levels: levels, scale: scale, share: share, masked: Self.duplicates(batch),
            negatives: Self.negatives(batch),
            pairs: pairs)
        var result = CosineMatrix(a: queries, b: positives, pool: pool)(forward.rowLoss)
        result.scaleGradient += pairs.backward()
        if symmetric {
            let backward = Direction(
                levels: levels, scale: scale, share: share, masked: forward.masked, negatives: [], pairs: nil)
            result += CosineMatrix(a: positives, b: queries, pool: pool)(backward.rowLoss)
        }
        queries.finish()
        positives.finish()
        negatives.finish()
        return result
    }

    /// For each pair, the other pairs with the same query or the same positive.
    private static func duplicates(_ batch: LossBatch) -> [[Int]] {
        func groups(_ hashes: [ContentHash]) -> [ContentHash: [Int]] {
            Dictionary(grouping: hashes.indices, by: { hashes[$0] })
        }
        let (queries, positives) = (groups(batch.queryHashes), groups(batch.positiveHashes))
        return batch.queryHashes.indices.map { i in
            let same = Set(queries[batch.queryHashes[i]] ?? []).union(positives[batch.positiveHashes[i]] ?? [])
            return same.subtracting([i]).sorted()
        }
    }

    /// For each query, its hard negatives, without those that are its query or positive.
    private static func negatives(_ batch: LossBatch) -> [[Int]] {
        guard !batch.negativeOwners.isEmpty else { return [] }
        var lists = [[Int]](repeating: [], count: batch.queries.rows)
        for (index, owner) in batch.negativeOwners.enumerated() {
            let hash = batch.negativeHashes[index]
            guard hash != batch.queryHashes[owner], hash != batch.positiveHashes[owner] else { continue }
            lists[owner].append(index)
        }
        return lists
    }
}

/// One row of the contrastive loss: who looks for whom.
private struct Direction {
    let levels: [MatryoshkaLevel]
    let scale: Double
    let share: Double
    let masked: [[Int]]
    let negatives: [[Int]]
    let pairs: CosinePairs?

    /// -log softmax of the right candidate, and its gradient by the cosines.
    func rowLoss(_ k: Int, _ i: Int, _ s: UnsafePointer<Float>, _ ds: UnsafeMutablePointer<Float>) -> Double {
        let count = masked.count
        let scale = Float(self.scale)
        for j in 0..<count { ds[j] = s[j] * scale }
        for j in masked[i] { ds[j] = -.greatestFiniteMagnitude }
        let right = ds[i]
        var largest = right
        for j in 0..<count where ds[j] > largest { largest = ds[j] }
        let own = negatives.isEmpty ? [] : negatives[i]
        let hard = pairs.map { ($0.cosines.row(k), $0.gradient.row(k)) }
        for n in own { largest = max(largest, hard!.0[n] * scale) }

        var sum = expShifted(ds, by: largest, masked: masked[i], count: count)
        for n in own {
            let e = exp(Lanes(repeating: hard!.0[n] * scale - largest))[0]
            hard!.1[n] = e
            sum += Double(e)
        }
        let factor = share * levels[k].weight / Double(count)
        let slope = Float(factor * self.scale / sum)
        CastorNumerics.scale(ds, by: slope, count: count)
        ds[i] -= Float(factor * self.scale)
        for n in own { hard!.1[n] *= slope }
        return factor * (Glibc.log(sum) + Double(largest) - Double(right))
    }

    /// x = e^(x - shift), 0 where masked. Returns the sum.
    private func expShifted(_ x: UnsafeMutablePointer<Float>, by shift: Float, masked: [Int], count: Int) -> Double {
        exponentials(x, minus: shift, into: x, count: count)
        for j in masked { x[j] = 0 }
        var sum = 0.0
        for index in 0..<count { sum += Double(x[index]) }
        return sum
    }
}
