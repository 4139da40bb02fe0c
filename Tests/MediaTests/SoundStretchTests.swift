import Media
import Testing

/// A part of a long sound is what the whole has there.
@Suite struct SoundStretchTests {
    /// 16-bit mono at 16 kHz: nothing is converted, so that samples can be compared.
    private static func wave(_ samples: [Int16]) -> [UInt8] {
        func little(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        let size = 2 * samples.count
        return Array("RIFF".utf8) + little(36 + size, 4) + Array("WAVEfmt ".utf8) + little(16, 4) + little(1, 2)
            + little(1, 2)
            + little(16_000, 4) + little(32_000, 4) + little(2, 2) + little(16, 2) + Array("data".utf8)
            + little(size, 4)
            + samples.flatMap { little(Int($0), 2) }
    }

    private static func samples(_ seconds: Int) -> [Int16] {
        (0..<16_000 * seconds).map { Int16(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 7) / 4 }
    }

    private func part(
        _ bytes: [UInt8], _ format: AudioFormat, _ start: Double, _ end: Double, _ limits: MediaLimits = MediaLimits()
    ) throws -> [Float] {
        try AudioDecoder.decode(bytes.span.bytes, format: format, from: start, to: end, limits: limits).samples
    }

    @Test(arguments: [(0.0, 3.0), (2.5, 7.25), (12, 14), (29, 31), (30, 40)])
    func ofAWave(_ start: Double, _ end: Double) throws {
        let bytes = Self.wave(Self.samples(30))
        let whole = try AudioDecoder.decode(bytes.span.bytes, format: .wav).samples
        let wanted = whole[min(whole.count, Int(start * 16_000))..<min(whole.count, Int(end * 16_000))]
        #expect(try part(bytes, .wav, start, end) == Array(wanted))
    }

    /// Through FFmpeg, which passes over what comes long before.
    @Test func ofFLAC() throws {
        let bytes = try Fixture.bytes("../../Fixtures/media/long.flac")
        let whole = try AudioDecoder.decode(bytes.span.bytes, format: .flac).samples
        #expect(whole.contains { $0 != 0 })
        for start in [0.0, 5, 20, 90.5, 178] {
            let found = try part(bytes, .flac, start, start + 1.5)
            let first = Int(start * 16_000)
            #expect(found.count == 24_000, "\(start)")
            // Rates are converted with a few samples of what comes before and behind, which a part lacks.
            let differences = zip(found.dropFirst(100).dropLast(100), whole[(first + 100)...]).map { abs($0 - $1) }
            #expect((differences.max() ?? 1) < 1e-3, "\(start)")
        }
        #expect(try part(bytes, .flac, 181, 190).isEmpty)
    }

    /// Links of an Ogg file are counted one after the other.
    @Test func ofAChain() throws {
        let one = try Fixture.bytes("../../Fixtures/media/music.ogg")
        let chain = one + one + one
        let link = try AudioDecoder.decode(one.span.bytes, format: .ogg).samples
        let whole = try AudioDecoder.decode(chain.span.bytes, format: .ogg).samples
        #expect(whole.count == 3 * link.count)
        for (start, end) in [(0.0, 0.3), (0.5, 0.8), (0.7, 1.7), (1.3, 9)] {
            let found = try part(chain, .ogg, start, end)
            let wanted = min(whole.count, Int(end * 16_000)) - Int(start * 16_000)
            #expect(abs(found.count - wanted) <= 8, "\(start) \(found.count) \(wanted)")
        }
    }

    /// The length of the whole is no matter, that of the part is.
    @Test func limits() throws {
        let bytes = Self.wave(Self.samples(4))
        var limits = MediaLimits()
        limits.maxAudioSeconds = 1
        #expect(throws: MediaError.self) { try AudioDecoder.decode(bytes.span.bytes, format: .wav, limits: limits) }
        #expect(try part(bytes, .wav, 2, 3, limits).count == 16_000)
        #expect(throws: MediaError.self) { try part(bytes, .wav, 0, 3, limits) }
        #expect(throws: MediaError.self) { try part(Array(bytes.prefix(20)), .wav, 0, 1) }
    }
}
