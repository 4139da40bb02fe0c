import Media
import Testing

/// Every container and codec, by films whose frames say their number in gray.
@Suite struct VideoDecodingTests {
    /// Levels of gray: coding and conversion blur them by less than half the distance between two frames.
    private static let grayTolerance = 3.0
    private static let target = ImageSize(width: 32, height: 24)

    private func decode(
        _ name: String, start: Double? = nil, end: Double? = nil, rate: Double? = nil, most: Int = 32,
        sound: Bool = false, limits: MediaLimits = MediaLimits(), target: ImageSize = Self.target
    ) throws -> DecodedVideo {
        let bytes = try Fixture.bytes(name)
        return try VideoDecoder.decode(
            bytes, Fixture.videoFormat(bytes), VideoSelection(start: start, end: end, framesPerSecond: rate),
            most: most,
            sound: sound, limits: limits, target: target)
    }

    /// The number that the gray at the right of the middle says.
    private func number(_ frame: PixelImage) -> Double {
        let place = 3 * (frame.height / 2 * frame.width + frame.width * 3 / 4)
        let mean = (0..<3).reduce(0.0) { $0 + Double(frame.pixels[place + $1]) } / 3
        // Limited range: 16 is black, 235 is white.
        return mean * 219 / 255 / 6
    }

    private func expectNumbers(_ video: DecodedVideo, _ expected: [Int], _ what: String) {
        #expect(video.frames.count == expected.count, "\(what)")
        for (frame, wanted) in zip(video.frames, expected) {
            let found = number(frame)
            #expect(
                abs(found - Double(wanted % 32)) * 6 <= Self.grayTolerance, "\(what): frame \(found) for \(wanted)")
        }
    }

    static let films: [(name: String, rate: Int)] = [
        ("h264.mp4", 10), ("h264.mov", 10), ("h264.ts", 10), ("h264.mkv", 10), ("fragments.mp4", 10), ("h265.mp4", 10),
        ("vp9.webm", 10), ("av1.mp4", 10), ("mpeg4.mp4", 10), ("mpeg2.mpg", 25), ("mpeg1.mpg", 25),
    ]

    @Test(arguments: films) func oneFrameASecond(film: (name: String, rate: Int)) throws {
        let video = try decode(film.name)
        expectNumbers(video, (0..<4).map { $0 * film.rate }, film.name)
        #expect(video.times == [0, 1, 2, 3])
    }

    /// All frames one after the other are what single ones are: nothing that is passed over is needed.
    @Test(arguments: films) func anyFrameIsFound(film: (name: String, rate: Int)) throws {
        let step = 1 / Double(film.rate)
        for first in [1, 7, 13, 22] {
            let start = Double(first) * step
            let video = try decode(film.name, start: start, end: start + 4.2 * step, rate: 10)
            let expected = video.times.map { first + Int(($0 * Double(film.rate) + 1e-3).rounded(.down)) }
            expectNumbers(video, expected, "\(film.name) from frame \(first)")
        }
    }

    @Test func aLongFilmIsSpreadEvenly() throws {
        let video = try decode("long.mp4", target: ImageSize(width: 16, height: 16))
        #expect(video.times == (0..<32).map { Double($0) * 3.75 })
        expectNumbers(video, video.times.map { Int($0 * 2) }, "long.mp4")
        let part = try decode("long.mp4", start: 30, end: 40.2, target: ImageSize(width: 16, height: 16))
        #expect(part.times == (0..<11).map(Double.init))
        expectNumbers(part, part.times.map { Int(($0 + 30) * 2) }, "part of long.mp4")
        let few = try decode("long.mp4", most: 3, target: ImageSize(width: 16, height: 16))
        #expect(few.times == [0, 40, 80])
    }

    /// 120 steps of a second, of which 32 are taken; a rate that the film does not have gives the times of its own frames.
    @Test func importedModelsSeeWholeSteps() throws {
        var selection = VideoSelection()
        selection.rule = .wholeSteps
        let steps = (0..<32).map { $0 * 119 / 31 }
        let long = try Fixture.bytes("long.mp4")
        let video = try VideoDecoder.decode(long, .mp4, selection, target: ImageSize(width: 16, height: 16))
        #expect(video.times == steps.map(Double.init))
        expectNumbers(video, steps.map { 2 * $0 }, "long.mp4")
        selection.start = 30
        selection.end = 33.4
        selection.framesPerSecond = 3
        let part = try VideoDecoder.decode(long, .mp4, selection, target: ImageSize(width: 16, height: 16))
        #expect(part.times == [0, 0, 0.5, 1, 1, 1.5, 2, 2, 2.5, 3])
        expectNumbers(part, part.times.map { Int(($0 + 30) * 2) }, "part of long.mp4")
    }

    @Test func framesOfUnequalLengthAreShownWhenTheyBegin() throws {
        // Ten frames in the first second, then two a second.
        let video = try decode("variable.mp4", rate: 2)
        #expect(video.times.count >= 24)
        expectNumbers(video, video.times.map { $0 < 1 ? Int($0 * 10) : 10 + Int(($0 - 1) * 2) }, "variable.mp4")
    }

    @Test func aFilmOfOneFrame() throws {
        let video = try decode("one-frame.mp4")
        expectNumbers(video, [0], "one-frame.mp4")
        #expect(video.times == [0])
    }

    /// The white corner, upper left in the file, is where turning puts it; the names count degrees against the clock.
    @Test(arguments: [("rotate90.mp4", 0, 1), ("rotate180.mp4", 1, 1), ("rotate270.mp4", 1, 0)])
    func rotationIsApplied(film: (name: String, right: Int, bottom: Int)) throws {
        let turned = film.name != "rotate180.mp4"
        let target = turned ? ImageSize(width: 24, height: 32) : Self.target
        let video = try decode(film.name, target: target)
        #expect(video.displaySize == (turned ? ImageSize(width: 48, height: 64) : ImageSize(width: 64, height: 48)))
        let frame = video.frames[0]
        for right in 0...1 {
            for bottom in 0...1 {
                let (x, y) = (right * (frame.width - 8) + 4, bottom * (frame.height - 8) + 4)
                let isWhite = frame.pixels[3 * (y * frame.width + x)] > 200
                #expect(isWhite == (right == film.right && bottom == film.bottom), "\(film.name) \(right) \(bottom)")
            }
        }
    }

    @Test func wideCodedPixelsWidenThePicture() throws {
        #expect(try decode("anamorphic.mp4").displaySize == ImageSize(width: 128, height: 48))
    }

    @Test func pixelsAreNoMoreThanAreWanted() throws {
        let video = try decode("mpeg4.mp4")
        #expect(video.frames.allSatisfy { $0.size == ImageSize(width: 64, height: 48) })
        let small = try decode("h264.mp4", target: ImageSize(width: 640, height: 480))
        #expect(small.frames[0].size == ImageSize(width: 64, height: 48))
    }

    @Test(arguments: ["h264.mp4", "vp9.webm"]) func soundIsThatOfTheStretch(name: String) throws {
        let whole = try #require(try decode(name, sound: true).sound)
        #expect(abs(whole.seconds - 3.2) < 0.1)
        let part = try #require(try decode(name, start: 1, end: 2.5, sound: true).sound)
        #expect(abs(part.seconds - 1.5) < 0.01)
        // Zero crossings of 440 Hz.
        let crossings = zip(part.samples, part.samples.dropFirst()).count { $0.0 < 0 && $0.1 >= 0 }
        #expect((650...670).contains(crossings))
        #expect(try decode(name).sound == nil)
        #expect(try decode("h264.mov", sound: true).sound == nil)
    }

    @Test func theSameCallGivesTheSamePixels() throws {
        let first = try decode("h265.mp4")
        for _ in 0..<3 { #expect(try decode("h265.mp4").frames == first.frames) }
    }

    // MARK: - Limits

    @Test func aLongFilmIsRefusedAndAPartOfItIsNot() throws {
        var limits = MediaLimits()
        limits.maxVideoSeconds = 119
        #expect(throws: MediaError.videoTooLong(seconds: 120, limit: 119, withSound: false)) {
            try decode("long.mp4", limits: limits)
        }
        #expect(try decode("long.mp4", end: 100, limits: limits).frames.count == 32)
        limits.maxVideoSecondsWithSound = 3
        #expect(throws: MediaError.videoTooLong(seconds: 3.2, limit: 3, withSound: true)) {
            try decode("h264.mp4", sound: true, limits: limits)
        }
        // Without a sound track, the limit is the other one.
        #expect(try decode("h264.mov", sound: true, limits: limits).frames.count == 4)
    }

    @Test func quickTimeWithoutItsTypeIsReadAsBefore() throws {
        let bytes = try Fixture.bytes("h264.mov")
        let length = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
        // Of the same length, because the file's tables count from its beginning.
        let padding = Builder.box("skip", [UInt8](repeating: 0, count: length - 8))
        let film = try VideoDecoder.decode(padding + bytes[length...], .mov)
        #expect(try film.frames == VideoDecoder.decode(bytes, .mov).frames)
        #expect(film.notes.isEmpty)
    }

    @Test func aTransportStreamThatBeginsAmidAPacketIsRead() throws {
        let bytes = try Fixture.bytes("h264.ts")
        let film = try VideoDecoder.decode([UInt8](bytes[100...]), .mpeg)
        #expect(!film.frames.isEmpty)
    }

    /// The shorter piece ends more than a second too early, and is known by its times as well.
    @Test(arguments: [("h264.mkv", 0.66), ("vp9.webm", 0.5)]) func aFilmThatWasCutSaysSo(name: String, piece: Double)
        throws
    {
        let bytes = try Fixture.bytes(name)
        let format = try Fixture.videoFormat(bytes)
        #expect(try VideoDecoder.decode(bytes, format, sound: true).notes.isEmpty)
        for share in [piece, 0.8, 0.95] {
            let cut = try VideoDecoder.decode(Array(bytes[..<Int(Double(bytes.count) * share)]), format)
            #expect(cut.notes.contains { if case .damaged = $0 { true } else { false } }, "\(share): \(cut.notes)")
            guard share == piece else { continue }
            #expect(cut.notes.contains { if case .shorter = $0 { true } else { false } }, "\(cut.notes)")
        }
    }

    @Test func frameSizeAndWorkAreLimited() {
        var limits = MediaLimits()
        limits.maxVideoSide = 63
        #expect(
            throws: MediaError.frameTooLarge(width: 64, height: 48, sideLimit: 63, pixelLimit: limits.maxVideoPixels)
        ) { try decode("h264.mp4", limits: limits) }
        limits = MediaLimits()
        limits.maxVideoPackets = 31
        #expect(throws: MediaError.tooManyFrames(limit: 31)) { try decode("h264.mp4", limits: limits) }
        limits = MediaLimits()
        limits.maxDecodedVideoPixels = 64 * 48 * 5
        #expect(throws: MediaError.tooManyFrames(limit: 5)) { try decode("h264.mp4", rate: 10, limits: limits) }
    }

    static let outside = [
        VideoSelection(start: -1), VideoSelection(start: 4), VideoSelection(start: 2, end: 1),
        VideoSelection(start: 2, end: 2), VideoSelection(framesPerSecond: 0), VideoSelection(framesPerSecond: 25),
    ]

    @Test(arguments: outside) func whatIsNotInTheFilmIsRefused(part: VideoSelection) {
        #expect {
            try decode("h264.mp4", start: part.start, end: part.end, rate: part.framesPerSecond)
        } throws: { error in
            if case .badVideoRange? = error as? MediaError { true } else { false }
        }
    }
}
