import CastorNumerics
import Synchronization

/// The rotary tables of a stack's layers, by what they depend on, kept for reuse.
final class RotaryTables: Sendable {
    private struct Key: Hashable {
        let base: Double
        let pairs: Int
    }

    private let tables = Mutex<[Key: RotaryTable]>([:])

    private func table(_ base: Double, pairs: Int) -> RotaryTable {
        tables.withLock { tables in
            let key = Key(base: base, pairs: pairs)
            if let table = tables[key] { return table }
            let table = RotaryTable(pairs: pairs, base: base)
            tables[key] = table
            return table
        }
    }

    /// Cosine and sine of each token's angles, `[T, pairs]`.
    func angles(_ spec: RotarySpec, pairs: Int, _ places: TokenPlaces) -> RotaryAngles {
        let count = places.layout.tokenCount
        let angles = RotaryAngles(
            cosine: Matrix(rows: count, columns: pairs), sine: Matrix(rows: count, columns: pairs))
        switch spec.axes {
        case .sequence:
            let lengths = places.layout.lengths
            let rows = table(spec.base, pairs: pairs).rows(positions: lengths.max() ?? 0)
            var row = 0
            for length in lengths where length > 0 {
                angles.cosine.row(row).update(from: rows.cosine.pointer, count: length * pairs)
                angles.sine.row(row).update(from: rows.sine.pointer, count: length * pairs)
                row += length
            }
        case .rowThenColumn, .columnHalfThenRowHalf:
            let half = pairs / 2
            let cells = places.cells ?? []
            let longest = cells.reduce(0) { max($0, $1.row, $1.column) }
            let rows = table(spec.base, pairs: half).rows(positions: longest + 1)
            for (token, cell) in cells.enumerated() {
                let (first, second) =
                    spec.axes == .rowThenColumn ? (cell.row, cell.column) : (cell.column, cell.row)
                for (start, position) in [(0, first), (half, second)] {
                    (angles.cosine.row(token) + start).update(from: rows.cosine.row(position), count: half)
                    (angles.sine.row(token) + start).update(from: rows.sine.row(position), count: half)
                }
            }
        }
        return angles
    }
}
