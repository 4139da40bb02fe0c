import Media
import Testing

/// Video files that are damaged, or lie, or want too much.
@Suite struct HostileVideoTests {
    static let names = VideoDecodingTests.films.map(\.name)

    private func decode(_ bytes: [UInt8], _ format: VideoFormat) throws -> DecodedVideo {
        try VideoDecoder.decode(bytes, format, sound: true)
    }

    @Test(arguments: VideoFormat.allCases) func noBytesAndOneByte(format: VideoFormat) {
        #expect(throws: MediaError.empty) { try decode([], format) }
        for byte: UInt8 in [0, 0x1A, 0x47, 0xFF] { #expect(throws: MediaError.self) { try decode([byte], format) } }
    }

    @Test(arguments: names) func truncatedFilesNeverCrash(name: String) throws {
        let bytes = try Fixture.bytes(name)
        let format = try Fixture.videoFormat(bytes)
        for eighth in 0..<8 {
            if let video = try? decode(Array(bytes[..<(bytes.count * eighth / 8)]), format) {
                #expect(video.frames.count <= 4, "\(eighth)/8")
            }
        }
    }

    @Test(arguments: names) func flippedBytesNeverCrash(name: String) throws {
        let bytes = try Fixture.bytes(name)
        let format = try Fixture.videoFormat(bytes)
        var random = SeededGenerator(state: 5)
        for _ in 0..<40 {
            var damaged = bytes
            let reach = Bool.random(using: &random) ? bytes.count : min(bytes.count, 800)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                damaged[Int.random(in: 0..<reach, using: &random)] = .random(in: 0...255, using: &random)
            }
            if let video = try? decode(damaged, format) { #expect(video.frames.count <= 32) }
        }
    }

    /// A table of four thousand million samples, for which a library would make an index of 100 GB.
    @Test func aLyingSampleTableIsRefused() throws {
        let bytes = try Fixture.bytes("h264.mov")
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("stsz".utf8)) })
        for count in [UInt32.max, 0x7FFF_FFFF, UInt32(bytes.count) + 1] {
            var lying = bytes
            // Version and flags, the size of every sample, their number.
            lying.replaceSubrange(place + 8..<place + 16, with: bigEndian(UInt32(1)) + bigEndian(count))
            #expect(throws: MediaError.self) { try decode(lying, .mov) }
        }
    }

    @Test func fragmentsThatClaimSamplesAreRefused() throws {
        var lying = try Fixture.bytes("fragments.mp4")
        let place = try #require(lying.indices.first { lying[$0...].starts(with: Array("trun".utf8)) })
        lying.replaceSubrange(place + 8..<place + 12, with: bigEndian(UInt32.max))
        #expect(throws: MediaError.self) { try decode(lying, .mp4) }
    }

    /// What the container says of the size is corrected by the stream; what the stream says is bounded in the decoder.
    @Test func theSizeInTheStreamIsWhatCounts() throws {
        var bytes = try Fixture.bytes("h264.mov")
        // Of the sample entry: 24 bytes after its name, width and height.
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("avc1".utf8)) })
        bytes.replaceSubrange(place + 28..<place + 32, with: bigEndian(UInt16(60_000)) + bigEndian(UInt16(60_000)))
        if let video = try? VideoDecoder.decode(bytes, .mov) {
            #expect(video.frames.allSatisfy { $0.size == ImageSize(width: 64, height: 48) })
        }
        var limits = MediaLimits()
        limits.maxVideoPixels = 64 * 48 - 1
        #expect(throws: MediaError.self) {
            try VideoDecoder.decode(Fixture.bytes("h264.mov"), .mov, limits: limits)
        }
    }

    @Test func soundAloneIsNoVideo() throws {
        #expect(throws: MediaError.noVideo) { try decode(Fixture.bytes("tone-44k-mono.mp4"), .mp4) }
    }
}
