import Media
import Testing

/// Every image format against Pillow's pixels.
@Suite struct ImageDecodingTests {
    static let exact = [
        "rgb.png", "rgba.png", "gray.png", "gray-alpha.png", "palette.png", "palette-alpha.png", "gray1.png",
        "interlaced.png", "rgb16.png", "gray16.png", "gamma.png", "color-key.png", "animated.png", "exif6.png",
        "lossless.webp", "rgba.webp", "exif8.webp", "animated.webp",
        "palette.gif", "interlaced.gif", "transparent.gif", "animated.gif",
        "rgb.bmp", "palette.bmp", "gray1.bmp", "padded32.bmp", "alpha32.bmp", "rgb555.bmp",
    ]
    static let lossy =
        ["rgb.jpg", "progressive.jpg", "gray.jpg", "cmyk.jpg", "full-chroma.jpg", "half-chroma.jpg", "lossy.webp"]
        + (1...8).map { "exif\($0).jpg" }
    static let converted = ["rgb.heic", "rgba.heic", "exif6.heic", "rgb.avif", "rgba.avif", "half-chroma.avif"]
    static let all = exact + lossy + converted

    @Test(arguments: exact) func losslessFormatsEqualPillow(name: String) throws {
        try compare(name, .exact)
    }

    @Test(arguments: lossy) func lossyFormatsAreCloseToPillow(name: String) throws {
        try compare(name, .lossyPixels)
    }

    @Test(arguments: converted) func codecFormatsAreCloseToPillow(name: String) throws {
        try compare(name, .convertedPixels)
    }

    private func compare(_ name: String, _ tolerance: Tolerance) throws {
        let bytes = try Fixture.bytes(name)
        guard case .image(let format) = try Fixture.type(name) else { throw Fixture.Missing(name: name) }
        let expected = try Fixture.pixels(name)
        let decoded = try ImageDecoder.decode(bytes.span.bytes, format: format)
        expectClose(decoded.image, expected, tolerance, name)
        #expect(decoded.originalSize == expected.size)
        #expect(try ImageDecoder.size(of: bytes.span.bytes, format: format) == expected.size)
    }

    @Test(arguments: [2, 4, 8]) func scaledJPEGEqualsPillowsDraft(scale: Int) throws {
        let bytes = try Fixture.bytes("scaled.jpg")
        // Upright, the picture is 67 x 99.
        let target = ImageSize(width: 67 / (2 * scale), height: 99 / (2 * scale))
        let decoded = try ImageDecoder.decode(bytes.span.bytes, format: .jpeg) { size in
            #expect(size == ImageSize(width: 67, height: 99))
            return target
        }
        #expect(decoded.originalSize == ImageSize(width: 67, height: 99))
        expectClose(decoded.image, try Fixture.pixels("scaled.jpg.\(scale)"), .lossyPixels, "1/\(scale)")
    }

    @Test func scaleIsTheLargestThatLeavesTwiceTheTarget() throws {
        let bytes = try Fixture.bytes("scaled.jpg")
        func width(_ target: ImageSize?) throws -> Int {
            try ImageDecoder.decode(bytes.span.bytes, format: .jpeg) { _ in target }.image.width
        }
        #expect(try width(nil) == 67)
        #expect(try width(ImageSize(width: 67, height: 99)) == 67)
        #expect(try width(ImageSize(width: 17, height: 1)) == 67)
        #expect(try width(ImageSize(width: 16, height: 24)) == 34)
        #expect(try width(ImageSize(width: 16, height: 25)) == 67)
        #expect(try width(ImageSize(width: 1, height: 1)) == 9)
    }

    @Test func targetIsIgnoredByOtherFormats() throws {
        let bytes = try Fixture.bytes("rgb.png")
        let decoded = try ImageDecoder.decode(bytes.span.bytes, format: .png) { _ in ImageSize(width: 1, height: 1) }
        #expect(decoded.image.size == decoded.originalSize)
    }
}
