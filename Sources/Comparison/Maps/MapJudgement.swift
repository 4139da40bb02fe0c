package import CastorNumerics
import Evaluation
import Vectors

/// What a linear map is worth on items that it was not fitted on.
package struct MapJudgement: Sendable, Equatable, Codable {
    package var kind: LinearMap.Kind
    package var fitted: Int
    package var judged: Int
    package var penalty: Double?
    /// Mean cosine of a mapped vector and the one that it stands for.
    package var cosine: Double
    /// Share of mapped vectors whose nearest vector of the other space is their own item's.
    package var recallAt1: Double
    /// Mean share of the first ten neighbours in the other space that a mapped query finds there.
    package var overlapAt10: Double
    /// The same for a rotation drawn by lot: what no knowledge gives.
    package var chanceAt10: Double

    /// Items that are asked for; they are looked for among all that were not fitted on.
    private static let mostQueries = 2_000
    private static let depth = 10

    /// Fits on one half of the items, by a hash of their keys, and judges on the other.
    ///
    /// - Parameters:
    ///   - x: `[n, from]`, unit rows
    ///   - y: `[n, to]`
    package init(_ kind: LinearMap.Kind, keys: [String], from x: Matrix, to y: Matrix, pool: WorkerPool)
        throws(ComparisonError)
    {
        let (fit, judge) = Self.halves(keys)
        let map = try LinearMap(kind, from: gatherRows(x, fit), to: gatherRows(y, fit), pool: pool)
        self.kind = kind
        (fitted, judged, penalty) = (fit.count, judge.count, map.penalty)
        let (a, b) = (gatherRows(x, judge), gatherRows(y, judge))
        let asked = evenlySpread(Self.mostQueries, of: judge.count)
        let mapped = map(gatherRows(a, asked), pool: pool)
        let wanted = gatherRows(b, asked)
        cosine = LinearMap.meanCosine(mapped, wanted)
        let ranks = ranksOfRelevant(
            queries: mapped, candidates: b, relevance: asked.map { Relevance([.init(candidate: $0)]) },
            ties: .relevantLast, pool: pool)
        recallAt1 = HitRate.at(1, ranks) ?? 0
        let found = nearestNeighbors(of: mapped, among: b, k: Self.depth + 1, pool: pool)
        let right = nearestNeighbors(of: wanted, among: b, k: Self.depth + 1, pool: pool)
        let count = min(Self.depth, judge.count - 1)
        var sum = 0.0
        for (place, item) in asked.enumerated() {
            // Its own item would be found by construction, and is no neighbour.
            func neighbors(_ list: [Neighbor]) -> Set<Int> {
                Set(list.map(\.index).filter { $0 != item }.prefix(count))
            }
            sum += Double(neighbors(found[place]).intersection(neighbors(right[place])).count) / Double(max(count, 1))
        }
        overlapAt10 = asked.isEmpty ? 0 : sum / Double(asked.count)
        chanceAt10 = Double(count) / Double(max(judge.count - 1, 1))
    }

    /// Two halves that depend on the keys alone; neither is empty.
    package static func halves(_ keys: [String]) -> (fit: [Int], judge: [Int]) {
        func hash(_ key: String) -> UInt64 {
            // FNV-1a, then mixed: the low bit alone would follow the last letter.
            SplitMix.mixed(key.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })
        }
        let order = keys.indices.sorted { (hash(keys[$0]), keys[$0]) < (hash(keys[$1]), keys[$1]) }
        return (order.prefix(keys.count / 2).sorted(), order.dropFirst(keys.count / 2).sorted())
    }
}
