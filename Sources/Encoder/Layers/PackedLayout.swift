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

/// Some queries of one sequence and all its keys: the unit in which attention is divided among workers and kept small.
struct AttentionTask: Sendable {
    let queries: Range<Int>
    let keys: Range<Int>

    /// Keys whose scores are held at once in the forward pass. Beside at most 256 queries that makes 512 KiB, which stay near the core,
    /// and BLAS packs keys and values seldom enough.
    private static let keysPerPiece = 512

    /// `keys` in pieces of about one size.
    var keyPieces: [Range<Int>] { Self.pieces(of: keys, most: Self.keysPerPiece) }

    /// Some of the keys in such pieces.
    func pieces(of keys: Range<Int>) -> [Range<Int>] { Self.pieces(of: keys, most: Self.keysPerPiece) }

    /// The forward pass's tasks, in the order of their queries.
    static func divide(_ layout: PackedLayout) -> [AttentionTask] {
        (0..<layout.count).flatMap { sequence in
            let rows = layout.rows(of: sequence)
            return divide(rows, queries: rows.count > keysPerPiece ? 256 : 128)
        }
    }

    /// The backward pass's, which hold the scores of all keys: at most 256 KiB of them, which stay in a core's L2 cache, but at least
    /// 32 queries of a long sequence.
    static func divideForWholeRows(_ sequence: Range<Int>) -> [AttentionTask] {
        divide(sequence, queries: max(32, min(128, (1 << 16) / max(sequence.count, 1))))
    }

    private static func divide(_ sequence: Range<Int>, queries most: Int) -> [AttentionTask] {
        pieces(of: sequence, most: most).map { AttentionTask(queries: $0, keys: sequence) }
    }

    /// As few pieces of about one size as have at most `most` rows each.
    private static func pieces(of rows: Range<Int>, most: Int) -> [Range<Int>] {
        let count = (rows.count + most - 1) / most
        return (0..<count).map { piece in
            rows.lowerBound + rows.count * piece / count..<rows.lowerBound + rows.count * (piece + 1) / count
        }
    }
}
