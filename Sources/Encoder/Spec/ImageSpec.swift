/// Pictures to tokens: patches, a row of a product each, and what the tower makes of them.
///
/// Tensors, w the width of the stack and p the values of a patch, each where the spec asks for it:
///
/// | name | shape |
/// |---|---|
/// | `image.patch.weight`, `.bias` | `[w, p]`, `[w]` |
/// | `image.class_token` | `[w]` |
/// | `image.positions.weight` | `[tokens, w]`, `[2 rows, w]` with those by column first, or `[class token and learned grid, w]` |
/// | `image.embedding_norm.weight`, `.bias` | `[w]` |
/// | `image.layers.*`, `image.norm.*` | as of any stack |
/// | `image.projection_norm.weight`, `image.projection.weight`, `.bias` | `[w]`, `[body's width, w]`, `[body's width]` |
/// | `image.pooling.probe`, `.qkv.*`, `.output.*`, `.norm.*`, `.up.*`, `.down.*` | `[w]`, `[3 w, w]`, `[w, w]`, `[w]`, `[hidden, w]`, `[w, hidden]` |
/// | `image.head.N.weight`, `.bias` | as of any vector |
package struct ImageSpec: Codable, Sendable, Equatable {
    /// Of a patch's values, pixel by pixel in raster order.
    package enum Order: String, Codable, Sendable {
        /// Red, green and blue of each pixel side by side.
        case channelsLast
        /// All that is red first, as a convolution's weights have it.
        case channelsFirst
    }

    package enum Positions: Sendable, Equatable {
        /// A row for each token, the class token's first.
        case tokens
        /// The same for a grid of another size, from which they are resampled.
        case grid(columns: Int, rows: Int)
        /// Two tables of so many rows: one by the patch's column, one by its row, added up.
        case columnsAndRows(Int)
    }

    package var pixels: PixelSpec
    /// Pixels of a patch's side.
    package var patchSize: Int
    package var order: Order
    package var patchBias: Bool?
    /// Whether a learned token stands in front of the patches'.
    package var classToken: Bool?
    package var positions: Positions?
    /// Of the tokens, before the stack.
    package var norm: NormSpec?
    package var stack: StackSpec
    /// Patches of the side of a square whose mean is one token; nil where each patch is one.
    package var cellSize: Int?
    /// What these means are multiplied by.
    package var factor: Float?
    /// Of what is projected.
    package var projectionNorm: NormSpec?
    /// Into the body.
    package var projection: DenseSpec?
    /// Where the model has no body.
    package var vector: VectorSpec?

    package init(pixels: PixelSpec, patchSize: Int, order: Order, stack: StackSpec) {
        self.pixels = pixels
        self.patchSize = patchSize
        self.order = order
        self.stack = stack
    }

    package var width: Int { stack.width }
    package var patchLength: Int { 3 * patchSize * patchSize }
    /// Tokens in front of the patches'.
    package var leadingTokens: Int { classToken == true ? 1 : 0 }
    /// Pixels that sides are multiples of.
    package var sideUnit: Int { patchSize * (cellSize ?? 1) }
}

extension ImageSpec.Positions: Codable {
    private struct Grid: Codable {
        let columns: Int
        let rows: Int
    }

    package init(from decoder: any Decoder) throws {
        let own = try SpecCase(decoder)
        switch own.name {
        case "tokens": self = try own.plain(.tokens)
        case "grid":
            let grid = try own.value(Grid.self)
            self = .grid(columns: grid.columns, rows: grid.rows)
        case "columnsAndRows": self = .columnsAndRows(try own.value())
        default: throw own.unknown()
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .tokens: try SpecCase.write("tokens", to: encoder)
        case .grid(let columns, let rows):
            try SpecCase.write("grid", Grid(columns: columns, rows: rows), to: encoder)
        case .columnsAndRows(let rows): try SpecCase.write("columnsAndRows", rows, to: encoder)
        }
    }
}

/// What becomes of a picture of some size.
package struct PictureSize: Sendable, Equatable {
    /// What the whole picture is resized to.
    package let width: Int
    package let height: Int
    /// The part of that which the patches cover, in pixels.
    package let left: Int
    package let top: Int
    package let seenWidth: Int
    package let seenHeight: Int
    /// Patches.
    package let columns: Int
    package let rows: Int
    package let tokenCount: Int
}

extension ImageSpec {
    /// The number of tokens that a picture may have at most: the one asked for, or the model's own; nil where pictures have one size.
    ///
    /// - Parameter isFrame: of a video
    package func budget(_ asked: Int?, isFrame: Bool) -> Int? {
        guard case .budget(let budgets) = pixels.sizing else { return nil }
        return asked ?? (isFrame ? budgets.frame : budgets.picture)
    }

    /// What becomes of a picture, by its size alone: known before it is decoded.
    ///
    /// - Parameter budget: of ``budget(_:isFrame:)``; nil for a picture's own
    /// - Precondition: the picture has pixels, the budget is positive
    package func size(width: Int, height: Int, budget: Int? = nil) -> PictureSize {
        precondition(width > 0 && height > 0, "a picture without pixels")
        switch pixels.sizing {
        case .fixed(let width, let height): return size(resizedTo: (width, height), (width, height))
        case .cropped(let side, let cropWidth, let cropHeight):
            // In double precision and cut, as the reference does it.
            func other(_ long: Int, _ short: Int) -> Int { Int(Double(side) * Double(long) / Double(short)) }
            let resized =
                width <= height ? (side, other(height, width)) : (other(width, height), side)
            return size(resizedTo: resized, (cropWidth, cropHeight))
        case .budget(let budgets):
            let whole = sides(width: width, height: height, budget: budget ?? budgets.picture)
            return size(resizedTo: whole, whole)
        }
    }

    private func size(resizedTo resized: (Int, Int), _ part: (Int, Int)) -> PictureSize {
        let (columns, rows) = (part.0 / patchSize, part.1 / patchSize)
        let cell = cellSize ?? 1
        return PictureSize(
            width: resized.0, height: resized.1, left: (resized.0 - part.0) / 2, top: (resized.1 - part.1) / 2,
            seenWidth: columns * patchSize, seenHeight: rows * patchSize, columns: columns, rows: rows,
            tokenCount: (columns / cell) * (rows / cell) + leadingTokens)
    }

    /// The largest sides near the picture's shape that are whole cells and no more of them than the budget; small pictures are enlarged.
    private func sides(width: Int, height: Int, budget: Int) -> (Int, Int) {
        precondition(budget > 0, "a budget without tokens")
        let unit = Double(sideUnit)
        let (w, h) = (Double(width), Double(height))
        let factor = (Double(budget) * unit * unit / (w * h)).squareRoot()
        let cells = (columns: Int(factor * w / unit), rows: Int(factor * h / unit))
        // A strip thinner than a cell: as many cells as it is long in its own width.
        if cells.rows == 0 { return (min(max(width / height, 1), budget) * sideUnit, sideUnit) }
        if cells.columns == 0 { return (sideUnit, min(max(height / width, 1), budget) * sideUnit) }
        return (cells.columns * sideUnit, cells.rows * sideUnit)
    }
}
