import Media
import Testing

/// Sound files that are damaged, or lie, or want too much.
@Suite struct HostileAudioTests {
    static let names = AudioDecodingTests.tones.map(\.name)
    private let silence = [UInt8](repeating: 0, count: 32_000)

    @Test(arguments: AudioFormat.allCases) func noBytesAndOneByte(format: AudioFormat) {
        #expect(throws: MediaError.empty) { try AudioDecoder.decode([], format) }
        for byte: UInt8 in [0, 0x46, 0x49, 0x4F, 0x52, 0xFF] {
            #expect(throws: MediaError.self) { try AudioDecoder.decode([byte], format) }
            #expect(MediaType.sniff([byte]) == nil)
        }
    }

    @Test(arguments: names) func truncatedFilesNeverCrash(name: String) throws {
        let bytes = try Fixture.bytes(name)
        guard case .audio(let format) = try Fixture.type(name) else { return }
        // Streams of independent packets end anywhere; the others say how much there should be.
        let isStream = [.mp3, .ogg, .aac].contains(format) || name.hasPrefix("piped")
        for sixteenth in 0..<16 {
            let part = Array(bytes[..<(bytes.count * sixteenth / 16)])
            if isStream {
                if let clip = try? AudioDecoder.decode(part, format) { #expect(clip.seconds <= 0.4) }
            } else {
                #expect(throws: MediaError.self, "\(sixteenth)/16") { try AudioDecoder.decode(part, format) }
            }
        }
    }

    @Test(arguments: names) func flippedBytesNeverCrash(name: String) throws {
        let bytes = try Fixture.bytes(name)
        guard case .audio(let format) = try Fixture.type(name) else { return }
        var random = SeededGenerator(state: 3)
        for _ in 0..<120 {
            var damaged = bytes
            // Headers decide most: half of the damage goes to them.
            let reach = Bool.random(using: &random) ? bytes.count : min(bytes.count, 600)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                damaged[Int.random(in: 0..<reach, using: &random)] = .random(in: 0...255, using: &random)
            }
            if let clip = try? AudioDecoder.decode(damaged, format) {
                #expect(!clip.samples.contains { !$0.isFinite })
                #expect(clip.seconds <= 180.1)
            }
        }
    }

    @Test func damageInTheMiddleOfAFLACFileIsNotSkipped() throws {
        let bytes = try Fixture.bytes("tone-48k-stereo.flac")
        for place in stride(from: 200, to: bytes.count, by: 97) {
            var damaged = bytes
            damaged[place] ^= 0x10
            #expect(throws: MediaError.self, "byte \(place)") { try AudioDecoder.decode(damaged, .flac) }
        }
    }

    @Test func lyingLengthNamesBothNumbers() {
        let bytes = Builder.wave(silence, size: 64_000)
        let expected = MediaError.damaged(
            format: "wav", reason: "the header claims 64000 bytes of audio, 32000 are present")
        #expect(throws: expected) { try AudioDecoder.decode(bytes, .wav) }
        // 24 hours.
        #expect(throws: MediaError.self) { try AudioDecoder.decode(Builder.wave(silence, size: 2_764_800_000), .wav) }
    }

    @Test(arguments: [UInt32.max, 0, 0x7FFF_F000, 0x8000_0000]) func unknownLengthsAreAccepted(size: UInt32) throws {
        let riffSize = size == 0 ? 0 : UInt32.max
        let bytes = Builder.wave(silence, size: size, riffSize: riffSize)
        #expect(try AudioDecoder.decode(bytes, .wav).samples.count == 16_000)
    }

    @Test func wideSizesAreRead() throws {
        let bytes = Builder.wave64(silence, size: 32_000)
        #expect(MediaType.sniff(bytes) == .audio(.wav))
        #expect(try AudioDecoder.decode(bytes, .wav).samples.count == 16_000)
        // The header has 80 bytes.
        for size in [32_081, 1 << 40, UInt64.max] {
            #expect(throws: MediaError.self) { try AudioDecoder.decode(Builder.wave64(silence, size: size), .wav) }
        }
    }

    @Test func tooLongIsRefusedFromTheHeaderAndWhileDecoding() throws {
        // 1 kHz and 8 bits, to keep the test small.
        let long = [UInt8](repeating: 128, count: 181_000)
        let limit = MediaError.audioTooLong(seconds: 181, limit: 180)
        #expect(throws: limit) { try AudioDecoder.decode(Builder.wave(long, rate: 1_000, bits: 8), .wav) }
        let open = Builder.wave(long, rate: 1_000, bits: 8, size: .max, riffSize: .max)
        #expect(throws: MediaError.self) { try AudioDecoder.decode(open, .wav) }
        let fits = Builder.wave(Array(long[..<180_000]), rate: 1_000, bits: 8)
        #expect(try AudioDecoder.decode(fits, .wav).samples.count == 180 * 16_000)

        var short = MediaLimits()
        short.maxAudioSeconds = 0.1
        for name in Self.names where name != "tone-8k-6ch.wav" {
            guard case .audio(let format) = try Fixture.type(name) else { continue }
            let bytes = try Fixture.bytes(name)
            #expect {
                try AudioDecoder.decode(bytes, format, limits: short)
            } throws: { error in
                guard case .audioTooLong(let seconds, 0.1)? = error as? MediaError else { return false }
                return seconds > 0.1
            }
        }
    }

    @Test(arguments: [0, 999, 768_001, 0x7FFF_FFFF, UInt32.max]) func badSampleRatesAreRefused(rate: UInt32) {
        #expect(throws: MediaError.badSampleRate(Int(rate), lowest: 1_000, highest: 768_000)) {
            try AudioDecoder.decode(Builder.wave(silence, rate: rate), .wav)
        }
    }

    @Test func channelsAreLimited() throws {
        #expect(throws: MediaError.self) { try AudioDecoder.decode(Builder.wave(silence, channels: 0), .wav) }
        #expect(throws: MediaError.tooManyChannels(1_024, limit: 64)) {
            try AudioDecoder.decode(Builder.wave(silence, channels: 1_024), .wav)
        }
        #expect(try AudioDecoder.decode(Builder.wave(silence, channels: 64), .wav).samples.count == 250)
    }

    @Test func nonFiniteSamplesAreDamage() {
        for bad in [Float.nan, .infinity, -.infinity, .signalingNaN] {
            var values = [Float](repeating: 0.25, count: 8_000)
            values[5_000] = bad
            for rate: UInt32 in [16_000, 22_050] {
                let bytes = Builder.wave(Builder.floats(values), rate: rate, bits: 32, isFloat: true)
                #expect(throws: MediaError.damaged(format: "wav", reason: "a sample is not a finite number")) {
                    try AudioDecoder.decode(bytes, .wav)
                }
            }
        }
        // Finite, but not once two channels are added or the filter overshoots.
        let large = [Float](repeating: .greatestFiniteMagnitude, count: 8_000)
        let bytes = Builder.wave(Builder.floats(large), channels: 2, bits: 32, isFloat: true)
        #expect(throws: MediaError.self) { try AudioDecoder.decode(bytes, .wav) }
    }

    /// Found by fuzzing: finite samples whose squares are not finite any more in the log-mel front-end.
    @Test func samplesFarBeyondFullScaleAreDamage() throws {
        for (value, isTooLoud): (Float, Bool) in [(1e25, true), (1_048_576, true), (1e5, false)] {
            var values = [Float](repeating: 0.25, count: 8_000)
            values[3_000] = value
            let bytes = Builder.wave(Builder.floats(values), bits: 32, isFloat: true)
            guard isTooLoud else {
                #expect(try AudioDecoder.decode(bytes, .wav).samples.count == 8_000)
                continue
            }
            let reason = "a sample is more than a million times full scale"
            #expect(throws: MediaError.damaged(format: "wav", reason: reason)) { try AudioDecoder.decode(bytes, .wav) }
        }
    }

    @Test func nothingToHearIsAnError() {
        #expect(throws: MediaError.noSamples(format: "wav")) { try AudioDecoder.decode(Builder.wave([]), .wav) }
    }

    @Test func lessThanOneSampleIsSilence() throws {
        let bytes = Builder.wave([1, 0], rate: 44_100)
        #expect(try AudioDecoder.decode(bytes, .wav).samples.count <= 1)
    }

    @Test func containerWithoutSoundSaysSo() {
        let header = Builder.box("ftyp", Array("M4A \0\0\0\0M4A mp42isom".utf8))
        #expect(throws: MediaError.self) { try AudioDecoder.decode(header, .m4a) }
    }

    @Test func sampleTableOfFourThousandMillionIsRefused() throws {
        var bytes = try Fixture.bytes("tone-44k-stereo.m4a")
        let table = try #require((0..<bytes.count - 20).first { Array(bytes[$0..<$0 + 4]) == Array("stsz".utf8) })
        bytes.replaceSubrange(table + 8..<table + 16, with: [0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF])
        #expect(
            throws: MediaError.damaged(
                format: "m4a", reason: "its sample tables claim more samples than the file has bytes")
        ) { try AudioDecoder.decode(bytes, .m4a) }
    }

    @Test func blocksDoNotShowInTheSamples() throws {
        // 44.1 kHz: silence, one click right at a block border, silence.
        for click in [4_095, 4_096, 8_192] {
            var values = [Float](repeating: 0, count: 20_000)
            values[click] = 1
            let bytes = Builder.wave(Builder.floats(values), rate: 44_100, bits: 32, isFloat: true)
            let samples = try AudioDecoder.decode(bytes, .wav).samples
            let peak = try #require(samples.indices.max { samples[$0] < samples[$1] })
            #expect(abs(peak - click * 16_000 / 44_100) <= 1)
            #expect(abs(samples.reduce(0, +) - Float(16_000.0 / 44_100)) < 0.01)
        }
    }
}
