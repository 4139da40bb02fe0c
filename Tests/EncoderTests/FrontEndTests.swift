import CastorNumerics
import Encoder
import TestSupport
import Testing

@Suite struct FrontEndTests {
    private static let model = try! Model(path: Folders.nano, pool: WorkerPool(threads: 1))
    private var tokenizer: Tokenizer { Self.model.tokenizer }

    static let tokenized = Golden.shared.cases.filter { $0.ids != nil }

    @Test(arguments: tokenized) func tokensEqualTheReference(item: Golden.Case) {
        for (part, ids) in zip(item.parts, item.ids!) {
            guard case .text(let text) = part else { continue }
            let encoded = tokenizer.encode(text, limit: 8_192)
            #expect(encoded.ids == ids)
            #expect(!encoded.truncated)
        }
    }

    @Test func aTextIsCutAtTheLimit() {
        let text = String(repeating: "the cat sleeps ", count: 40)
        let whole = tokenizer.encode(text, limit: 10_000)
        #expect(!whole.truncated && whole.ids.last == tokenizer.endID)
        for limit in [1, 2, whole.ids.count - 1] {
            let cut = tokenizer.encode(text, limit: limit)
            #expect(cut.truncated && cut.ids == Array(whole.ids.prefix(limit)), "limit \(limit)")
        }
        #expect(!tokenizer.encode(text, limit: whole.ids.count).truncated)
    }

    /// One character of this ligature becomes eighteen: there can be more tokens than bytes.
    @Test func normalisationMayMakeATextLonger() {
        let (ids, truncated) = tokenizer.encode("\u{fdfa}", limit: 8_192)
        #expect(!truncated && ids.count > 10 && ids.last == tokenizer.endID)
    }

    /// Sixty megabytes take no longer than what fills the context.
    @Test func aHugeTextIsCutBeforeItIsTokenised() {
        let (ids, truncated) = tokenizer.encode(String(repeating: "é", count: 30_000_000), limit: 64)
        #expect(truncated && ids.count == 64)
    }

    @Test func gridsKeepProportionsWithinTheBudget() {
        #expect(ImageGrid(width: 160, height: 160, maxPatches: 100) == ImageGrid(width: 1, height: 1, maxPatches: 100))
        let wide = ImageGrid(width: 10_000, height: 10, maxPatches: 64)
        #expect(wide.rows == 1 && wide.columns == 64)
        let tall = ImageGrid(width: 10, height: 10_000, maxPatches: 64)
        #expect(tall.rows == 64 && tall.columns == 1)
        var random = SeededRandom(seed: 9)
        for _ in 0..<10_000 {
            let (width, height) = (
                Int.random(in: 1...16_384, using: &random), Int.random(in: 1...16_384, using: &random)
            )
            let maxPatches = Int.random(in: 1...300, using: &random)
            let grid = ImageGrid(width: width, height: height, maxPatches: maxPatches)
            #expect(grid.rows >= 1 && grid.columns >= 1 && grid.rows * grid.columns <= maxPatches)
        }
    }

    static let spectrograms = ["audio-noise-16k.wav", "audio-one-sample.wav", "audio-short.wav"]

    @Test(arguments: spectrograms) func logMelEqualsTheReference(id: String) throws {
        // 16-bit mono at 16 kHz: the samples follow a header of 44 bytes.
        let bytes = try Folders.read("\(Folders.fixtures)/media/\(id.dropFirst(6))").dropFirst(44)
        let samples = stride(from: bytes.startIndex, to: bytes.endIndex - 1, by: 2).map {
            Float(Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8)) / 32_768
        }
        let mel = LogMel(Self.model.configuration.audio)(samples)
        expectClose(mel.values, try #require(Golden.shared.floats("\(id).logmel")), .logMel, id)
    }

    @Test func framesCoverAllSamples() {
        let logMel = LogMel(Self.model.configuration.audio)
        for (samples, frames) in [(0, 8), (1, 8), (400, 8), (401, 8), (1_520, 8), (1_521, 16), (16_000, 104)] {
            #expect(logMel.frameCount(sampleCount: samples) == frames, "\(samples) samples")
        }
        let silence = logMel([Float](repeating: 0, count: 5_000)).values
        #expect(silence.allSatisfy { $0 == -1.5 })
    }

    @Test func truncationCutsTheLastParts() {
        let patches = Matrix(rows: 6, columns: 768)
        let grid = ImageGrid(width: 3, height: 2, maxPatches: 6)
        let parts: [EncoderInput.Segment] = [.text([5, 6, 2]), .image(patches: patches, grid: grid), .text([7, 2])]
        for limit in 1...12 {
            var input = EncoderInput(parts)
            #expect(input.truncate(to: limit) == (limit < 11))
            #expect(input.tokenCount == min(limit, 11))
            #expect(input.segments.count == (limit <= 3 ? 1 : limit <= 9 ? 2 : 3))
        }
    }

    /// Frames that keep no token are dropped with their times; the last one that keeps some may keep only a few.
    @Test func truncationCutsFramesAndPages() {
        let grid = ImageGrid(width: 3, height: 2, maxPatches: 6)
        let frames = PooledPictures(patches: Matrix(rows: 30, columns: 768), grid: grid, pooledSide: 2)
        let page = PooledPictures(patches: Matrix(rows: 6, columns: 768), grid: grid, pooledSide: 8)
        #expect(frames.tokenCount == 20 && page.tokenCount == 6)
        for limit in 1...28 {
            var input = EncoderInput([.video(frames: frames, times: [0, 1, 2, 3, 4]), .page(page), .pageText([7, 2])])
            #expect(input.truncate(to: limit) == (limit < 28))
            #expect(input.tokenCount == min(limit, 28))
            guard case .video(let kept, let times) = input.segments[0] else { fatalError() }
            #expect(kept.pictureCount == min(5, (limit + 3) / 4) && times.count == kept.pictureCount)
        }
    }
}
