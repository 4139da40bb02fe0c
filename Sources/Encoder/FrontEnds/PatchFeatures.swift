package import CastorNumerics
import Glibc

/// What the patch embedding reads of a patch: its pixels and, in models that have them, its place and its edges (docs/model.md section 4).
///
/// Place and edges are to pixels what a log-mel spectrogram is to samples: what a large model would learn from many pictures, and a small one cannot from few.
package struct PatchFeatures: Sendable, Equatable {
    /// Side p of a square patch in pixels.
    package var patchSize: Int
    /// Cosines along each side of the picture, the constant among them; 0 for no place.
    package var positionWaves = 0
    /// Directions of edges, by quarter of a patch; 0 for none.
    package var orientations = 0

    package init(patchSize: Int, positionWaves: Int = 0, orientations: Int = 0) {
        self.patchSize = patchSize
        self.positionWaves = positionWaves
        self.orientations = orientations
    }

    private var pixelCount: Int { 3 * patchSize * patchSize }
    private var placeCount: Int { max(positionWaves * positionWaves - 1, 0) }
    private var edgeCount: Int { 4 * orientations }

    /// Values of one patch: pixels, then place, then edges.
    package var count: Int { pixelCount + placeCount + edgeCount }

    /// Patches of resized RGB pixels.
    ///
    /// - Parameters:
    ///   - pixels: `[rows * p, columns * p, 3]`, 0...255
    /// - Returns: `[rows * columns, count]`, patches in raster order
    package func callAsFunction(_ pixels: [Float], grid: ImageGrid) -> Matrix {
        precondition(pixels.count == grid.rows * grid.columns * pixelCount)
        let patches = Matrix(rows: grid.rows * grid.columns, columns: count)
        pixels.withUnsafeBufferPointer { writePixels($0.baseAddress!, grid, patches) }
        if placeCount > 0 { writePlaces(grid, patches) }
        if edgeCount > 0 { writeEdges(pixels, grid, patches) }
        return patches
    }

    /// `x / 127.5 - 1`, a patch flattened as (y, x, channel).
    private func writePixels(_ pixels: UnsafePointer<Float>, _ grid: ImageGrid, _ patches: Matrix) {
        let line = 3 * patchSize
        for row in 0..<grid.rows {
            for column in 0..<grid.columns {
                let patch = patches.row(row * grid.columns + column)
                for y in 0..<patchSize {
                    let source = pixels + ((row * patchSize + y) * grid.columns + column) * line
                    for x in 0..<line { patch[y * line + x] = source[x] / 127.5 - 1 }
                }
            }
        }
    }

    /// `cos(k pi v) cos(l pi u)`, (u, v) the patch's centre as a share of width and height, k and l below `positionWaves`, l the faster, without the constant:
    /// the basis of the discrete cosine transform.
    private func writePlaces(_ grid: ImageGrid, _ patches: Matrix) {
        func waves(_ cells: Int) -> [[Double]] {
            (0..<cells).map { cell in
                (0..<positionWaves).map { cos(Double($0) * .pi * (Double(cell) + 0.5) / Double(cells)) }
            }
        }
        let (down, across) = (waves(grid.rows), waves(grid.columns))
        for patch in 0..<patches.rows {
            let (row, column) = (patch / grid.columns, patch % grid.columns)
            for wave in 1...placeCount {
                let (k, l) = wave.quotientAndRemainder(dividingBy: positionWaves)
                patches.row(patch)[pixelCount + wave - 1] = Float(down[row][k] * across[column][l])
            }
        }
    }

    /// How strong edges of each direction are in each quarter of a patch: the mean over its pixels of `m cos^4(a - a_o)`, m and a length and direction of the
    /// brightness's gradient, a_o = o pi / orientations; all of a patch divided by half of their length and a little. After Dalal and Triggs 2005, "Histograms
    /// of Oriented Gradients for Human Detection", with a smooth window in the place of bins.
    private func writeEdges(_ pixels: [Float], _ grid: ImageGrid, _ patches: Matrix) {
        let (width, height) = (grid.columns * patchSize, grid.rows * patchSize)
        let half = patchSize / 2
        let brightness: [Float] = (0..<width * height).map { pixel in
            let sum: Float = pixels[3 * pixel] + pixels[3 * pixel + 1] + pixels[3 * pixel + 2]
            return sum / 382.5
        }
        let angles = (0..<orientations).map { Double($0) * .pi / Double(orientations) }
        let (cosines, sines) = (angles.map { Float(cos($0)) }, angles.map { Float(sin($0)) })
        brightness.withUnsafeBufferPointer { g in
            for y in 0..<height {
                let (above, below) = (max(y - 1, 0) * width, min(y + 1, height - 1) * width)
                for x in 0..<width {
                    let (left, right) = (max(x - 1, 0), min(x + 1, width - 1))
                    let dx: Float = g[y * width + right] - g[y * width + left]
                    let dy: Float = g[below + x] - g[above + x]
                    let square: Float = dx * dx + dy * dy
                    guard square > 1e-12 else { continue }
                    let inverse: Float = 1 / (square * square.squareRoot())
                    let patch = patches.row(y / patchSize * grid.columns + x / patchSize)
                    let quarter = (y % patchSize) / half * 2 + (x % patchSize) / half
                    let edges = patch + pixelCount + placeCount + quarter * orientations
                    for o in 0..<orientations {
                        let along: Float = dx * cosines[o] + dy * sines[o]
                        let power: Float = along * along
                        edges[o] += power * power * inverse
                    }
                }
            }
        }
        for patch in 0..<patches.rows {
            let edges = patches.row(patch) + pixelCount + placeCount
            scale(edges, by: 1 / Float(half * half), count: edgeCount)
            let length = Float(preciseSumOfSquares(edges, count: edgeCount).squareRoot())
            scale(edges, by: 2 / (length + Self.faintest), count: edgeCount)
        }
    }

    /// Length of a patch's edges that half counts, brightness from -1 to 1.
    private static let faintest: Float = 0.05
}
