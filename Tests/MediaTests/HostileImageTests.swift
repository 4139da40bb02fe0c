import Media
import Testing

/// Image files that are damaged, or lie, or want too much.
@Suite struct HostileImageTests {
    @Test(arguments: ImageFormat.allCases) func noBytesAndOneByte(format: ImageFormat) {
        #expect(throws: MediaError.empty) { try ImageDecoder.decode([], format) }
        for byte: UInt8 in [0, 0x42, 0x47, 0x52, 0x89, 0xFF] {
            #expect(throws: MediaError.self) { try ImageDecoder.decode([byte], format) }
            #expect(MediaType.sniff([byte]) == nil)
        }
    }

    @Test(arguments: ImageDecodingTests.all) func truncatedFilesAreDamaged(name: String) throws {
        let bytes = try Fixture.bytes(name)
        guard case .image(let format) = try Fixture.type(name) else { return }
        for sixteenth in 0..<16 {
            // Later frames and trailing metadata may be missing.
            if name.hasPrefix("animated"), sixteenth > 4 { break }
            let cut = bytes[..<(bytes.count * sixteenth / 16)]
            // The last bytes of a PNG file are no pixels: DamagedImageTests cut there.
            if format == .png, bytes.count - cut.count < 32 { break }
            #expect(throws: MediaError.self, "\(sixteenth)/16") { try ImageDecoder.decode(Array(cut), format) }
        }
    }

    @Test(arguments: ImageDecodingTests.all) func flippedBytesNeverCrash(name: String) throws {
        let bytes = try Fixture.bytes(name)
        guard case .image(let format) = try Fixture.type(name) else { return }
        // A damaged header may ask for much memory: what the limits allow is not what this test is about.
        var limits = MediaLimits()
        limits.maxImagePixels = 1_000_000
        var random = SeededGenerator(state: 1)
        for _ in 0..<120 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                damaged[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            if let image = try? ImageDecoder.decode(damaged, format, limits: limits) {
                #expect(image.pixels.count == image.width * image.height * 3)
            }
        }
    }

    @Test(arguments: [(60_000, 60_000), (16_384, 16_384), (16_385, 1), (1, 2_000_000_000)])
    func hugePNGIsRefusedFromItsHeader(width: UInt32, height: UInt32) {
        let expected = MediaError.imageTooLarge(
            width: Int(width), height: Int(height), sideLimit: 16_384, pixelLimit: 100_000_000)
        let bytes = Builder.png(width: width, height: height)
        #expect(throws: expected) { try ImageDecoder.decode(bytes, .png) }
        #expect(throws: expected) { try ImageDecoder.size(of: bytes.span.bytes, format: .png) }
    }

    @Test func allowedSizeWithoutPixelsIsDamaged() {
        #expect(throws: MediaError.self) { try ImageDecoder.decode(Builder.png(width: 4_000, height: 3_000), .png) }
        #expect(throws: MediaError.self) { try ImageDecoder.decode(Builder.png(width: 0, height: 5), .png) }
    }

    @Test func wrongChecksumIsDamage() throws {
        var bytes = try Fixture.bytes("rgb.png")
        bytes[29] ^= 1  // the header's checksum
        #expect(throws: MediaError.self) { try ImageDecoder.decode(bytes, .png) }
    }

    @Test func onlyTheFirstOfAMillionFramesIsRead() throws {
        let file = try MappedFile(Builder.gif(frames: 1_000_000))
        let image = try ImageDecoder.decode(file.bytes.bytes, format: .gif)
        #expect(image.image.pixels == [10, 20, 30])
        #expect(file.touchedBytes < file.bytes.count / 4)
    }

    @Test func frameOutsideTheCanvasEnlargesIt() throws {
        let image = try ImageDecoder.decode(Builder.gif(frames: 1, left: 2, top: 1), .gif)
        #expect(image.size == ImageSize(width: 3, height: 2))
        #expect(image.pixels == [UInt8](repeating: 255, count: 15) + [10, 20, 30])
        #expect(throws: MediaError.self) { try ImageDecoder.decode(Builder.gif(frames: 1, left: 65_000), .gif) }
        #expect(throws: MediaError.self) { try ImageDecoder.decode(Builder.gif(frames: 0), .gif) }
    }

    @Test func bitmapSizesAreChecked() throws {
        let upsideDown = Builder.bmp(width: 1, height: -2, data: [1, 2, 3, 0, 4, 5, 6, 0])
        #expect(try ImageDecoder.decode(upsideDown, .bmp).pixels == [3, 2, 1, 6, 5, 4])
        let sizes: [(Int32, Int32)] = [
            (.max, .max), (.max, 1), (1, .min), (-1, 1), (.min, .min), (0, 1), (1, 0), (9, 9),
        ]
        for (width, height) in sizes {
            let bytes = Builder.bmp(width: width, height: height, data: [0, 0, 0, 0])
            #expect(throws: MediaError.self, "\(width) x \(height)") { try ImageDecoder.decode(bytes, .bmp) }
        }
    }

    @Test func otherFormatsBytesAreDamage() throws {
        let png = try Fixture.bytes("rgb.png")
        for format in ImageFormat.allCases where format != .png {
            #expect(throws: MediaError.self, "\(format)") { try ImageDecoder.decode(png, format) }
        }
    }

    @Test func junkBetweenSegmentsOfAJPEGIsHarmless() throws {
        let bytes = try Fixture.bytes("rgb.jpg")
        // After the first segment, which begins at 2 with a marker and its length.
        let end = 4 + Int(bytes[4]) << 8 + Int(bytes[5])
        let junk = Array(bytes[..<end]) + [0x12, 0x34] + Array(bytes[end...])
        let clean = try ImageDecoder.decode(bytes, .jpeg)
        #expect(try ImageDecoder.decode(junk, .jpeg) == clean)
        // The library reports its first warning only: the harmless one must not hide the serious one.
        #expect(throws: MediaError.self) { try ImageDecoder.decode(Array(junk[..<(junk.count - 60)]), .jpeg) }
    }

    @Test func halfAJPEGIsNotHalfGray() throws {
        for name in ["scaled.jpg", "progressive.jpg"] {
            let bytes = try Fixture.bytes(name)
            #expect(throws: MediaError.self) { try ImageDecoder.decode(Array(bytes[..<(bytes.count * 3 / 4)]), .jpeg) }
        }
        let cut = Array(try Fixture.bytes("scaled.jpg").dropLast(40))
        #expect(throws: MediaError.self) {
            try ImageDecoder.decode(cut.span.bytes, format: .jpeg) { _ in ImageSize(width: 1, height: 1) }
        }
    }

    @Test func decodingIsTheSameOnAllThreads() async throws {
        for name in ["rgb.jpg", "rgba.png", "rgba.webp", "palette.gif", "rgb.bmp", "rgb.heic", "rgb.avif"] {
            let bytes = try Fixture.bytes(name)
            guard case .image(let format) = try Fixture.type(name) else { continue }
            let expected = try ImageDecoder.decode(bytes, format)
            try await withThrowingTaskGroup(of: PixelImage.self) { group in
                for _ in 0..<16 { group.addTask { try ImageDecoder.decode(bytes, format) } }
                for try await image in group { #expect(image == expected, "\(name)") }
            }
        }
    }

    @Test func brokenOrientationIsNone() throws {
        let bytes = try Fixture.bytes("exif6.jpg")
        let place = try #require((0..<bytes.count - 12).first { Array(bytes[$0..<$0 + 6]) == Array("Exif\0\0".utf8) })
        var random = SeededGenerator(state: 2)
        for _ in 0..<500 {
            var damaged = bytes
            damaged[place + Int.random(in: 6..<32, using: &random)] = .random(in: 0...255, using: &random)
            let size = try ImageDecoder.size(of: damaged.span.bytes, format: .jpeg)
            #expect(size.width * size.height == 27 * 18)
        }
    }

    @Test func messagesNameValueAndLimit() {
        let tooLarge = MediaError.imageTooLarge(width: 20_000, height: 3, sideLimit: 16_384, pixelLimit: 100_000_000)
        #expect(
            tooLarge.description
                == "the image is 20000 x 3 pixels; the limits are 16384 pixels a side and 100000000 pixels in all")
        #expect(MediaError.audioTooLong(seconds: 181.04, limit: 180).description.contains("181 s"))
        #expect(MediaError.audioTooLong(seconds: .infinity, limit: 180).description.contains("180 s"))
    }
}
