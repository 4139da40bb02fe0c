import Encoder
import FoundationEssentials
import Media
import TestSupport

/// What `transformers` and its image processors make of pictures (tools/reference/make_family_pictures.py).
struct PictureGolden: Decodable {
    struct Picture: Decodable {
        let size: [Int]
        let resized: [Int]
        let tokens: Int
        /// Of the pixels after resizing and cropping.
        let sha256: String
        /// Of the tower's tokens, where there is a body.
        let values: [[Double]]?
    }

    struct Part: Decodable {
        let ids: [Int32]?
        let picture: Int?
    }

    struct Content: Decodable {
        let parts: [Part]
        let vector: [Double]
    }

    let pictures: [Picture]
    let contents: [Content]
    /// Width, height, budget; width, height and tokens of the result.
    let sizes: [[Int]]?

    init(_ family: String) throws {
        self = try JSONDecoder().decode(
            PictureGolden.self, from: Data(try Folders.read("\(Folders.fixtures)/families/\(family)/pictures.json")))
    }

    /// Slopes, edges and noise: the formula of the reference's pictures.
    static func picture(_ size: [Int]) -> PixelImage {
        let size = ImageSize(width: size[0], height: size[1])
        var pixels: [UInt8] = []
        for y in 0..<size.height {
            for x in 0..<size.width {
                for c in 0..<3 {
                    pixels.append(UInt8((x * 3 + y * 5 + c * 53 + x * y / 7 + (x ^ y) * 29) % 256))
                }
            }
        }
        return PixelImage(size: size, pixels: pixels)
    }

    /// A picture as a caller prepares it, or the whole of it.
    static func resized(
        _ size: [Int], _ spec: ImageSpec, whole: Bool = false
    ) -> (pixels: PixelImage, size: PictureSize) {
        let target = spec.size(width: size[0], height: size[1])
        let filter: Resize.Filter =
            switch spec.pixels.filter {
            case .bicubic: .bicubic
            case .bilinear: .bilinear
            }
        let rounding: Resize.Rounding =
            switch spec.pixels.rounding {
            case .torchvision: .torchvision
            case .pillow: .pillow
            }
        let pixels = Resize.antialiased(
            picture(size), to: ImageSize(width: target.width, height: target.height),
            part: whole
                ? nil
                : PixelPart(
                    left: target.left, top: target.top,
                    size: ImageSize(width: target.seenWidth, height: target.seenHeight)), filter, rounding)
        return (pixels, target)
    }

    static func patched(_ size: [Int], _ spec: ImageSpec) -> PatchedPicture {
        let (image, target) = resized(size, spec)
        return spec.patched(image.pixels, target)
    }

    func inputs(_ spec: ImageSpec) -> [EncoderInput] {
        let patched = pictures.map { Self.patched($0.size, spec) }
        return contents.map { content in
            EncoderInput(
                content.parts.map { part in
                    if let ids = part.ids { .text(ids) } else { .picture(patched[part.picture!]) }
                })
        }
    }
}
