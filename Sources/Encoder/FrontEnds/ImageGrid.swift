/// How an image is divided into patches.
package struct ImageGrid: Sendable, Equatable {
    package let rows: Int
    package let columns: Int
    /// The cells whose patches are there, counted in raster order, ascending; nil for all. Training drops some.
    package private(set) var kept: [Int32]?

    /// The grid of at most `maxPatches` square patches that keeps the picture's proportions best (docs/model.md section 4).
    ///
    /// - Precondition: sizes are positive.
    package init(width: Int, height: Int, maxPatches: Int) {
        precondition(width > 0 && height > 0 && maxPatches > 0)
        let budget = Double(maxPatches)
        let rows = Int((budget * Double(height) / Double(width)).squareRoot().rounded(.down))
        let clamped = min(max(rows, 1), maxPatches)
        let columns = Int((budget * Double(width) / Double(height)).squareRoot().rounded(.down))
        self.columns = min(max(columns, 1), maxPatches / clamped)
        self.rows = min(clamped, maxPatches / self.columns)
    }

    /// Where the patch at `index` of those that are there lies.
    package func cell(ofPatch index: Int) -> (row: Int, column: Int) {
        let cell = kept.map { Int($0[index]) } ?? index
        return (cell / columns, cell % columns)
    }

    /// The same grid with only the patches of `cells` there.
    ///
    /// - Precondition: `cells` ascend and lie in the grid.
    package func keeping(_ cells: [Int32]) -> ImageGrid {
        precondition(zip(cells, cells.dropFirst()).allSatisfy { $0 < $1 })
        precondition(cells.allSatisfy { (0..<rows * columns).contains(Int($0)) })
        var grid = self
        grid.kept = cells
        return grid
    }
}
