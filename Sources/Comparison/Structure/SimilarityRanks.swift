/// Ranks of any number of similarities in bounded memory: a histogram over 2^21 equal steps of -1...1, about the rounding error of a
/// cosine in f32. Similarities of one step share their mean rank.
struct SimilarityRanks {
    static let binCount = 1 << 21
    private(set) var counts: [UInt32]

    init() {
        counts = [UInt32](repeating: 0, count: Self.binCount)
    }

    static func bin(_ similarity: Float) -> Int {
        min(max(Int((similarity + 1) * Float(binCount / 2)), 0), binCount - 1)
    }

    static func add(_ other: UnsafePointer<UInt32>, to ranks: inout SimilarityRanks) {
        for bin in 0..<binCount { ranks.counts[bin] += other[bin] }
    }

    /// For each bin, its mean rank as a share of all, less one half: -0.5 for the lowest, 0.5 for the highest. Empty bins have the rank that
    /// a value there would have: BLAS gives the same similarity other last bits in a block of another shape.
    func centered() -> [Float] {
        let total = Double(counts.reduce(0) { $0 + UInt64($1) })
        var ranks = [Float](repeating: 0, count: Self.binCount)
        var before = 0.0
        for bin in 0..<Self.binCount {
            let count = Double(counts[bin])
            ranks[bin] = Float((before + count / 2 - total / 2) / max(total, 1))
            before += count
        }
        return ranks
    }
}
