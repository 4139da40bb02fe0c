/// Rows that go from process to process in one call. MPI counts in 32 bits, and what the calls hold back meanwhile is to stay small beside the rows.
package enum GatherRounds {
    /// Values of one round, of all processes together: 1 GiB.
    package static let mostValues = 1 << 28

    /// Each process's rows of each round. All processes find the same, and have a share, perhaps an empty one, in every round.
    ///
    /// - Parameters:
    ///   - stretches: the rows of each process
    ///   - columns: values of a row
    package static func of(
        _ stretches: [Range<Int>], columns: Int, mostValues: Int = Self.mostValues
    ) -> [[Range<Int>]] {
        let share = max(1, mostValues / max(1, columns * stretches.count))
        let longest = stretches.map(\.count).max() ?? 0
        return stride(from: 0, to: longest, by: share).map { start in
            stretches.map { stretch in
                let lower = min(stretch.lowerBound + start, stretch.upperBound)
                return lower..<min(lower + share, stretch.upperBound)
            }
        }
    }
}
