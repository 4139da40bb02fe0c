import Foundation
import Media
import Testing

/// Decoders stop when nobody waits for them any more.
@Suite struct CancellationTests {
    private static func cancelled() -> MediaLimits {
        var limits = MediaLimits()
        limits.cancellation = Cancellation()
        limits.cancellation?.cancel()
        return limits
    }

    @Test func whatIsCancelledIsNotBegun() throws {
        let limits = Self.cancelled()
        for (name, format) in [("rgb.png", ImageFormat.png), ("rgb.jpg", .jpeg), ("rgb.heic", .heic)] {
            #expect(throws: MediaError.cancelled, "\(name)") { try Fixture.decode(name, format, limits) }
        }
        for (name, format) in [("tone-44k-mono.wav", AudioFormat.wav), ("tone-48k-stereo.flac", .flac)] {
            #expect(throws: MediaError.cancelled, "\(name)") { try Fixture.decode(name, format, limits) }
        }
        let document = Builder.pdf(pages: [(100, 100)])
        #expect(throws: MediaError.cancelled) { try DocumentReader.decode(document.span.bytes, limits: limits) }
    }

    /// Packets are listed, then frames are decoded; cancelled in between, nothing comes out, and nothing is called damaged.
    @Test(arguments: ["h264.mp4", "vp9.webm", "mpeg2.mpg"]) func aVideoStopsBetweenItsPackets(name: String) throws {
        var limits = MediaLimits()
        let cancellation = Cancellation()
        limits.cancellation = cancellation
        let bytes = try Fixture.bytes(name)
        guard case .video(let format) = try Fixture.type(name) else { throw Fixture.Missing(name: name) }
        #expect(throws: MediaError.cancelled) {
            try VideoDecoder.decode(bytes.span.bytes, format: format, maxFrames: 8, limits: limits) { size in
                cancellation.cancel()
                return size
            }
        }
    }

    /// As many frames as are decoded, and none of them is.
    @Test(arguments: ["h264.mp4", "vp9.webm", "mpeg2.mpg", "variable.mp4", "one-frame.mp4"])
    func anOutlineHasTheFramesOfTheVideo(name: String) throws {
        let bytes = try Fixture.bytes(name)
        guard case .video(let format) = try Fixture.type(name) else { throw Fixture.Missing(name: name) }
        for selection in [VideoSelection(), VideoSelection(end: 0.5, framesPerSecond: 10)] {
            let outline = try VideoDecoder.outline(
                bytes.span.bytes, format: format, selection: selection, maxFrames: 8)
            let decoded = try VideoDecoder.decode(
                bytes.span.bytes, format: format, selection: selection, maxFrames: 8
            ) { $0 }
            #expect(outline.frameCount == decoded.frames.count)
        }
    }

    /// It passes over what stands before a file as decoding does.
    @Test func anOutlineOfAFilmBehindJunk() throws {
        let film = try Fixture.bytes("h264.mp4")
        let behind = Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + film
        let plain = try VideoDecoder.outline(film.span.bytes, format: .mp4, maxFrames: 8)
        #expect(try VideoDecoder.outline(behind.span.bytes, format: .mp4, maxFrames: 8) == plain)
    }

    /// The process that would work for hours ends with the one who waits for it, and not with its own time.
    @Test func aDocumentStopsAmidItsWork() {
        var limits = MediaLimits()
        limits.maxDocumentSeconds = 100_000
        let cancellation = Cancellation()
        limits.cancellation = cancellation
        Thread.detachNewThread {
            // Sooner or later: at whatever point, it ends.
            usleep(300_000)
            cancellation.cancel()
        }
        let document = Builder.endlessDocument()
        #expect(throws: MediaError.cancelled) { try DocumentReader.decode(document.span.bytes, limits: limits) }
    }

    /// The text alone, without a look at what is drawn: which would take hours here.
    @Test func textIsReadWithoutRendering() throws {
        let words = "BT /F 9 Tf 3 Tr 5 60 Td (Rain in July.) Tj ET"
        let font = "/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>>>"
        let bytes = Builder.pdf(pages: [(100, 100), (150, 101)], content: words, resources: font)
        let all = try DocumentReader.decode(bytes.span.bytes)
        let text = try DocumentReader.decode(bytes.span.bytes, textOnly: true)
        #expect(text.pages.map(\.text) == all.pages.map(\.text) && text.pages[0].text == "Rain in July.")
        #expect(text.pages.map(\.image.size) == [ImageSize(width: 1, height: 1), ImageSize(width: 1, height: 1)])
    }

    @Test func soundBeforeAStretchIsBounded() throws {
        var limits = MediaLimits()
        let bytes = try Fixture.bytes("h264.mp4")
        let whole = try VideoDecoder.decode(
            bytes.span.bytes, format: .mp4, maxFrames: 1, wantsSound: true, limits: limits
        ) { $0 }
        guard let seconds = whole.sound?.seconds, seconds > 0.9 else { throw Fixture.Missing(name: "sound") }
        limits.maxSecondsBeforeStretch = 0.1
        let late = VideoSelection(start: 0.7, end: 0.8)
        #expect(
            throws: MediaError.tooCostly(
                format: "mp4", reason: "more than 0.1 s of its sound are to be decoded before the part that is wanted")
        ) {
            try VideoDecoder.decode(
                bytes.span.bytes, format: .mp4, selection: late, maxFrames: 1, wantsSound: true, limits: limits
            ) { $0 }
        }
        limits.maxSecondsBeforeStretch = 0.8
        _ = try VideoDecoder.decode(
            bytes.span.bytes, format: .mp4, selection: late, maxFrames: 1, wantsSound: true, limits: limits
        ) { $0 }
    }
}

extension Fixture {
    fileprivate static func decode(_ name: String, _ format: ImageFormat, _ limits: MediaLimits) throws {
        let bytes = try self.bytes(name)
        _ = try Media.ImageDecoder.decode(bytes.span.bytes, format: format, limits: limits)
    }

    fileprivate static func decode(_ name: String, _ format: AudioFormat, _ limits: MediaLimits) throws {
        let bytes = try self.bytes(name)
        _ = try Media.AudioDecoder.decode(bytes.span.bytes, format: format, limits: limits)
    }
}
