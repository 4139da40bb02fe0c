/// How a picture becomes the pixels that a tower looks at.
package struct PixelSpec: Codable, Sendable, Equatable {
    package enum Sizing: Sendable, Equatable {
        /// To this size, whatever shape the picture has.
        case fixed(width: Int, height: Int)
        /// The shorter side to `shortestSide`, the other one after it, and the middle of that.
        case cropped(shortestSide: Int, width: Int, height: Int)
        /// As large as a number of tokens allows, near the picture's own shape.
        case budget(PictureBudgets)
    }

    package enum Filter: String, Codable, Sendable {
        case bilinear, bicubic
    }

    /// Whose integer arithmetic resizes bytes: the one of torchvision, with weights of 16 bits, or of Pillow, with 22.
    package enum Rounding: String, Codable, Sendable {
        case torchvision, pillow
    }

    package var sizing: Sizing
    /// Widened by the scale when shrinking.
    package var filter: Filter
    package var rounding: Rounding
    /// A byte b of channel c becomes `(scale * b - mean[c]) / deviation[c]`.
    package var scale: Double
    package var mean: [Double]
    package var deviation: [Double]

    package init(
        sizing: Sizing, filter: Filter = .bicubic, rounding: Rounding = .torchvision, scale: Double = 1 / 255,
        mean: [Double], deviation: [Double]
    ) {
        self.sizing = sizing
        self.filter = filter
        self.rounding = rounding
        self.scale = scale
        self.mean = mean
        self.deviation = deviation
    }
}

/// Numbers of tokens that a picture may have at most: what it costs.
package struct PictureBudgets: Codable, Sendable, Equatable {
    /// Those that the model was trained for, smallest first.
    package var allowed: [Int]
    /// Of a picture, or a page, where nobody says.
    package var picture: Int
    /// Of a frame of a video.
    package var frame: Int

    package init(allowed: [Int], picture: Int, frame: Int) {
        self.allowed = allowed
        self.picture = picture
        self.frame = frame
    }
}

extension PixelSpec.Sizing: Codable {
    private struct Sides: Codable {
        let width: Int
        let height: Int
    }

    private struct Cropped: Codable {
        let shortestSide: Int
        let width: Int
        let height: Int
    }

    package init(from decoder: any Decoder) throws {
        let own = try SpecCase(decoder)
        switch own.name {
        case "fixed":
            let sides = try own.value(Sides.self)
            self = .fixed(width: sides.width, height: sides.height)
        case "cropped":
            let cropped = try own.value(Cropped.self)
            self = .cropped(shortestSide: cropped.shortestSide, width: cropped.width, height: cropped.height)
        case "budget": self = .budget(try own.value())
        default: throw own.unknown()
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .fixed(let width, let height):
            try SpecCase.write("fixed", Sides(width: width, height: height), to: encoder)
        case .cropped(let side, let width, let height):
            try SpecCase.write("cropped", Cropped(shortestSide: side, width: width, height: height), to: encoder)
        case .budget(let budgets): try SpecCase.write("budget", budgets, to: encoder)
        }
    }
}
