import CastorNumerics
import Glibc

/// All similarities of two spaces, twice: once to count ranks and find neighbours, once to correlate ranks.
///
/// A tile of similarities grows from size to size, because the products of the first values are part of those of more; so all sizes
/// cost what the largest costs. Of a set with itself only the tiles on and above the diagonal are computed. Memory grows with items,
/// sizes and threads, not with pairs.
struct SimilarityPasses {
    private let queries: SimilarityStructure.Items
    private let others: SimilarityStructure.Items
    private let isSame: Bool
    private let pool: WorkerPool
    /// Largest first, as results are.
    private let sizes: [SimilarityStructure.Size]
    /// Of each size, the factors that make each row's first values a vector of length 1.
    private let queryScales: [Scales]
    private let otherScales: [Scales]

    private struct Scales {
        var reference: [Float]
        var candidate: [Float]
    }

    /// Queries and candidates of a tile: both sides of one are 2 MB.
    private static let (height, width) = (256, 1_024)
    private static let extremesKept = 512
    /// About so many pairs are kept as a sample.
    private static let sampleSize = 20_000.0

    init(
        queries: SimilarityStructure.Items, others: SimilarityStructure.Items?, sizes: [SimilarityStructure.Size],
        pool: WorkerPool
    ) {
        (self.queries, self.others, isSame) = (queries, others ?? queries, others == nil)
        (self.sizes, self.pool) = (sizes, pool)
        func scales(_ items: SimilarityStructure.Items) -> [Scales] {
            let all = (
                Self.prefixScales(items.reference, sizes.map(\.reference)),
                Self.prefixScales(items.candidate, sizes.map(\.candidate))
            )
            return sizes.indices.map { Scales(reference: all.0[$0], candidate: all.1[$0]) }
        }
        queryScales = scales(queries)
        otherScales = others.map(scales) ?? queryScales
    }

    /// One over the length of each row's first values, for each of descending sizes; 0 where they are all 0.
    private static func prefixScales(_ vectors: Matrix, _ sizes: [Int]) -> [[Float]] {
        var scales = sizes.map { _ in [Float](repeating: 0, count: vectors.rows) }
        for row in 0..<vectors.rows {
            let values = vectors.row(row)
            var (square, start) = (0.0, 0)
            for index in sizes.indices.reversed() {
                for column in start..<max(start, sizes[index]) {
                    square += Double(values[column]) * Double(values[column])
                }
                start = max(start, sizes[index])
                // Next to nothing counts as nothing: one over it would not be finite.
                scales[index][row] = square > Self.leastSquare ? Float(1 / square.squareRoot()) : 0
            }
        }
        return scales
    }

    /// Of a prefix of a unit vector.
    private static let leastSquare = 1e-60

    private var height: Int {
        max(1, min(Self.height, (queries.count + 2 * pool.threadCount - 1) / (2 * pool.threadCount)))
    }
    private var blockCount: Int { (queries.count + height - 1) / height }

    /// Cosines of one query and some of the others.
    private struct Row {
        var query: Int
        /// Others, of which `x` and `y` hold the cosines.
        var columns: Range<Int>
        var x: UnsafeMutablePointer<Float>
        var y: UnsafeMutablePointer<Float>
    }

    /// Calls `visit` for each query, tile and size with the pairs that count: of one set each pair once, and no item with itself.
    private func forEachRow(_ visit: (_ block: Int, _ size: Int, _ worker: Int, Row) -> Void) {
        let height = height
        pool.run(blockCount) { block, worker in
            let rows = block * height..<min(queries.count, (block + 1) * height)
            let memory = worker.scratch.take(rows: 2 * rows.count + 2, columns: Self.width)
            let (x, y) = (memory.row(2 * rows.count), memory.row(2 * rows.count + 1))
            for start in stride(from: isSame ? rows.lowerBound : 0, to: others.count, by: Self.width) {
                let columns = start..<min(others.count, start + Self.width)
                let a = Block(memory, rows: rows.count, columns: columns.count, stride: Self.width)
                let b = Block(
                    memory, offset: rows.count * Self.width, rows: rows.count, columns: columns.count,
                    stride: Self.width)
                var before = SimilarityStructure.Size(reference: 0, candidate: 0)
                for size in sizes.indices.reversed() {
                    let after = sizes[size]
                    Self.extend(
                        a, queries.reference, rows, others.reference, columns, before.reference..<after.reference)
                    Self.extend(
                        b, queries.candidate, rows, others.candidate, columns, before.candidate..<after.candidate)
                    before = after
                    let (own, other) = (queryScales[size], otherScales[size])
                    for row in rows {
                        let counted = isSame ? max(row + 1, columns.lowerBound)..<columns.upperBound : columns
                        guard !counted.isEmpty else { continue }
                        let place = (row - rows.lowerBound) * Self.width + counted.lowerBound - columns.lowerBound
                        Self.scale(a.pointer + place, own.reference[row], other.reference, counted, into: x)
                        Self.scale(b.pointer + place, own.candidate[row], other.candidate, counted, into: y)
                        visit(block, size, worker.index, Row(query: row, columns: counted, x: x, y: y))
                    }
                }
            }
        }
    }

    /// Adds the products of some values.
    private static func extend(
        _ tile: Block, _ a: Matrix, _ rows: Range<Int>, _ b: Matrix, _ columns: Range<Int>, _ values: Range<Int>
    ) {
        guard !values.isEmpty else { return }
        gemm(
            Block(a, rows: rows, columns: values), .no, Block(b, rows: columns, columns: values), .yes, into: tile,
            beta: values.lowerBound == 0 ? 0 : 1)
    }

    private static func scale(
        _ products: UnsafePointer<Float>, _ own: Float, _ other: [Float], _ columns: Range<Int>,
        into cosines: UnsafeMutablePointer<Float>
    ) {
        other.withUnsafeBufferPointer { other in
            let other = other.baseAddress! + columns.lowerBound
            for column in 0..<columns.count { cosines[column] = products[column] * (own * other[column]) }
        }
    }

    // MARK: - First pass

    struct Counted {
        var referenceNeighbors: [[Int]]
        var candidateNeighbors: [[Int]]
        var pearson: Double?
        var ranks: Ranks
    }

    struct Ranks {
        var reference: SimilarityRanks
        var candidate: SimilarityRanks
    }

    /// What one thread finds of one size.
    private struct Found: Sendable {
        var (referenceRanks, candidateRanks) = (SimilarityRanks(), SimilarityRanks())
        let referenceNearest: NearestLists
        let candidateNearest: NearestLists

        init(queries: Int) {
            referenceNearest = NearestLists(queries: queries, depth: SimilarityStructure.depth)
            candidateNearest = NearestLists(queries: queries, depth: SimilarityStructure.depth)
        }
    }

    func count() -> [Counted] {
        let found = (0..<pool.threadCount).map { _ in sizes.map { _ in Found(queries: queries.count) } }
        let moments = Slots<ScoreMoments>(count: blockCount * sizes.count)
        for slot in 0..<blockCount * sizes.count { moments[slot] = ScoreMoments() }
        forEachRow { block, size, worker, row in
            let own = found[worker][size]
            var sums = ScoreMoments()
            let (h, g) = (own.referenceRanks.counts, own.candidateRanks.counts)
            for column in 0..<row.columns.count {
                sums.add(Double(row.x[column]), Double(row.y[column]))
                h[SimilarityRanks.bin(row.x[column])] &+= 1
                g[SimilarityRanks.bin(row.y[column])] &+= 1
            }
            moments[block * sizes.count + size] = moments[block * sizes.count + size] + sums
            offer(row.x, row, to: own.referenceNearest)
            offer(row.y, row, to: own.candidateNearest)
        }
        return sizes.indices.map { size in
            let ranks = Ranks(reference: found[0][size].referenceRanks, candidate: found[0][size].candidateRanks)
            for thread in found.dropFirst() {
                ranks.reference.add(thread[size].referenceRanks)
                ranks.candidate.add(thread[size].candidateRanks)
            }
            return Counted(
                referenceNeighbors: NearestLists.merged(found.map { $0[size].referenceNearest }),
                candidateNeighbors: NearestLists.merged(found.map { $0[size].candidateNearest }),
                pearson: sum(moments, of: size).correlation, ranks: ranks)
        }
    }

    private func sum(_ moments: Slots<ScoreMoments>, of size: Int) -> ScoreMoments {
        (0..<blockCount).reduce(ScoreMoments()) { $0 + moments[$1 * sizes.count + size] }
    }

    @inline(__always)
    private func offer(_ scores: UnsafeMutablePointer<Float>, _ row: Row, to lists: NearestLists) {
        let others = lists.thresholds + (isSame ? row.columns.lowerBound : 0)
        for column in 0..<row.columns.count {
            let score = scores[column]
            if score >= lists.thresholds[row.query] {
                lists.offer(score, row.columns.lowerBound + column, to: row.query)
            }
            if isSame, score >= others[column] {
                lists.offer(score, row.query, to: row.columns.lowerBound + column)
            }
        }
    }

    // MARK: - Second pass

    struct Correlated {
        var spearman: Double?
        var extremes: [SimilarityStructure.PairOfScores]
        var sample: [SimilarityStructure.PairOfScores]
    }

    /// - Parameter details: whether extremes and a sample of the first size are kept
    func correlate(_ ranks: [Ranks], details: Bool) -> [Correlated] {
        let centered = ranks.map { (reference: $0.reference.centered(), candidate: $0.candidate.centered()) }
        let n = Double(queries.count)
        let pairs = isSame ? n * (n - 1) / 2 : n * Double(others.count)
        let threshold = UInt64(min(1, Self.sampleSize / max(pairs, 1)) * 0x1p64.nextDown)
        let moments = Slots<ScoreMoments>(count: blockCount * sizes.count)
        for slot in 0..<blockCount * sizes.count { moments[slot] = ScoreMoments() }
        let kept = (0..<blockCount).map { _ in Kept(limit: Self.extremesKept) }
        forEachRow { block, size, _, row in
            var sums = ScoreMoments()
            let keptOfBlock = details && size == 0 ? kept[block] : nil
            centered[size].reference.withUnsafeBufferPointer { r in
                centered[size].candidate.withUnsafeBufferPointer { c in
                    for column in 0..<row.columns.count {
                        let u = r[SimilarityRanks.bin(row.x[column])]
                        let v = c[SimilarityRanks.bin(row.y[column])]
                        sums.add(Double(u), Double(v))
                        guard let kept = keptOfBlock else { continue }
                        let other = row.columns.lowerBound + column
                        let isDrawn = SplitMix.mixed(UInt64(row.query) << 32 | UInt64(other)) <= threshold
                        guard isDrawn || abs(u - v) > kept.threshold else { continue }
                        kept.add(
                            SimilarityStructure.PairOfScores(
                                first: row.query, second: other, reference: Double(row.x[column]),
                                candidate: Double(row.y[column]), referenceRank: Double(u) + 0.5,
                                candidateRank: Double(v) + 0.5), isDrawn: isDrawn)
                    }
                }
            }
            moments[block * sizes.count + size] = moments[block * sizes.count + size] + sums
        }
        let extremes = kept.flatMap(\.extremes).sorted {
            ($1.difference, $0.first, $0.second) < ($0.difference, $1.first, $1.second)
        }
        let sample = kept.flatMap(\.sample).sorted { ($0.first, $0.second) < ($1.first, $1.second) }
        return sizes.indices.map { size in
            Correlated(
                spearman: sum(moments, of: size).correlation, extremes: size == 0 ? extremes : [],
                sample: size == 0 ? sample : [])
        }
    }

    /// Of one block of queries: the pairs with the largest differences, and those that were drawn.
    private final class Kept: @unchecked Sendable {
        private let limit: Int
        private(set) var threshold: Float = 0
        private(set) var extremes: [SimilarityStructure.PairOfScores] = []
        private(set) var sample: [SimilarityStructure.PairOfScores] = []

        init(limit: Int) {
            self.limit = limit
        }

        func add(_ pair: SimilarityStructure.PairOfScores, isDrawn: Bool) {
            if isDrawn { sample.append(pair) }
            guard Float(pair.difference) > threshold else { return }
            extremes.append(pair)
            guard extremes.count >= 2 * limit else { return }
            extremes.sort { $0.difference > $1.difference }
            extremes.removeLast(extremes.count - limit)
            threshold = Float(extremes[limit - 1].difference)
        }
    }
}
