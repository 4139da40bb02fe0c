import CastorNumerics

/// Learned positions of a grid of patches, for a grid of another size: bicubic between them (R. Keys' kernel with a = -0.75), the outermost
/// repeated, as `torch.nn.functional.interpolate(mode="bicubic", align_corners=False)` does it.
enum PositionGrid {
    /// - Parameters:
    ///   - table: the leading tokens' rows, and behind them those of the grid, row after row of it
    /// - Returns: `[leading + wanted columns * rows, d]`
    static func resampled(
        _ table: EmbeddingTable, leading: Int, from grid: (columns: Int, rows: Int),
        to wanted: (columns: Int, rows: Int)
    ) throws(ModelError) -> EmbeddingTable {
        let width = table.columns
        let learned = Matrix(rows: table.rows, columns: width)
        for row in 0..<table.rows { try table.copyRow(row, into: learned.row(row)) }
        let result = Matrix(rows: leading + wanted.columns * wanted.rows, columns: width)
        result.pointer.update(from: learned.pointer, count: leading * width)
        let columns = (0..<wanted.columns).map { taps($0, from: grid.columns, to: wanted.columns) }
        let rows = (0..<wanted.rows).map { taps($0, from: grid.rows, to: wanted.rows) }
        for (y, row) in rows.enumerated() {
            for (x, column) in columns.enumerated() {
                let target = result.row(leading + y * wanted.columns + x)
                for (sourceRow, height) in row {
                    for (sourceColumn, weight) in column {
                        let source = learned.row(leading + sourceRow * grid.columns + sourceColumn)
                        add(source, times: Float(height * weight), to: target, count: width)
                    }
                }
            }
        }
        return EmbeddingTable(result)
    }

    /// The four learned positions beside one of the wanted ones along an axis, with their weights.
    private static func taps(_ index: Int, from count: Int, to wanted: Int) -> [(index: Int, weight: Double)] {
        let place = (Double(index) + 0.5) * Double(count) / Double(wanted) - 0.5
        let first = place.rounded(.down)
        return (-1...2).map { step in
            let weight = kernel(abs(place - first - Double(step)))
            return (min(max(Int(first) + step, 0), count - 1), weight)
        }
    }

    private static func kernel(_ x: Double) -> Double {
        let a = -0.75
        if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        if x < 2 { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
        return 0
    }
}
