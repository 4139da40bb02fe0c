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
        for row in 0..<scores.rows where scores.columns > 0 {
            let x = scores.pointer + row * scores.stride
            let before = largest[row]
            let now = max(before, CastorNumerics.largest(x, count: scores.columns))
            if before < now, before > -.infinity {
                let factor = exp(Lanes(repeating: before - now))[0]
                sums[row] *= factor
                scale(output.pointer + row * output.stride, by: factor, count: output.columns)
            }
            sums[row] += exponentialsInPlace(x, minus: now, count: scores.columns)
            largest[row] = now
        }
    }

    /// Divides the rows of `output` by their sums.
    package func finish(_ output: Block) {
        for row in 0..<output.rows {
            scale(output.pointer + row * output.stride, by: 1 / sums[row], count: output.columns)
        }
    }
}
