import Glibc

/// Ranks of any number of similarities in bounded memory: a histogram over 2^21 equal steps of -1...1, about the rounding error of a
/// cosine in f32. Similarities of one step share their mean rank.
///
/// The memory is shared and unsynchronised: one thread counts.
final class SimilarityRanks: @unchecked Sendable {
    static let binCount = 1 << 21
    let counts: UnsafeMutablePointer<UInt64>

    init() {
        // Fresh pages are zero and cost nothing before they are counted in; most are not.
        guard let memory = calloc(Self.binCount, MemoryLayout<UInt64>.stride) else { fatalError("out of memory") }
        counts = memory.bindMemory(to: UInt64.self, capacity: Self.binCount)
    }

    deinit { free(counts) }

    @inline(__always)
    static func bin(_ similarity: Float) -> Int {
        let place = (similarity + 1) * Float(binCount / 2)
        return Int(max(0, min(place, Float(binCount - 1))))
    }

    func add(_ other: SimilarityRanks) {
        for bin in 0..<Self.binCount where other.counts[bin] > 0 { counts[bin] += other.counts[bin] }
    }

    /// For each bin, its mean rank as a share of all, less one half: -0.5 for the lowest, 0.5 for the highest.
    func centered() -> [Float] {
        var total = 0.0
        for bin in 0..<Self.binCount { total += Double(counts[bin]) }
        var before = 0.0
        return (0..<Self.binCount).map { bin in
            let count = Double(counts[bin])
            defer { before += count }
            return Float((before + count / 2 - total / 2) / max(total, 1))
        }
    }
}
