import Media
import Testing

/// Small files that ask for much: what they take of memory and of the processor is bounded.
@Suite struct HostileBoundsTests {
    private func expectRefused(
        _ bytes: [UInt8], _ type: MediaType, _ words: String, start: Double? = nil, megabytes: Int = 100,
        seconds: Int = 5,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let result = try decodeBounded(
            bytes, type, start: start, megabytes: megabytes, seconds: seconds, sourceLocation: sourceLocation)
        #expect(
            result.verdict.hasPrefix("error: ") && result.verdict.contains(words), "\(result)",
            sourceLocation: sourceLocation)
    }

    // MARK: - MP4 and QuickTime

    /// One with a table of so many samples, which take no byte of it, in a chunk.
    private static func lyingFilm(samples: UInt32) throws -> [UInt8] {
        try Boxes.replacing(["moov", "trak", "mdia", "minf", "stbl"], in: Fixture.bytes("h264.mov")) { table in
            var table = Boxes.replacing(["stsz"], in: table) {
                Array($0[..<4]) + bigEndian(UInt32(1)) + bigEndian(samples)
            }
            table = Boxes.replacing(["stsc"], in: table) {
                Array($0[..<12]) + bigEndian(samples) + bigEndian(UInt32(1))
            }
            return table
        }
    }

    private static func withBoxesInFront(_ bytes: [UInt8], of name: String, _ count: Int) -> [UInt8] {
        Boxes.list(bytes).flatMap { box in
            (box.name == name ? [[UInt8]](repeating: Builder.box("free", []), count: count).flatMap { $0 } : [])
                + Builder.box(box.name, box.content)
        }
    }

    @Test(arguments: [0, 4_096, 100_000]) func boxesInFrontHideNoTable(count: Int) throws {
        let claim = "claim more samples than the file has bytes"
        let bytes = Self.withBoxesInFront(try Self.lyingFilm(samples: 20_000_000), of: "moov", count)
        try expectRefused(bytes, .video(.mov), claim)
        // A whole film, and what is behind its tables does not move.
        let film = Self.withBoxesInFront(try Fixture.bytes("h264.mov"), of: "moov", count)
        #expect(try decodeBounded(film, .video(.mov)).verdict.hasPrefix("4 frames"))
    }

    @Test func tablesOutOfTheirPlaceAreFound() throws {
        let lying = try Self.lyingFilm(samples: 20_000_000)
        let moved = Boxes.replacing(["moov", "trak"], in: lying) { track in
            // Directly in the track, where FFmpeg takes them all the same.
            let table = Boxes.contents(["mdia", "minf", "stbl"], in: track)
            return Boxes.replacing(["mdia", "minf"], in: track) { Boxes.without("stbl", in: $0) } + table
        }
        try expectRefused(moved, .video(.mov), "more samples")
    }

    @Test func aCompressedMovieIsLookedInto() throws {
        let lying = try Self.lyingFilm(samples: 20_000_000)
        let hidden = Boxes.replacing(["moov"], in: lying) { Boxes.compressed(Builder.box("moov", $0)) }
        try expectRefused(hidden, .video(.mov), "more samples")
        let film = try Boxes.replacing(["moov"], in: Fixture.bytes("h264.mov")) {
            Boxes.compressed(Builder.box("moov", $0))
        }
        #expect(try decodeBounded(film, .video(.mov)).verdict.hasPrefix("4 frames"))
    }

    /// Each as many as the file has bytes, and many of them.
    @Test func tracksTogetherClaimNoMoreThanTheFileHolds() throws {
        let film = try Self.lyingFilm(samples: 100_000)
        for (count, words) in [(200, "more samples than the file has bytes"), (1_000, "more than 256 tracks")] {
            let bytes = Boxes.replacing(["moov"], in: film) { movie in
                let track = Builder.box("trak", Boxes.contents(["trak"], in: movie))
                return movie + [[UInt8]](repeating: track, count: count).flatMap { $0 }
            }
            try expectRefused(bytes, .video(.mov), words)
        }
    }

    /// Each entry has all samples come again.
    @Test func manyEditsOfManySamplesAreRefused() throws {
        let edits: [UInt8] = bigEndian(UInt32(1_000)) + bigEndian(UInt32(0)) + bigEndian(UInt32(1 << 16))
        let list = bigEndian(UInt32(0)) + bigEndian(UInt32(300_000))
        let bytes = try Boxes.replacing(["moov", "trak", "edts", "elst"], in: Fixture.bytes("h264.mov")) { _ in
            list + [[UInt8]](repeating: edits, count: 300_000).flatMap { $0 }
        }
        try expectRefused(bytes, .video(.mov), "more than 4000000 samples")
    }

    /// Sound of samples that are not coded is read in pieces, of which a table of chunks makes any number.
    @Test func chunksOfRawSoundAreCounted() throws {
        let samples = bigEndian(UInt32(1)) + bigEndian(UInt32(100))
        let bytes = try Boxes.replacing(["moov", "trak", "mdia"], in: Fixture.bytes("h264.mov")) { media in
            let sound = Boxes.replacing(["hdlr"], in: media) {
                Array($0[..<8]) + Array("soun".utf8) + Array($0[12...])
            }
            return Boxes.replacing(["minf", "stbl"], in: sound) { table in
                var table = Boxes.replacing(["stts"], in: table) {
                    Array($0[..<4]) + bigEndian(UInt32(1)) + bigEndian(UInt32(100)) + bigEndian(UInt32(1))
                }
                table = Boxes.replacing(["stsz"], in: table) { Array($0[..<4]) + samples }
                return Boxes.replacing(["stsc"], in: table) {
                    Array($0[..<4])
                        + [
                            bigEndian(UInt32(2)), bigEndian(UInt32(1)), bigEndian(UInt32(1)), bigEndian(UInt32(1)),
                            bigEndian(UInt32(18_000_000)), bigEndian(UInt32(1)), bigEndian(UInt32(1)),
                        ].flatMap { $0 }
                }
            }
        }
        try expectRefused(bytes, .video(.mov), "more samples")
    }

    /// More fragments than were looked through once.
    @Test func aLongRecordingIsReadAndChecked() throws {
        let film = Boxes.without("mfra", in: try Fixture.bytes("fragments.mp4"))
        let empty = Builder.box("moof", []) + Builder.box("mdat", [])
        let long = film + [[UInt8]](repeating: empty, count: 5_000).flatMap { $0 }
        #expect(try decodeBounded(long, .video(.mp4)).verdict.hasPrefix("4 frames"))
        let run = Builder.box("trun", [0, 0, 0, 0] + bigEndian(UInt32(50_000_000)))
        let header = Builder.box("tfhd", [0, 0, 0, 0] + bigEndian(UInt32(1)))
        let lying = long + Builder.box("moof", Builder.box("traf", header + run)) + Builder.box("mdat", [])
        try expectRefused(lying, .video(.mp4), "fragments claim more samples")
    }

    @Test func tagsOfMP4AreCounted() throws {
        let tags = (0..<30_000).flatMap { index in
            Builder.box(
                "----",
                Builder.box("mean", [0, 0, 0, 0, 0x61]) + Builder.box("name", [0, 0, 0, 0] + Array("\(index)".utf8))
                    + Builder.box("data", [0, 0, 0, 1, 0, 0, 0, 0, 0x78]))
        }
        let handler = Builder.box(
            "hdlr", [UInt8](repeating: 0, count: 8) + Array("mdirappl".utf8) + [UInt8](repeating: 0, count: 9))
        let meta = Builder.box("udta", Builder.box("meta", [0, 0, 0, 0] + handler + Builder.box("ilst", tags)))
        let bytes = try Boxes.replacing(["moov"], in: Fixture.bytes("tone-44k-stereo.m4a")) { $0 + meta }
        try expectRefused(bytes, .audio(.m4a), "more tags", seconds: 2)
    }

    // MARK: - Sizes in streams

    /// A key frame of VP8 that says 16,000 x 16,000 pixels, in a track of 64 x 48.
    @Test func aFrameLargerThanTheLimitIsNotDecodedToSeeWhatItIs() throws {
        let tag: UInt32 = 200 << 5 | 0x10
        let frame =
            littleEndian(tag)[..<3] + [0x9D, 0x01, 0x2A, 0x80, 0x3E, 0x80, 0x3E] + [UInt8](repeating: 0, count: 600)
        let film = Film.matroska(video: "V_VP8", frames: [(0, Array(frame)), (40, Array(frame))])
        let result = try decodeBounded(film, .video(.webm), megabytes: 150)
        #expect(result.verdict.hasPrefix("error: "), "\(result)")
    }

    /// The same of MPEG-2 in a container that does not say in front what is in it.
    @Test(arguments: ["mpeg2.mpg"]) func aProgramStreamOfLargeFramesIsRefused(name: String) throws {
        var bytes = try Fixture.bytes(name)
        for place in bytes.indices.dropLast(12) where bytes[place..<place + 3].elementsEqual([0, 0, 1]) {
            switch bytes[place + 3] {
            case 0xB3: bytes.replaceSubrange(place + 4..<place + 7, with: [0xE8, 0x0E, 0x80])
            // The extension of the sequence: two more bits of each.
            case 0xB5 where bytes[place + 4] >> 4 == 1:
                bytes[place + 5] |= 0x01
                bytes[place + 6] |= 0xE0
            default: break
            }
        }
        try expectRefused(bytes, .video(.mpeg), "size of its frames", megabytes: 150)
    }

    // MARK: - Sound before the wanted part

    /// Two frames that are 37 hours apart, and silence between them: 1.4 s in 18 bytes.
    @Test func soundBeforeTheWantedPartIsNotDecoded() throws {
        let frames = 100_000
        let seconds = Double(frames) * 65_535 / 48_000
        let film = try Film.withSilence(frames: frames)
        let result = try decodeBounded(film, .video(.mkv), start: seconds - 30, megabytes: 200, seconds: 5)
        #expect(result.verdict.contains("frames, ") && !result.verdict.contains(" 0 samples"), "\(result)")
        // Sound that claims to begin at once, all of it.
        let timeless = try Film.withSilence(frames: frames, isTimeless: true)
        let silent = try decodeBounded(timeless, .video(.mkv), start: seconds - 30, megabytes: 200, seconds: 5)
        #expect(silent.verdict.contains("none of its sound"), "\(silent)")
    }

    /// Not by decoding from the beginning, and yet the same samples.
    @Test func aLatePartIsHeardWhereItIs() throws {
        let film = try Film.withSilence(frames: 200, isNumbered: true)
        let bytes = Film.silenceSeconds * 100
        let clip = try VideoDecoder.decode(film, .mkv, VideoSelection(start: bytes + 0.01, end: bytes + 1), sound: true)
            .sound
        let samples = try #require(clip).samples
        #expect(samples.count > 15_000)
        #expect(
            samples.dropFirst(200).dropLast(200).allSatisfy { abs($0 - Film.level(100)) < 1e-4 }, "\(samples[1_000])")
    }

    // MARK: - Tags

    @Test func tagsOfMatroskaAreCounted() throws {
        let tags = (0..<20_000).flatMap { index in
            Builder.element(0x67C8, Builder.element(0x45A3, Array("\(index)".utf8)) + Builder.element(0x4487, [0x78]))
        }
        let film = Film.matroska(
            video: "V_VP8", frames: [(0, [0])], more: Builder.element(0x1254_C367, Builder.element(0x7373, tags)))
        try expectRefused(film, .video(.webm), "more tags", seconds: 2)
        let tracks = [[UInt8]](repeating: Builder.element(0xAE, []), count: 100_000).flatMap { $0 }
        let many = Film.matroska(video: "V_VP8", frames: [(0, [0])], more: Builder.element(0x1654_AE6B, tracks))
        try expectRefused(many, .video(.webm), "more than 256 tracks", seconds: 2)
    }

    /// A megabyte of comments, each of which FFmpeg compares with all others.
    @Test func commentsOfFLACCostNothing() throws {
        let bytes = try Fixture.bytes("tone-48k-stereo.flac")
        let comments = (0..<100_000).flatMap { index in
            let text = Array("\(index)=1".utf8)
            return littleEndian(UInt32(text.count)) + text
        }
        let block = littleEndian(UInt32(0)) + littleEndian(UInt32(100_000)) + comments
        let header = [0x04] + bigEndian(UInt32(block.count)).dropFirst()
        // Behind the first block.
        let tagged = Array(bytes[..<42] + header + block + bytes[42...])
        let result = try decodeBounded(tagged, .audio(.flac), seconds: 2)
        let whole = try AudioDecoder.decode(bytes, .flac)
        #expect(result.verdict.hasPrefix("\(whole.samples.count) samples"), "\(result)")
        #expect(try AudioDecoder.decode(tagged, .flac).samples == whole.samples)
    }

    // MARK: - Pictures

    /// Scans that say that nothing changes, a hundred bytes each, over a hundred million pixels.
    @Test func scansOfAJPEGAreCounted() throws {
        try expectRefused(Film.manyScans(1_000), .image(.jpeg), "scans", megabytes: 750, seconds: 5)
    }

    @Test(arguments: [
        ("png", 450), ("gif", 450), ("bmp", 700), ("webp", 700),
    ]) func largePicturesTakeWhatTheirPixelsNeed(kind: (name: String, megabytes: Int)) throws {
        let type = try #require(MediaType(fileExtension: kind.name))
        let bytes: [UInt8]
        switch kind.name {
        case "png": bytes = Builder.png(width: 10_000, height: 10_000)
        case "gif": bytes = Builder.gif(canvas: (10_000, 10_000), frames: 1)
        case "bmp": bytes = Builder.bmp(width: 10_000, height: 10_000, data: [0, 0, 0, 0])
        default: bytes = Builder.webp(width: 10_000, height: 10_000)
        }
        _ = try decodeBounded(bytes, type, megabytes: kind.megabytes, seconds: 10)
    }
}
