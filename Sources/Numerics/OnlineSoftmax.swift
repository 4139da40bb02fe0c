/// softmax(S) V of rows whose scores S come in pieces of columns, so that a row is never held whole: M. Milakov and
/// N. Gimelshein, "Online normalizer calculation for softmax" (arXiv 1805.02867).
///
/// For each piece: ``take(_:rescaling:)``, then `output += scores * values of the piece`; after the last, ``finish(_:)``.
package struct OnlineSoftmax {
    /// Of each row, the largest score so far.
    private let largest: UnsafeMutablePointer<Float>
    /// Of each row, the sum of e^(score - largest) so far.
    private let sums: UnsafeMutablePointer<Float>

    /// Values of room that `rows` rows need.
    package static func roomNeeded(rows: Int) -> Int { 2 * rows }

    /// - Parameter room: memory for ``roomNeeded(rows:)`` values, the caller's for as long as this is used.
    package init(rows: Int, room: UnsafeMutablePointer<Float>) {
        largest = room
        sums = room + rows
        largest.update(repeating: -.infinity, count: rows)
        sums.update(repeating: 0, count: rows)
    }

    /// Replaces scores, `[rows, piece]` and finite, by e^(score - largest so far), and brings `output`, `[rows, D]`, which holds the
    /// earlier pieces, to that scale. Before the first piece `output` is not looked at.
    package func take(_ scores: Block, rescaling output: Block) {
        for row in 0..<scores.rows where scores.columns > 0 { take(scores, row, 0..<scores.columns, output) }
    }

    /// The same where a row sees `visible(row)` of the piece's columns: the others become 0 and count nothing.
    ///
    /// - Precondition: over all pieces every row sees something.
    package func take(_ scores: Block, rescaling output: Block, visible: (Int) -> Range<Int>) {
        for row in 0..<scores.rows {
            let x = scores.pointer + row * scores.stride
            let seen = visible(row)
            x.update(repeating: 0, count: seen.lowerBound)
            (x + seen.upperBound).update(repeating: 0, count: scores.columns - seen.upperBound)
            if !seen.isEmpty { take(scores, row, seen, output) }
        }
    }

    private func take(_ scores: Block, _ row: Int, _ columns: Range<Int>, _ output: Block) {
        let x = scores.pointer + row * scores.stride + columns.lowerBound
        let before = largest[row]
        let now = max(before, CastorNumerics.largest(x, count: columns.count))
        if before < now, before > -.infinity {
            let factor = exp(Lanes(repeating: before - now))[0]
            sums[row] *= factor
            scale(output.pointer + row * output.stride, by: factor, count: output.columns)
        }
        sums[row] += exponentialsInPlace(x, minus: now, count: columns.count)
        largest[row] = now
    }

    /// Divides the rows of `output` by their sums.
    package func finish(_ output: Block) {
        for row in 0..<output.rows {
            scale(output.pointer + row * output.stride, by: 1 / sums[row], count: output.columns)
        }
    }
}
