import CastorNumerics

/// Where the sequences of a packed `[T, d]` matrix begin: sequence s is the rows `starts[s]..<starts[s + 1]`.
/// The batch is ragged by type, so that there is no padding and no mask.
package struct PackedLayout: Sendable {
    package let starts: [Int]

    package init(lengths: [Int]) {
        var starts = [0]
        starts.reserveCapacity(lengths.count + 1)
        for length in lengths { starts.append(starts[starts.count - 1] + length) }
        self.starts = starts
    }

    package var count: Int { starts.count - 1 }
    package var tokenCount: Int { starts[starts.count - 1] }

    package func rows(of sequence: Int) -> Range<Int> { starts[sequence]..<starts[sequence + 1] }
    package var lengths: [Int] { (0..<count).map { rows(of: $0).count } }
}

/// Some queries of one sequence: the unit in which attention is divided among workers and kept small.
struct AttentionTask: Sendable {
    let queries: Range<Int>
    let keys: Range<Int>

    /// Scores of one task, at most: 256 KiB of f32, which stays in a core's L2 cache; long sequences get at least 32 queries.
    private static let maxScores = 1 << 16

    static func divide(_ layout: PackedLayout) -> [AttentionTask] {
        (0..<layout.count).flatMap { divide(layout.rows(of: $0)) }
    }

    /// The tasks of one sequence, in the order of their queries.
    static func divide(_ sequence: Range<Int>) -> [AttentionTask] {
        guard !sequence.isEmpty else { return [] }
        let most = max(32, min(128, maxScores / sequence.count))
        let pieces = (sequence.count + most - 1) / most
        return (0..<pieces).map { piece in
            let lower = sequence.lowerBound + sequence.count * piece / pieces
            let upper = sequence.lowerBound + sequence.count * (piece + 1) / pieces
            return AttentionTask(queries: lower..<upper, keys: sequence)
        }
    }
}
