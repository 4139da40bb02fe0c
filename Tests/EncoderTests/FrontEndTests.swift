import CastorNumerics
import Encoder
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@Suite struct FrontEndTests {
    private static let model = try! Model(path: Folders.nano, pool: WorkerPool(threads: 1))
    private var tokenizer: Tokenizer { Self.model.tokenizer }

    static let tokenized = Golden.shared.cases.filter { $0.ids != nil }

    @Test(arguments: tokenized) func tokensEqualTheReference(item: Golden.Case) throws {
        for (part, ids) in zip(item.parts, item.ids!) {
            guard case .text(let text) = part else { continue }
            let encoded = try tokenizer.encode(text, limit: 8_192)
            #expect(encoded.ids == ids)
            #expect(!encoded.truncated)
        }
    }

    @Test func aTextIsCutAtTheLimit() throws {
        let text = String(repeating: "the cat sleeps ", count: 40)
        let whole = try tokenizer.encode(text, limit: 10_000)
        #expect(!whole.truncated && whole.ids.last == tokenizer.endID)
        for limit in [1, 2, whole.ids.count - 1] {
            let cut = try tokenizer.encode(text, limit: limit)
            #expect(cut.truncated && cut.ids == Array(whole.ids.prefix(limit)), "limit \(limit)")
        }
        #expect(try !tokenizer.encode(text, limit: whole.ids.count).truncated)
    }

    /// Names of code, and what they are read as.
    private static let identifiers = [
        ("parse_HTTPHeader", "parse HTTP Header"), ("__init__(self)", "  init  (self)"),
        ("camelCaseÉtat", "camel CaseÉtat"), ("base64Encode utf8", "base64 Encode utf8"),
        ("3D PDFs, DVDs and 4K", "3D PDFs, DVDs and 4K"), ("XMLHttpRequest", "XML Http Request"),
        ("A a aB", "A a a B"), ("snake_case_", "snake case "), ("größeÄndern", "größeÄndern"),
        ("", ""), ("_", " "), ("x", "x"),
    ]

    @Test(arguments: identifiers) func namesOfCodeAreTakenApart(name: String, words: String) throws {
        let splitting = try Tokenizer(path: "\(Folders.nano)/\(Model.tokenizerName)", splitsIdentifiers: true)
        let found = try splitting.encode(name, limit: 100)
        #expect(found.ids == (try tokenizer.encode(words, limit: 100).ids))
        #expect(try splitting.count(name, limit: 100) == found.ids.count)
        // At the limit and beyond what is read at first.
        let long = Array(repeating: name, count: 2_000).joined(separator: " ")
        let longWords = Array(repeating: words, count: 2_000).joined(separator: " ")
        #expect(try splitting.encode(long, limit: 50).ids == tokenizer.encode(longWords, limit: 50).ids)
    }

    /// As a model's configuration asks for it.
    @Test func aModelMaySplitIdentifiers() throws {
        try Folders.withNanoCopy { folder in
            var configuration = try Model.configuration(path: folder)
            for splits in [nil, false, true] {
                configuration.text.splitIdentifiers = splits
                try Folders.write([UInt8](JSONEncoder().encode(configuration)), "\(folder)/\(Model.configurationName)")
                let model = try Model(path: folder, pool: WorkerPool(threads: 1))
                let expected = splits == true ? "red Car" : "redCar"
                #expect(try model.tokenizer.encode("redCar", limit: 9).ids == tokenizer.encode(expected, limit: 9).ids)
            }
        }
    }

    /// One character of this ligature becomes eighteen: there can be more tokens than bytes.
    @Test func normalisationMayMakeATextLonger() throws {
        let (ids, truncated) = try tokenizer.encode("\u{fdfa}", limit: 8_192)
        #expect(!truncated && ids.count > 10 && ids.last == tokenizer.endID)
    }

    /// Sixty megabytes take no longer than what fills the context.
    @Test func aHugeTextIsCutBeforeItIsTokenised() throws {
        let (ids, truncated) = try tokenizer.encode(String(repeating: "é", count: 30_000_000), limit: 64)
        #expect(truncated && ids.count == 64)
    }

    /// Dropped characters count nothing, however many there are, wherever they stand: more of them than are read at first end in the ids of the
    /// text without them.
    @Test(arguments: [" ", "\n", "\u{200b}", "\u{1}", " \u{200b}\n\u{3000}", "\u{200b}\u{1}"], [1, 2, 8, 300])
    func droppedCharactersCountNothing(dropped: String, limit: Int) throws {
        let many = String(repeating: dropped, count: 70_000)
        for (long, short) in [
            ("\(many)x", "x"), ("x\(many)", "x"), (many, ""), ("a\(many)b", "a\(dropped)b"),
            ("\(many)a b\(many)c", "a b\(dropped)c"),
            ("cat\(many)\u{301}\(many)", "cat\(dropped)\u{301}"),
        ] {
            let (found, expected) = (
                try tokenizer.encode(long, limit: limit), try tokenizer.encode(short, limit: limit)
            )
            #expect(found.ids == expected.ids && found.truncated == expected.truncated, "\(short.debugDescription)")
        }
    }

    /// What stands between is found again, however the windows of the reading fall.
    @Test func wordsFarApartAreReadAsIfTheyWereNear() throws {
        for distance in stride(from: 1_000, through: 1_060, by: 7) {
            let gap = String(repeating: " ", count: distance)
            let words = ["the", "кот", "猫", "e\u{301}", "42", "x"]
            let (long, short) = (words.joined(separator: gap), words.joined(separator: " "))
            let (found, expected) = (
                try tokenizer.encode(gap + long, limit: 40), try tokenizer.encode(short, limit: 40)
            )
            #expect(found.ids == expected.ids && !found.truncated)
        }
    }

    /// However few words there are in however much that is dropped: all of them are read.
    @Test(arguments: [200, 257, 3_000]) func fewWordsInMuchThatIsDropped(distance: Int) throws {
        let gap = String(repeating: "\u{200b}", count: distance / 2) + String(repeating: " ", count: distance)
        let words = (0..<300).map { ["the", "cat", "42", "猫"][$0 % 4] }
        let short = try tokenizer.encode(words.joined(separator: " "), limit: 2_000)
        for limit in [2_000, short.ids.count, short.ids.count - 1] {
            let found = try tokenizer.encode(gap + words.joined(separator: gap) + gap, limit: limit)
            #expect(found.ids == Array(short.ids.prefix(limit)) && found.truncated == (limit < short.ids.count))
        }
    }

    /// Stripes have edges across them only, a flat picture none, and a place is told by its corner alone.
    @Test func edgesAreAcrossStripes() {
        let (side, orientations) = (8, 4)
        let features = PatchFeatures(patchSize: side, positionWaves: 2, orientations: orientations)
        let grid = ImageGrid(width: 1, height: 1, maxPatches: 4)
        let first = 3 * side * side + 3
        func edges(_ value: (_ x: Int, _ y: Int) -> Float) -> [[Float]] {
            let pixels = (0..<16 * 16).flatMap { Array(repeating: value($0 % 16, $0 / 16), count: 3) }
            let patches = features(pixels, grid: grid)
            #expect(patches.rows == 4 && patches.columns == features.count)
            return (0..<4).map { patch in (first..<features.count).map { patches.row(patch)[$0] } }
        }
        #expect(edges { _, _ in 77 }.allSatisfy { $0.allSatisfy { $0 == 0 } })
        for patch in edges({ x, _ in x / 2 % 2 == 0 ? 0 : 255 }) {
            for quarter in 0..<4 {
                let found = patch[quarter * orientations..<(quarter + 1) * orientations].map { $0 }
                // cos^4 of 0, 45, 90 and 135 degrees.
                #expect(found[0] > 0.5 && abs(found[1] - found[0] / 4) < 1e-5 && abs(found[3] - found[0] / 4) < 1e-5)
                #expect(abs(found[2]) < 1e-5)
            }
        }
        for patch in edges({ _, y in y / 2 % 2 == 0 ? 0 : 255 }) {
            #expect(patch[2] > 0.5 && abs(patch[0]) < 1e-5)
        }
        // Half as bright is nearly the same: a patch's edges are divided by their length.
        let (dark, bright) = (edges { x, _ in Float(x % 4) * 20 }, edges { x, _ in Float(x % 4) * 40 })
        #expect(abs(dark[0][0] - bright[0][0]) < 0.2 * bright[0][0])
    }

    @Test func aPlaceIsWhereThePatchLies() {
        let grid = ImageGrid(width: 3, height: 2, maxPatches: 6)
        #expect(grid.rows == 2 && grid.columns == 3)
        let features = PatchFeatures(patchSize: 2, positionWaves: 2)
        let patches = features([Float](repeating: 0, count: 4 * 6 * 3), grid: grid)
        for row in 0..<2 {
            for column in 0..<3 {
                let across = [0.8660254, 0, -0.8660254][column]  // cos of 30, 90 and 150 degrees
                let down = [0.70710678, -0.70710678][row]  // cos of 45 and 135 degrees
                for (index, expected) in [across, down, down * across].enumerated() {
                    let found = Double(patches.row(row * 3 + column)[12 + index])
                    #expect(abs(found - expected) < 1e-6, "patch \(row), \(column): value \(index)")
                }
            }
        }
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

    /// Against docs/model.md section 4 as it is written there, in double precision.
    @Test(arguments: [(400, 512), (16, 16), (17, 17), (25, 32), (64, 100)]) func logMelOfAnyWindowIsThatOfTheFormula(
        window: Int, transform: Int
    ) {
        var audio = Self.model.configuration.audio
        (audio.windowLength, audio.fftLength, audio.hopLength, audio.melBands) = (window, transform, window / 2, 6)
        var random = SeededRandom(seed: UInt64(window))
        let samples = (0..<20 * window + 3).map { _ in Float.random(in: -1...1, using: &random) }
        let frames = LogMel(audio).frameCount(sampleCount: samples.count)
        func mel(_ hertz: Double) -> Double { 2_595 * log10(1 + hertz / 700) }
        let step = mel(Double(audio.sampleRate) / 2) / 7
        let corners = (0...7).map { 700 * (pow(10, step * Double($0) / 2_595) - 1) }
        var expected: [Double] = []
        for frame in 0..<frames {
            let powers = (0...transform / 2).map { bin -> Double in
                var (real, imaginary) = (0.0, 0.0)
                for i in 0..<window where frame * (window / 2) + i < samples.count {
                    let hann = 0.5 - 0.5 * cos(2 * .pi * Double(i) / Double(window))
                    let value = hann * Double(samples[frame * (window / 2) + i])
                    let angle = 2 * .pi * Double(bin * i) / Double(transform)
                    real += value * cos(angle)
                    imaginary -= value * sin(angle)
                }
                return real * real + imaginary * imaginary
            }
            for band in 0..<6 {
                let sum = powers.enumerated().reduce(0.0) { sum, power in
                    let hertz = Double(power.offset * audio.sampleRate) / Double(transform)
                    let rise = (hertz - corners[band]) / (corners[band + 1] - corners[band])
                    let fall = (corners[band + 2] - hertz) / (corners[band + 2] - corners[band + 1])
                    return sum + power.element * max(0, min(rise, fall))
                }
                expected.append(log10(max(sum, 1e-10)))
            }
        }
        let least = expected.max()! - 8
        expectClose(
            LogMel(audio)(samples).values, expected.map { Float((max($0, least) + 4) / 4) }, .logMel,
            "\(window) of \(transform)")
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
