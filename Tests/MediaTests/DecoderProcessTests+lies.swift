import DecoderFaults
import Media
import Testing

/// Answers of a decoder that was taken over.
extension DecoderProcessTests {
    private func question(_ width: Int, _ height: Int) -> [UInt8] { [0] + number(width) + number(height) }

    /// Answers that a decoder which was taken over could give of a picture. Each is true in form but for one thing.
    private var lies: [String: [[UInt8]]] {
        func picture(_ width: Int, _ height: Int, _ notes: [UInt8]? = nil) -> [UInt8] {
            [1] + number(width) + number(height) + (notes ?? number(0))
        }
        func note(_ reason: [UInt8], count: Int? = nil) -> [UInt8] {
            number(1) + [2] + number(3) + Array("png".utf8) + number(count ?? reason.count) + reason
        }
        let asked = question(10, 10)
        return [
            "no such answer": [[7]], "an answer that was cut": [asked, Array(picture(10, 10).dropLast())],
            "more than an answer": [asked, picture(10, 10) + [0]], "no question": [picture(10, 10)],
            "two questions": [asked, asked], "a question of nothing": [question(0, 10)],
            "a question of less than nothing": [question(-1, -1)],
            "a question beyond the limits": [question(20_000, 10_000)],
            "an endless question": [question(Int.max, Int.max)],
            "a picture larger than asked": [asked, picture(10, 11)],
            "a picture of less than nothing": [asked, picture(-10, -10)],
            "an endless picture": [asked, picture(Int.max, 2)],
            "too many notes": [asked, picture(10, 10, number(1 << 40))],
            "notes that are not there": [asked, picture(10, 10, number(2))],
            "a long text": [asked, picture(10, 10, note([65], count: 1 << 40))],
            "a text of less than nothing": [asked, picture(10, 10, note([65], count: -1))],
            "a text that is none": [asked, picture(10, 10, note([0xFF, 0xFE]))],
            "an error that is none": [[2, 200]], "an error with more": [[2, 0, 0]],
            "a long message": [[UInt8](repeating: 1, count: 100_000)],
        ]
    }

    @Test func lyingAnswersAreRefused() throws {
        let pool = pool()
        let good = try Fixture.bytes("rgb.heic")
        for (lie, messages) in lies.sorted(by: { $0.key < $1.key }) {
            let bytes = try faulty("rgb.heic", "say", saying: messages)
            let reason = reason { _ = try decode(bytes, pool) }
            #expect(reason == "its decoder gives an answer that makes no sense", "\(lie)")
            _ = try decode(good, pool)
        }
        // What a decoder may say is believed.
        let truth = try faulty(
            "rgb.heic", "say", saying: [question(10, 10), [1] + number(10) + number(10) + number(0)])
        let decoded = try decode(truth, pool)
        #expect(decoded.image.pixels == [UInt8](repeating: 0, count: 300))
    }

    @Test func lyingAnswersOfSoundsAndClipsAreRefused() throws {
        let pool = pool()
        let decoders = Decoders.outside(pool)
        for count in [-1, 1 << 40, 180 * 16_000 + 1_000_000] {
            let bytes = try faulty("tone-44k-stereo.m4a", "say", saying: [[1] + number(count) + number(0)])
            let reason = reason { _ = try decoders.audio(bytes.span.bytes, format: .m4a) }
            #expect(reason == "its decoder gives an answer that makes no sense", "\(count) samples")
        }
        func clip(_ frames: Int, _ width: Int, _ time: Double) -> [UInt8] {
            [1] + number(frames) + number(width) + number(10) + number(Int(bitPattern: UInt(time.bitPattern)))
                + number(0)
                + [0]
        }
        for lie in [
            clip(0, 10, 0), clip(-1, 10, 0), clip(9, 10, 0), clip(1, -10, 0), clip(1, 4_000, 0), clip(1, 10, .nan),
            clip(1, 10, .infinity),
        ] {
            let bytes = try faulty("h264.mp4", "say", saying: [question(10, 10), lie])
            let reason = reason {
                _ = try decoders.video(bytes.span.bytes, format: .mp4, maxFrames: 8) { $0 }
            }
            #expect(reason == "its decoder gives an answer that makes no sense", "\(lie)")
        }
    }
}
