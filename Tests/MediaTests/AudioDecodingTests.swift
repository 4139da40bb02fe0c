import Media
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A fixture: 440 Hz at 0.5 in the first channel and 0.25 in all others, so that the mean has a known amplitude.
struct Tone: CustomTestStringConvertible {
    var name: String
    var channels: Int
    var seconds = 0.2
    /// Samples that a lossy codec may add or remove: its frame and its delay, where the container does not say.
    var lengthTolerance = 2
    var amplitudeTolerance: Float = 0.005

    var amplitude: Float { (0.5 + 0.25 * Float(channels - 1)) / Float(channels) }
    var testDescription: String { name }
}

@Suite struct AudioDecodingTests {
    static let tones = [
        Tone(name: "tone-16k-mono.wav", channels: 1),
        Tone(name: "tone-8k-stereo.wav", channels: 2),
        Tone(name: "tone-44k-mono.wav", channels: 1),
        Tone(name: "tone-8k-6ch.wav", channels: 6, seconds: 0.1),
        Tone(name: "tone-8k-u8.wav", channels: 1, amplitudeTolerance: 0.01),
        Tone(name: "tone-8k-s24.wav", channels: 1),
        Tone(name: "tone-8k-f32.wav", channels: 1),
        Tone(name: "tone-8k-mulaw.wav", channels: 1, amplitudeTolerance: 0.02),
        Tone(name: "tone-8k-adpcm.wav", channels: 1, lengthTolerance: 4_000, amplitudeTolerance: 0.05),
        Tone(name: "tone-44k-stereo.mp3", channels: 2, lengthTolerance: 900, amplitudeTolerance: 0.03),
        Tone(name: "tone-22k-mono.mp3", channels: 1, lengthTolerance: 900, amplitudeTolerance: 0.03),
        Tone(name: "tone-48k-stereo.flac", channels: 2),
        Tone(name: "tone-44k-stereo.ogg", channels: 2, amplitudeTolerance: 0.03),
        Tone(name: "tone-48k-mono.opus", channels: 1, lengthTolerance: 320, amplitudeTolerance: 0.03),
        Tone(name: "tone-44k-mono.aac", channels: 1, lengthTolerance: 1_200, amplitudeTolerance: 0.03),
        Tone(name: "tone-44k-stereo.m4a", channels: 2, lengthTolerance: 400, amplitudeTolerance: 0.03),
        Tone(name: "tone-44k-faststart.m4a", channels: 1, lengthTolerance: 400, amplitudeTolerance: 0.03),
        Tone(name: "tone-16k-alac.m4a", channels: 1),
        Tone(name: "tone-16k-mono.flac.ogg", channels: 1),
        Tone(name: "tone-16k-stereo.aiff", channels: 2),
        Tone(name: "piped.wav", channels: 1),
        Tone(name: "piped-sox.wav", channels: 1),
    ]

    @Test(arguments: tones) func toneHasItsLengthPitchAndLoudness(tone: Tone) throws {
        guard case .audio(let format) = try Fixture.type(tone.name) else { throw Fixture.Missing(name: tone.name) }
        let bytes = try Fixture.bytes(tone.name)
        #expect(MediaType.sniff(bytes) == .audio(format))
        let samples = try AudioDecoder.decode(bytes, format).samples
        let expectedCount = Int((tone.seconds * 16_000).rounded())
        #expect(abs(samples.count - expectedCount) <= tone.lengthTolerance, "\(samples.count) samples")

        // Away from the ends, where filters and codecs settle.
        let middle = Array(samples[samples.count / 4..<samples.count * 3 / 4])
        let (amplitude, residual) = fit(middle, frequency: 440)
        #expect(abs(amplitude - tone.amplitude) <= tone.amplitudeTolerance, "amplitude \(amplitude)")
        #expect(residual <= 2 * tone.amplitudeTolerance, "residual \(residual)")
    }

    /// An encoder may place a page a few milliseconds off; libsndfile 1.2 calls the stream malformed, but only at its end.
    @Test func unevenPagesOfOpusAreReadToTheEnd() throws {
        let samples = try AudioDecoder.decode(try Fixture.bytes("uneven-pages.ogg"), .ogg).samples
        #expect(abs(samples.count - 9_600) <= 400, "\(samples.count) samples")
        let (amplitude, residual) = fit(Array(samples[2_400..<7_200]), frequency: 440)
        #expect(abs(amplitude - 0.125) <= 0.02 && residual <= 0.02, "amplitude \(amplitude), residual \(residual)")
    }

    /// The amplitude of the best sine of one frequency, and the root mean square of what is left.
    private func fit(_ samples: [Float], frequency: Double) -> (amplitude: Float, residual: Float) {
        let step = 2 * Double.pi * frequency / 16_000
        var (ss, sc, cc, xs, xc) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for (i, x) in samples.enumerated() {
            let (s, c) = (sin(step * Double(i)), cos(step * Double(i)))
            ss += s * s
            sc += s * c
            cc += c * c
            xs += Double(x) * s
            xc += Double(x) * c
        }
        let determinant = ss * cc - sc * sc
        let a = (xs * cc - xc * sc) / determinant
        let b = (xc * ss - xs * sc) / determinant
        var left = 0.0
        for (i, x) in samples.enumerated() {
            let error = Double(x) - a * sin(step * Double(i)) - b * cos(step * Double(i))
            left += error * error
        }
        return (Float((a * a + b * b).squareRoot()), Float((left / Double(samples.count)).squareRoot()))
    }

    @Test func sixteenKilohertzPassesUntouched() throws {
        let samples = try AudioDecoder.decode(try Fixture.bytes("tone-16k-mono.wav"), .wav).samples
        let expected = (0..<3_200).map { i in
            Float((sin(2 * Double.pi * 440 * Double(i) / 16_000) * 0.5 * 32_767).rounded()) / 32_768
        }
        // Rounding of exact halves aside, the samples are the file's.
        expectClose(samples, expected, Tolerance(largest: 1.01 / 32_768, mean: 1e-6))
    }

    @Test(arguments: [44_100, 8_000, 22_050]) func resamplingEqualsFFmpegs(rate: Int) throws {
        let name = "resample-\(rate).wav"
        let samples = try AudioDecoder.decode(try Fixture.bytes(name), .wav).samples
        expectClose(samples, try Fixture.floats(name), .resampled, name)
    }

    @Test func soundInAnMP4ContainerIsM4A() throws {
        let bytes = try Fixture.bytes("tone-44k-mono.mp4")
        #expect(MediaType.sniff(bytes) == .audio(.m4a))
        #expect(try AudioDecoder.decode(bytes, .m4a).seconds > 0.15)
    }

    @Test func durationComesFromTheHeader() throws {
        let wav = try Fixture.bytes("tone-44k-mono.wav")
        #expect(try AudioDecoder.duration(of: wav.span.bytes, format: .wav) == 0.2)
        let aac = try Fixture.bytes("tone-44k-mono.aac")
        #expect(try AudioDecoder.duration(of: aac.span.bytes, format: .aac) == nil)
    }
}
