import Media
import Testing

/// Files that are damaged where no pixel is: the pixels of the undamaged file, and a note. Files that lack pixels: an error.
@Suite struct DamagedImageTests {
    /// Wherever a file is cut, it gives all its pixels or none.
    @Test(arguments: ImageDecodingTests.all) func aCutFileGivesAllPixelsOrNone(name: String) throws {
        let bytes = try Fixture.bytes(name)
        guard case .image(let format) = try Fixture.type(name) else { return }
        let whole = try ImageDecoder.decode(bytes, format)
        let step = max(1, bytes.count / 400)
        for count in Array(stride(from: 0, to: bytes.count, by: step)) + Array(max(0, bytes.count - 80)..<bytes.count) {
            if let image = try? ImageDecoder.decode(Array(bytes[..<count]), format) {
                #expect(image == whole, "\(count) of \(bytes.count) bytes")
            }
        }
    }

    // MARK: - JPEG

    static let jpegs = ["rgb.jpg", "gray.jpg", "half-chroma.jpg", "progressive.jpg", "cmyk.jpg", "scaled.jpg"]

    /// A maker's block behind a panorama, in the place of the end marker.
    private static let trailer =
        [0, 0, 0x01, 0x0A, 0x0E, 0, 0, 0] + Array("Image_UTC_Data1524SEFHk\0\0\0".utf8)
        + [UInt8](repeating: 0, count: 64) + Array("SEFT".utf8)

    @Test(arguments: jpegs) func aJPEGWithoutItsEndMarker(name: String) throws {
        let bytes = try Fixture.bytes(name)
        let picture = bytes.dropLast(2)
        #expect(bytes.suffix(2) == [0xFF, 0xD9])
        for end in [[], [0xFF], Self.trailer, [0xFF, 0xFF, 0xFF], bytes] { try expectWhole(picture + end, like: name) }
        try expectWhole(bytes + [1, 2, 3] + bytes, like: name, isNoted: false)
        // A byte of the picture gone with it.
        #expect(throws: MediaError.self) { try ImageDecoder.decode(Array(bytes.dropLast(8)), .jpeg) }
        let zeros: [UInt8] = bytes.dropLast(16) + [UInt8](repeating: 0, count: 400)
        #expect(throws: MediaError.self) { try ImageDecoder.decode(zeros, .jpeg) }
        let half: [UInt8] = bytes.prefix(bytes.count * 7 / 8) + [UInt8](repeating: 0, count: 8_000)
        #expect(throws: MediaError.self) { try ImageDecoder.decode(half, .jpeg) }
        #expect(throws: MediaError.self) { try ImageDecoder.decode(bytes.dropLast(8) + [0xFF, 0xD9], .jpeg) }
    }

    @Test(arguments: ["rgb.jpg", "gray.jpg", "cmyk.jpg"], [[0, 0, 0], [0, 0, 0x11], [1, 63, 0], [63, 0, 0xFF]])
    func aScanHeaderThatMakesNoSense(name: String, selection: [UInt8]) throws {
        var bytes = try Fixture.bytes(name)
        let scan = try #require(bytes.indices.dropLast().last { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA })
        let end = scan + 2 + Int(bytes[scan + 2]) << 8 + Int(bytes[scan + 3])
        bytes.replaceSubrange(end - 3..<end, with: selection)
        try expectWhole(bytes, like: name)
    }

    /// The decoder may be asked for fewer pixels.
    @Test func aReducedPictureIsWholeToo() throws {
        let bytes = Array(try Fixture.bytes("scaled.jpg").dropLast(2))
        let decoded = try ImageDecoder.decode(bytes.span.bytes, format: .jpeg) { _ in ImageSize(width: 1, height: 1) }
        #expect(decoded.image.width == 9 && !decoded.notes.isEmpty)
    }

    @Test func whatPrecedesAJPEGIsPassedOver() throws {
        let bytes = try Fixture.bytes("exif6.jpg")
        try expectWhole([0xFF, 0xD8] + bytes, like: "exif6.jpg")
        let type = MediaType.image(.jpeg)
        for junk in [Array("\n".utf8), [0xEF, 0xBB, 0xBF], [UInt8](repeating: 0, count: 300)] {
            let found = try MediaType.resolve(declared: type, bytes: (junk + bytes).span.bytes)
            #expect(found == MediaType.Resolution(type: type, notes: [.junkBefore(type, bytes: junk.count)]))
            try expectWhole(junk + bytes, like: "exif6.jpg")
        }
        let far = [UInt8](repeating: 0, count: 2_000) + bytes
        #expect(throws: MediaError.self) { try MediaType.resolve(declared: type, bytes: far.span.bytes) }
        #expect(throws: MediaError.self) { try ImageDecoder.decode(far, .jpeg) }
        // Nobody says that it is a picture.
        #expect(throws: MediaError.unrecognised) {
            try MediaType.resolve(declared: nil, bytes: ([10] + bytes).span.bytes)
        }
    }

    // MARK: - PNG

    static let pngs = ["rgb.png", "rgba.png", "palette.png", "gray1.png", "interlaced.png", "rgb16.png", "gray16.png"]

    @Test(arguments: pngs) func aPNGWhoseEndIsDamaged(name: String) throws {
        let file = try PNGChunks(Fixture.bytes(name))
        let data = file.content("IDAT")
        let bytes = file.bytes
        try expectWhole(bytes.dropLast(12), like: name)
        try expectWhole(bytes.dropLast(5), like: name)
        try expectWhole(bytes.dropLast(4) + [0, 0, 0, 0], like: name)
        let more: [UInt8] = Array(bytes.dropLast(12)) + Builder.chunk("IDAT", [1, 2, 3]) + Builder.chunk("IEND", [])
        try expectWhole(more, like: name, isNoted: false)
        // Two checksums vouch for the rows: one may be wrong.
        try expectWhole(file.replacing("IDAT", data.dropLast(4) + [9, 9, 9, 9]).bytes, like: name)
        try expectWhole(file.withWrongChecksum("IDAT").bytes, like: name)
        // Cut in the last chunk's own checksum, and in that of its rows.
        for missing in 13...20 { try expectWhole(bytes.dropLast(missing), like: name) }
        #expect(throws: MediaError.self) { try ImageDecoder.decode(Array(bytes.dropLast(24)), .png) }
    }

    @Test(arguments: pngs) func aPNGWhoseRowsAreDamagedIsRefused(name: String) throws {
        let file = try PNGChunks(Fixture.bytes(name))
        let data = file.content("IDAT")
        // Stored, so that no error of the compression shows it: only the checksums do.
        var flipped = data
        flipped[data.count / 2] ^= 0x10
        let chunk = Array(file.replacing("IDAT", flipped).withWrongChecksum("IDAT").bytes)
        #expect(throws: MediaError.self) { try ImageDecoder.decode(chunk, .png) }
        // Rows that are not there.
        let half = file.replacing("IDAT", Array(data.prefix(data.count / 2))).bytes
        #expect(throws: MediaError.self) { try ImageDecoder.decode(half, .png) }
        #expect(throws: MediaError.self) { try ImageDecoder.decode(file.withWrongChecksum("IHDR").bytes, .png) }
    }

    @Test func rowsWithoutAnyRightChecksumAreRefused() throws {
        // Two rows of one grey pixel, not compressed.
        func file(adler: [UInt8], isRight: Bool) -> [UInt8] {
            let header: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 2, 8, 0, 0, 0, 0]
            let rows: [UInt8] = [0x78, 0x01, 1, 4, 0, 0xFB, 0xFF, 0, 10, 0, 20]
            let chunks = PNGChunks(chunks: [
                ("IHDR", header, true), ("IDAT", rows + adler, isRight), ("IEND", [], true),
            ])
            return chunks.bytes
        }
        let right: [UInt8] = [0, 0x36, 0, 0x1F]
        #expect(try ImageDecoder.decode(file(adler: right, isRight: true), .png).pixels == [10, 10, 10, 20, 20, 20])
        #expect(try ImageDecoder.decode(file(adler: right, isRight: false), .png).pixels == [10, 10, 10, 20, 20, 20])
        #expect(try ImageDecoder.decode(file(adler: [0, 0, 0, 0], isRight: true), .png).width == 1)
        #expect(try ImageDecoder.decode(file(adler: [], isRight: true), .png).width == 1)
        for adler: [UInt8] in [[0, 0, 0, 0], [], [0, 0x36]] {
            #expect(throws: MediaError.self) { try ImageDecoder.decode(file(adler: adler, isRight: false), .png) }
        }
    }

    @Test func aWrongChecksumBesideThePicture() throws {
        var file = try PNGChunks(Fixture.bytes("rgb.png"))
        file.chunks.insert(("tEXt", Array("Title\0x".utf8), false), at: 1)
        try expectWhole(file.bytes, like: "rgb.png")
        // These colours are transparent, or others are.
        let transparent = try PNGChunks(Fixture.bytes("palette-alpha.png")).withWrongChecksum("tRNS")
        #expect(throws: MediaError.self) { try ImageDecoder.decode(transparent.bytes, .png) }
    }

    // MARK: - Others

    @Test(arguments: ["palette.gif", "interlaced.gif", "transparent.gif"]) func aGIFWithoutItsEnd(name: String) throws {
        let bytes = try Fixture.bytes(name)
        #expect(bytes.suffix(2) == [0, 0x3B])
        try expectWhole(bytes.dropLast(2), like: name)
        try expectWhole(bytes.dropLast(1), like: name, isNoted: false)
        #expect(throws: MediaError.self) { try ImageDecoder.decode(Array(bytes.dropLast(12)), .gif) }
        // Zeros are pixels to the decoder, too, if they get to it.
        let zeros: [UInt8] = bytes.dropLast(12) + [UInt8](repeating: 0, count: 12)
        if let image = try? ImageDecoder.decode(zeros, .gif) {
            #expect(try image == ImageDecoder.decode(bytes, .gif))
        }
    }

    @Test(arguments: ["rgb.bmp", "palette.bmp", "gray1.bmp", "padded32.bmp", "rgb555.bmp", "alpha32.bmp"])
    func aBMPWithoutItsNumbers(name: String) throws {
        let bytes = try Fixture.bytes(name)
        for size: UInt32 in [0, 14, 54, .max] {
            try expectWhole(bytes.replacing(2..<6, littleEndian(size)), like: name)
        }
        try expectWhole(bytes.replacing(10..<14, [0, 0, 0, 0]), like: name)
        try expectWhole(bytes.replacing(26..<28, [0, 0]), like: name)
        try expectWhole(bytes.replacing(2..<14, [UInt8](repeating: 0, count: 12)), like: name)
        #expect(throws: MediaError.self) { try ImageDecoder.decode(Array(bytes.dropLast(8)), .bmp) }
    }

    @Test func theLastRowsPaddingMayBeMissing() throws {
        // One pixel a row: three bytes, and one that pads.
        let rows: [UInt8] = [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0]
        let whole = Builder.bmp(width: 1, height: -3, data: rows)
        let pixels = try ImageDecoder.decode(whole, .bmp).pixels
        #expect(pixels == [3, 2, 1, 6, 5, 4, 9, 8, 7])
        #expect(try ImageDecoder.decode(Array(whole.dropLast(1)), .bmp).pixels == pixels)
        // Nine bytes are three rows without padding, but not when the file claims more.
        for missing in 2...6 {
            #expect(throws: MediaError.self) { try ImageDecoder.decode(Array(whole.dropLast(missing)), .bmp) }
        }
        let bare = Builder.bmp(width: 1, height: -3, data: [1, 2, 3, 4, 5, 6, 7, 8, 9])
        #expect(try ImageDecoder.decode(bare, .bmp).pixels == pixels)
    }

    @Test func runLengthDataEndBySayingSo() throws {
        // Two rows of two pixels, the colours 0 and 1 of a palette of two.
        func file(_ data: [UInt8], claimed: UInt32) -> [UInt8] {
            var bytes = Builder.bmp(width: 2, height: 2, bits: 8, data: [30, 20, 10, 0, 60, 50, 40, 0] + data)
            bytes.replaceSubrange(10..<14, with: littleEndian(UInt32(62)))
            bytes.replaceSubrange(30..<38, with: littleEndian(UInt32(1)) + littleEndian(claimed))
            bytes.replaceSubrange(46..<50, with: littleEndian(UInt32(2)))
            return bytes
        }
        let data: [UInt8] = [2, 0, 0, 0, 2, 1, 0, 1]
        let expected: [UInt8] = [40, 50, 60, 40, 50, 60, 10, 20, 30, 10, 20, 30]
        for claimed: UInt32 in [8, 0, 5_000] {
            #expect(try ImageDecoder.decode(file(data, claimed: claimed), .bmp).pixels == expected)
            #expect(throws: MediaError.self) {
                try ImageDecoder.decode(file(Array(data.prefix(4)), claimed: claimed), .bmp)
            }
        }
    }

    @Test(arguments: ["lossless.webp", "lossy.webp", "rgba.webp", "exif8.webp"])
    func aWebPWithoutTrueSizes(name: String) throws {
        let bytes = try Fixture.bytes(name)
        for size: UInt32 in [0, 12, UInt32(bytes.count) + 4_000, .max - 9] {
            try expectWhole(bytes.replacing(4..<8, littleEndian(size)), like: name)
        }
        #expect(throws: MediaError.self) { try ImageDecoder.decode(Array(bytes.prefix(bytes.count / 2)), .webp) }
    }

    // MARK: - Bounds

    /// What a damaged file claims is checked as that of a whole one is.
    @Test func sizesAreCheckedBeforeAnythingIsRepaired() throws {
        let png = Builder.png(width: 60_000, height: 60_000).dropLast(12)
        #expect(throws: MediaError.self) { try ImageDecoder.decode(Array(png), .png) }
        var gif = Builder.gif(canvas: (65_000, 65_000), frames: 1)
        gif.removeLast(2)
        #expect(
            throws: MediaError.imageTooLarge(
                width: 65_000, height: 65_000, sideLimit: 16_384, pixelLimit: 100_000_000)
        ) { try ImageDecoder.decode(gif, .gif) }
    }

    /// A hundred megabytes that unpack to much more than the header says are not unpacked.
    @Test func rowsBeyondThePictureAreNotUnpacked() throws {
        let file = try PNGChunks(Fixture.bytes("rgb.png"))
        var bytes = Array(file.bytes.dropLast(12))
        for _ in 0..<20_000 { bytes += Builder.chunk("IDAT", [UInt8](repeating: 0, count: 40)) }
        try expectWhole(bytes, like: "rgb.png")
    }

    private func expectWhole(
        _ bytes: [UInt8], like name: String, isNoted: Bool = true, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        guard case .image(let format) = try Fixture.type(name) else { throw Fixture.Missing(name: name) }
        let whole = try ImageDecoder.wholeResult(Fixture.bytes(name), format)
        #expect(whole.notes.isEmpty, sourceLocation: sourceLocation)
        let result = Result { try ImageDecoder.wholeResult(bytes, format) }
        guard case .success(let decoded) = result else {
            Issue.record("\(result)", sourceLocation: sourceLocation)
            return
        }
        #expect(decoded.image == whole.image, sourceLocation: sourceLocation)
        #expect(decoded.notes.isEmpty != isNoted, "\(decoded.notes)", sourceLocation: sourceLocation)
    }
}

/// A PNG file, chunk by chunk.
private struct PNGChunks {
    var chunks: [(name: String, content: [UInt8], isRight: Bool)]

    init(chunks: [(String, [UInt8], Bool)]) {
        self.chunks = chunks
    }

    /// Data chunks become one.
    init(_ bytes: [UInt8]) throws {
        chunks = []
        var offset = 8
        while offset + 12 <= bytes.count {
            let count = bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
            let name = String(decoding: bytes[offset + 4..<offset + 8], as: UTF8.self)
            let content = Array(bytes[offset + 8..<offset + 8 + count])
            if name == "IDAT", chunks.last?.name == name {
                chunks[chunks.count - 1].content += content
            } else {
                chunks.append((name, content, true))
            }
            offset += 12 + count
        }
    }

    var bytes: [UInt8] {
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            + chunks.flatMap { chunk in
                let bytes = Builder.chunk(chunk.name, chunk.content)
                return chunk.isRight ? bytes : bytes.dropLast(4) + bytes.suffix(4).map { $0 ^ 0x5A }
            }
    }

    func content(_ name: String) -> [UInt8] { chunks.first { $0.name == name }?.content ?? [] }

    func replacing(_ name: String, _ content: [UInt8]) -> PNGChunks {
        var file = self
        for index in chunks.indices where chunks[index].name == name { file.chunks[index].content = content }
        return file
    }

    func withWrongChecksum(_ name: String) -> PNGChunks {
        var file = self
        for index in chunks.indices where chunks[index].name == name { file.chunks[index].isRight = false }
        return file
    }
}

extension [UInt8] {
    fileprivate func replacing(_ range: Range<Int>, _ bytes: [UInt8]) -> [UInt8] {
        var copy = self
        copy.replaceSubrange(range, with: bytes)
        return copy
    }
}
