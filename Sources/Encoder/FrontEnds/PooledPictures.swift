package import CastorNumerics
import Glibc

/// Pictures that pass through the vision tower one by one, and of which each leaves a small grid of tokens: the means over
/// as many rectangles of patches (docs/model.md section 5). Frames of a video, and pages of a document.
package struct PooledPictures: Sendable {
    /// Of all pictures, one after the other, `[pictures * rows * columns, 3 p p]`
    package let patches: Matrix
    /// Of each picture.
    package let grid: ImageGrid
    /// Rows and columns of a picture's tokens; fewer where the grid has fewer.
    package let pooledSide: Int
    /// The first ones; truncation takes the last.
    package private(set) var tokenCount: Int

    /// - Precondition: whole pictures, at least one; all patches of the grid are there.
    package init(patches: Matrix, grid: ImageGrid, pooledSide: Int) {
        precondition(pooledSide > 0 && grid.kept == nil)
        precondition(patches.rows > 0 && patches.rows % (grid.rows * grid.columns) == 0)
        self.patches = patches
        self.grid = grid
        self.pooledSide = pooledSide
        tokenCount = 0
        tokenCount = pictureCount * tokensPerPicture
    }

    package var patchesPerPicture: Int { grid.rows * grid.columns }
    package var pictureCount: Int { patches.rows / patchesPerPicture }
    package var tokensPerPicture: Int { pooledRows * pooledColumns }

    private var pooledRows: Int { min(pooledSide, grid.rows) }
    private var pooledColumns: Int { min(pooledSide, grid.columns) }

    /// The first tokens; pictures that keep none are dropped.
    func prefix(_ count: Int) -> PooledPictures {
        let pictures = (count + tokensPerPicture - 1) / tokensPerPicture
        var result = PooledPictures(
            patches: patches[0..<pictures * patchesPerPicture], grid: grid, pooledSide: pooledSide)
        result.tokenCount = count
        return result
    }

    /// The same pictures of other patches.
    package func withPatches(_ other: Matrix) -> PooledPictures {
        precondition(other.rows == patches.rows)
        var result = PooledPictures(patches: other, grid: grid, pooledSide: pooledSide)
        result.tokenCount = tokenCount
        return result
    }

    /// Tokens of a picture that truncation left.
    private func tokens(of picture: Int) -> Range<Int> {
        picture * tokensPerPicture..<min(tokenCount, (picture + 1) * tokensPerPicture)
    }

    /// Rows and columns of patches that a token of a picture is the mean of: token i of n covers `floor(i m / n)` to
    /// `floor((i + 1) m / n)` of m.
    private func cell(_ token: Int) -> (rows: Range<Int>, columns: Range<Int>) {
        let (row, column) = (token / pooledColumns, token % pooledColumns)
        return (
            row * grid.rows / pooledRows..<(row + 1) * grid.rows / pooledRows,
            column * grid.columns / pooledColumns..<(column + 1) * grid.columns / pooledColumns
        )
    }

    /// Means of the normed patches of one picture, to its rows of the joined matrix.
    ///
    /// - Parameters:
    ///   - normed: `[rows * columns, d]`
    ///   - x: `[T, d]`; the segment begins at row `firstRow`
    func forward(_ picture: Int, _ normed: Matrix, into x: Matrix, firstRow: Int) {
        for (index, token) in tokens(of: picture).enumerated() {
            let (rows, columns) = cell(index)
            let mean = x.row(firstRow + token)
            mean.update(repeating: 0, count: x.columns)
            for row in rows {
                for column in columns { add(normed.row(row * grid.columns + column), to: mean, count: x.columns) }
            }
            scale(mean, by: 1 / Float(rows.count * columns.count), count: x.columns)
        }
    }

    /// Gradient of ``forward(_:_:into:firstRow:)``: overwrites `dNormed`, `[rows * columns, d]`.
    func backward(_ picture: Int, _ dx: Matrix, firstRow: Int, into dNormed: Matrix) {
        dNormed.fill(0)
        for (index, token) in tokens(of: picture).enumerated() {
            let (rows, columns) = cell(index)
            let share = 1 / Float(rows.count * columns.count)
            for row in rows {
                for column in columns {
                    add(
                        dx.row(firstRow + token), times: share, to: dNormed.row(row * grid.columns + column),
                        count: dx.columns)
                }
            }
        }
    }
}

/// Sines, then cosines, of `time * base^(-k / K)`, k in 0..<K, K half of `count`: `[times, count]`, computed in double
/// precision.
///
/// - Parameter times: in seconds
func videoTimeFeatures(_ times: [Double], count: Int, base: Double) -> Matrix {
    let half = count / 2
    let features = Matrix(rows: times.count, columns: count)
    for (row, time) in times.enumerated() {
        for k in 0..<half {
            let angle = time * pow(base, -Double(k) / Double(half))
            features.row(row)[k] = Float(sin(angle))
            features.row(row)[half + k] = Float(cos(angle))
        }
    }
    return features
}
