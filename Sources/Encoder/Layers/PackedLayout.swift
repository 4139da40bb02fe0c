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
}

/// Some queries of one sequence: the unit in which attention is divided among workers and kept small.
struct AttentionTask: Sendable {
    let queries: Range<Int>
    let keys: Range<Int>

    /// Scores of one task, at most: 256 KiB of f32, which stays in a core's L2 cache; long sequences get at least 32 queries.
    private static let maxScores = 1 << 16

    static func divide(_ layout: PackedLayout) -> [AttentionTask] {
        var tasks: [AttentionTask] = []
        for sequence in 0..<layout.count {
            let keys = layout.rows(of: sequence)
            guard !keys.isEmpty else { continue }
            let most = max(32, min(128, maxScores / keys.count))
            let pieces = (keys.count + most - 1) / most
            for piece in 0..<pieces {
                let lower = keys.lowerBound + keys.count * piece / pieces
                let upper = keys.lowerBound + keys.count * (piece + 1) / pieces
                tasks.append(AttentionTask(queries: lower..<upper, keys: keys))
            }
        }
        return tasks
    }
}
