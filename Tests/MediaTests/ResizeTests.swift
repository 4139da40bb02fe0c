import Media
import Testing

@Suite struct ResizeTests {
    static let sizes = ["16x8", "8x33", "41x29", "50x34", "13x7", "1x1"]

    @Test(arguments: sizes) func equalsTorch(size: String) throws {
        let source = try Fixture.pixels("resize")
        let sides = size.split(separator: "x").compactMap { Int($0) }
        let resized = Resize.triangle(source, to: ImageSize(width: sides[0], height: sides[1]))
        expectClose(resized, try Fixture.floats("resize.\(size)"), .resized, "torch, \(size)")
        expectClose(
            resized, try Fixture.pixels("resize.\(size)").pixels.map(Float.init), .resized8Bit, "Pillow, \(size)")
    }

    @Test func oneColorStaysTheSame() {
        let size = ImageSize(width: 333, height: 217)
        let image = PixelImage(size: size, pixels: [UInt8](repeating: 200, count: size.width * size.height * 3))
        let resized = Resize.triangle(image, to: ImageSize(width: 64, height: 48))
        expectClose(resized, [Float](repeating: 200, count: 64 * 48 * 3), .resized)
    }

    @Test func extremeShapesAreFinite() {
        for (from, to) in [((16_384, 1), (3, 5)), ((1, 16_384), (5, 3)), ((1, 1), (64, 64)), ((2, 3), (500, 1))] {
            let size = ImageSize(width: from.0, height: from.1)
            let image = PixelImage(size: size, pixels: [UInt8](repeating: 77, count: size.width * size.height * 3))
            let resized = Resize.triangle(image, to: ImageSize(width: to.0, height: to.1))
            expectClose(resized, [Float](repeating: 77, count: to.0 * to.1 * 3), .resized, "\(from) to \(to)")
        }
    }

    // MARK: - To bytes

    @Test(arguments: ["16x8", "8x33", "41x13", "17x29", "90x70"], ["bicubic", "bilinear"])
    func bytesAreTorchvisionsAndPillows(size: String, filter: String) throws {
        let source = try Fixture.pixels("resize")
        let sides = size.split(separator: "x").compactMap { Int($0) }
        for (name, rounding) in [("torchvision", Resize.Rounding.torchvision), ("pillow", .pillow)] {
            let resized = Resize.antialiased(
                source, to: ImageSize(width: sides[0], height: sides[1]), filter == "bicubic" ? .bicubic : .bilinear,
                rounding)
            #expect(try resized == Fixture.pixels("resize.\(size).\(filter).\(name)"), "\(name)")
        }
    }

    @Test func aPictureOfTheRightSizeStaysAsItIs() throws {
        let source = try Fixture.pixels("resize")
        #expect(Resize.antialiased(source, to: source.size, .bicubic, .torchvision) == source)
    }

    /// The fourth of the bytes that are loaded for a pixel belongs to nobody behind the last.
    @Test func extremeShapesToBytes() {
        for (from, to) in [((16_384, 1), (3, 5)), ((1, 16_384), (5, 3)), ((1, 1), (64, 64)), ((2, 3), (500, 1))] {
            let size = ImageSize(width: from.0, height: from.1)
            let image = PixelImage(size: size, pixels: [UInt8](repeating: 77, count: size.width * size.height * 3))
            for rounding in [Resize.Rounding.torchvision, .pillow] {
                let resized = Resize.antialiased(
                    image, to: ImageSize(width: to.0, height: to.1), .bicubic, rounding)
                #expect(resized.pixels.allSatisfy { abs(Int($0) - 77) <= 1 }, "\(from) to \(to)")
            }
        }
    }

    /// A part is what it is of the whole, and costs no more than itself: the rest of a long strip is never made.
    @Test func aPartIsCutOut() throws {
        let source = try Fixture.pixels("resize")
        for (width, height) in [(90, 70), (16, 8), (41, 13), (17, 29), (41, 29)] {
            for rounding in [Resize.Rounding.torchvision, .pillow] {
                let size = ImageSize(width: width, height: height)
                let whole = Resize.antialiased(source, to: size, .bicubic, rounding)
                let part = PixelPart(
                    left: width / 3, top: height / 4, size: ImageSize(width: width / 2, height: height / 3))
                let cut = Resize.antialiased(source, to: size, part: part, .bicubic, rounding)
                var expected: [UInt8] = []
                for row in part.top..<part.top + part.size.height {
                    let first = (row * width + part.left) * 3
                    expected += whole.pixels[first..<first + 3 * part.size.width]
                }
                #expect(cut == PixelImage(size: part.size, pixels: expected), "\(size) \(rounding)")
            }
        }
        let strip = PixelImage(
            size: ImageSize(width: 16_384, height: 1), pixels: [UInt8](repeating: 9, count: 3 * 16_384))
        // Whole, it would have 2.4 GB.
        let middle = Resize.antialiased(
            strip, to: ImageSize(width: 16_384 * 224, height: 224),
            part: PixelPart(left: 1_834_896, top: 0, size: ImageSize(width: 224, height: 224)), .bicubic, .torchvision)
        #expect(middle.pixels.allSatisfy { abs(Int($0) - 9) <= 1 })
    }
}
