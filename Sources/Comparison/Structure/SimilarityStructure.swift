package import CastorNumerics
import Evaluation

/// How alike two spaces order the same items: every pair's cosine in the reference beside that in the candidate, and each query's
/// nearest neighbours in both.
///
/// Exact over all pairs, whatever their number: similarities are computed a block of rows at a time, twice, once to count ranks
/// and find neighbours and once to correlate. Only rank correlation is rounded, to ``SimilarityRanks``.
package struct SimilarityStructure: Sendable {
    /// Neighbours that are looked at.
    package static let depth = 10
    package static let cutoffs = [1, 5, 10]

    /// Over all pairs; nil where one side does not vary.
    package let pearson: Double?
    package let spearman: Double?
    /// Of each query, best first: indices into the candidates.
    package let referenceNeighbors: [[Int]]
    package let candidateNeighbors: [[Int]]
    /// Pairs whose order differs most, and a sample of all; empty unless asked for.
    package let extremes: [PairOfScores]
    package let sample: [PairOfScores]

    /// Cosines of one pair of items, with their ranks among all pairs, 0 (least alike) to 1.
    package struct PairOfScores: Sendable, Equatable {
        package var first: Int
        package var second: Int
        package var reference: Double
        package var candidate: Double
        package var referenceRank: Double
        package var candidateRank: Double

        var difference: Double { abs(referenceRank - candidateRank) }
    }

    /// Rows of both spaces: unit length, row i of one and row i of the other are the same item.
    package struct Items: Sendable {
        package let reference: Matrix
        package let candidate: Matrix

        package init(reference: Matrix, candidate: Matrix) {
            precondition(reference.rows == candidate.rows)
            (self.reference, self.candidate) = (reference, candidate)
        }

        package var count: Int { reference.rows }
    }

    /// - Parameters:
    ///   - others: what is looked for; nil for the queries themselves, each among all others, when a pair counts once
    ///   - details: whether extremes and a sample of pairs are kept
    package init(_ queries: Items, among others: Items?, details: Bool = false, pool: WorkerPool) {
        let blocks = Blocks(queries: queries, others: others ?? queries, isSame: others == nil, pool: pool)
        let first = blocks.count()
        (referenceNeighbors, candidateNeighbors) = (first.reference, first.candidate)
        pearson = first.pearson
        let second = blocks.correlate(first.ranks, details: details)
        spearman = second.spearman
        (extremes, sample) = (second.extremes, second.sample)
    }
}

/// The two passes.
private struct Blocks {
    let queries: SimilarityStructure.Items
    let others: SimilarityStructure.Items
    let isSame: Bool
    let pool: WorkerPool
    private let height: Int

    /// Similarities of a block, of each space.
    private static let blockValues = 4 << 20
    private static let extremesKept = 512
    /// About so many pairs are kept as a sample.
    private static let sampleSize = 20_000.0

    init(queries: SimilarityStructure.Items, others: SimilarityStructure.Items, isSame: Bool, pool: WorkerPool) {
        (self.queries, self.others, self.isSame, self.pool) = (queries, others, isSame, pool)
        let share = (queries.count + pool.threadCount - 1) / pool.threadCount
        height = max(1, min(128, Self.blockValues / max(others.count, 1), share))
    }

    private var blockCount: Int { (queries.count + height - 1) / height }

    /// Calls `visit` with each block's similarities from column `start` on.
    private func forEachBlock(
        upperTriangle: Bool, _ visit: (_ block: Int, _ rows: Range<Int>, _ start: Int, Matrix, Matrix, Int) -> Void
    ) {
        pool.run(blockCount) { index, worker in
            let rows = index * height..<min(queries.count, (index + 1) * height)
            let start = upperTriangle ? rows.lowerBound : 0
            let columns = start..<others.count
            let both = worker.scratch.take(rows: 2 * rows.count, columns: columns.count)
            let (a, b) = (both[0..<rows.count], both[rows.count..<2 * rows.count])
            gemm(Block(queries.reference[rows]), .no, Block(others.reference[columns]), .yes, into: Block(a))
            gemm(Block(queries.candidate[rows]), .no, Block(others.candidate[columns]), .yes, into: Block(b))
            visit(index, rows, start, a, b, worker.index)
        }
    }

    /// The columns of a row whose pairs count: a pair of the same set once, and no item with itself.
    private func counted(_ row: Int, from start: Int) -> Range<Int> {
        let first = isSame ? row + 1 : 0
        return max(0, first - start)..<max(others.count - start, max(0, first - start))
    }

    // MARK: - First pass

    private struct Moments {
        var (n, x, y, xx, yy, xy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

        mutating func add(_ u: Double, _ v: Double) {
            n += 1
            x += u
            y += v
            xx += u * u
            yy += v * v
            xy += u * v
        }

        static func + (a: Moments, b: Moments) -> Moments {
            var sum = Moments()
            (sum.n, sum.x, sum.y) = (a.n + b.n, a.x + b.x, a.y + b.y)
            (sum.xx, sum.yy, sum.xy) = (a.xx + b.xx, a.yy + b.yy, a.xy + b.xy)
            return sum
        }

        var correlation: Double? {
            guard n > 1 else { return nil }
            let (vx, vy, c) = (xx - x * x / n, yy - y * y / n, xy - x * y / n)
            // Below rounding of the sums nothing varies.
            guard vx > 1e-12 * max(xx, 1e-300), vy > 1e-12 * max(yy, 1e-300) else { return nil }
            return max(-1, min(1, c / (vx.squareRoot() * vy.squareRoot())))
        }
    }

    struct Counted {
        var reference: [[Int]]
        var candidate: [[Int]]
        var pearson: Double?
        var ranks: (reference: SimilarityRanks, candidate: SimilarityRanks)
    }

    func count() -> Counted {
        let bins = SimilarityRanks.binCount
        let histograms = (0..<2 * pool.threadCount).map { _ in
            let memory = UnsafeMutablePointer<UInt32>.allocate(capacity: bins)
            memory.initialize(repeating: 0, count: bins)
            return Histogram(memory)
        }
        defer { for histogram in histograms { histogram.counts.deallocate() } }
        let neighbors = Slots<([Int], [Int])>(count: queries.count)
        let moments = Slots<Moments>(count: blockCount)
        forEachBlock(upperTriangle: false) { block, rows, start, a, b, worker in
            var sums = Moments()
            let (h, g) = (histograms[2 * worker].counts, histograms[2 * worker + 1].counts)
            for row in rows {
                let (x, y) = (a.row(row - rows.lowerBound), b.row(row - rows.lowerBound))
                var own = Moments()
                for column in counted(row, from: start) {
                    own.add(Double(x[column]), Double(y[column]))
                    h[SimilarityRanks.bin(x[column])] += 1
                    g[SimilarityRanks.bin(y[column])] += 1
                }
                sums = sums + own
                neighbors[row] = (nearest(x, besides: row), nearest(y, besides: row))
            }
            moments[block] = sums
        }
        var ranks = (reference: SimilarityRanks(), candidate: SimilarityRanks())
        for thread in 0..<pool.threadCount {
            SimilarityRanks.add(histograms[2 * thread].counts, to: &ranks.reference)
            SimilarityRanks.add(histograms[2 * thread + 1].counts, to: &ranks.candidate)
        }
        let lists = neighbors.values
        return Counted(
            reference: lists.map(\.0), candidate: lists.map(\.1),
            pearson: moments.values.reduce(Moments(), +).correlation, ranks: ranks)
    }

    private struct Histogram: @unchecked Sendable {
        let counts: UnsafeMutablePointer<UInt32>

        init(_ counts: UnsafeMutablePointer<UInt32>) {
            self.counts = counts
        }
    }

    private func nearest(_ scores: UnsafeMutablePointer<Float>, besides row: Int) -> [Int] {
        let depth = SimilarityStructure.depth
        let list = best(depth + (isSame ? 1 : 0), of: UnsafeBufferPointer(start: scores, count: others.count))
            .map(\.index)
        return Array((isSame ? list.filter { $0 != row } : list).prefix(depth))
    }

    // MARK: - Second pass

    struct Correlated {
        var spearman: Double?
        var extremes: [SimilarityStructure.PairOfScores]
        var sample: [SimilarityStructure.PairOfScores]
    }

    func correlate(_ ranks: (reference: SimilarityRanks, candidate: SimilarityRanks), details: Bool) -> Correlated {
        let (r, c) = (ranks.reference.centered(), ranks.candidate.centered())
        let n = Double(queries.count)
        let pairs = isSame ? n * (n - 1) / 2 : n * Double(others.count)
        let threshold = UInt64(min(1, Self.sampleSize / max(pairs, 1)) * 0x1p64.nextDown)
        let products = Slots<Moments>(count: blockCount)
        let kept = Slots<(extremes: Extremes, sample: [SimilarityStructure.PairOfScores])>(count: blockCount)
        forEachBlock(upperTriangle: isSame) { block, rows, start, a, b, _ in
            var sums = Moments()
            var extremes = Extremes(limit: Self.extremesKept)
            var sample: [SimilarityStructure.PairOfScores] = []
            for row in rows {
                let (x, y) = (a.row(row - rows.lowerBound), b.row(row - rows.lowerBound))
                for column in counted(row, from: start) {
                    let (u, v) = (r[SimilarityRanks.bin(x[column])], c[SimilarityRanks.bin(y[column])])
                    sums.add(Double(u), Double(v))
                    guard details else { continue }
                    let isDrawn = SplitMix.mixed(UInt64(row) << 32 | UInt64(start + column)) <= threshold
                    guard isDrawn || abs(u - v) > extremes.threshold else { continue }
                    let pair = SimilarityStructure.PairOfScores(
                        first: row, second: start + column, reference: Double(x[column]),
                        candidate: Double(y[column]), referenceRank: Double(u) + 0.5, candidateRank: Double(v) + 0.5)
                    if isDrawn { sample.append(pair) }
                    if abs(u - v) > extremes.threshold { extremes.add(pair) }
                }
            }
            products[block] = sums
            kept[block] = (extremes, sample)
        }
        let details = kept.values
        return Correlated(
            spearman: products.values.reduce(Moments(), +).correlation,
            extremes: details.flatMap(\.extremes.pairs).sorted {
                ($1.difference, $0.first, $0.second) < ($0.difference, $1.first, $1.second)
            },
            sample: details.flatMap(\.sample))
    }

    /// The pairs with the largest differences of a block.
    private struct Extremes {
        let limit: Int
        private(set) var threshold: Float = 0
        private(set) var pairs: [SimilarityStructure.PairOfScores] = []

        init(limit: Int) {
            self.limit = limit
        }

        mutating func add(_ pair: SimilarityStructure.PairOfScores) {
            pairs.append(pair)
            guard pairs.count >= 2 * limit else { return }
            pairs.sort { $0.difference > $1.difference }
            pairs.removeLast(pairs.count - limit)
            threshold = Float(pairs[limit - 1].difference)
        }
    }
}

extension SimilarityStructure {
    /// Of each query, the share of the reference's first k neighbours that are among the candidate's first k.
    package func overlaps(at k: Int) -> [Double] {
        zip(referenceNeighbors, candidateNeighbors).map { reference, candidate in
            let count = min(k, reference.count)
            guard count > 0 else { return 0 }
            return Double(Set(reference.prefix(count)).intersection(candidate.prefix(count)).count) / Double(count)
        }
    }

    /// Of each query, 1 where the reference's nearest is among the candidate's first k.
    package func firstFound(at k: Int) -> [Double] {
        zip(referenceNeighbors, candidateNeighbors).map { reference, candidate in
            reference.first.map { candidate.prefix(k).contains($0) } ?? false ? 1 : 0
        }
    }

    package var rankBiasedOverlaps: [Double] {
        zip(referenceNeighbors, candidateNeighbors).map {
            $0.isEmpty ? 0 : RankBiasedOverlap.extrapolated($0, $1)
        }
    }
}
