import CastorNumerics
import Checkpoints
import Encoder
import FoundationEssentials
import TestSupport
import Testing

/// Checkpoints of random weights with a tower for sounds, and what `transformers` makes of sounds (tools/reference/make_sounds.py).
@Suite struct SoundTests {
    struct Golden: Decodable {
        struct Sound: Decodable {
            let kind: SyntheticSound
            let samples: Int
            let frames: Int
            let tokens: Int
            let before: [Int32]
            let after: [Int32]
            /// Every `melStep`-th frame.
            let mel: [[Float]]
            let melStep: Int
            /// Every `towerStep`-th token.
            let tower: [[Float]]
            let towerStep: Int
            let vector: [Double]
        }
        struct Pieces: Decodable {
            let before: [Int32]
            let samples: Int
            let tokens: [Int]
            let vector: [Double]
        }
        struct Dealt: Decodable {
            let samples: Int
            let texts: [[Int32]]
            let tokens: [Int]
            let vector: [Double]
        }

        let sounds: [Sound]
        let pieces: Pieces?
        let dealt: Dealt?

        init(_ family: String = SoundTests.gemma) throws {
            self = try JSONDecoder().decode(
                Golden.self, from: Data(try Folders.read("\(SoundTests.folder(family))/golden.json")))
        }
    }

    static let gemma = "embedding-gemma2"
    static let families = [gemma, "whisper"]

    static func folder(_ family: String) -> String { "\(Folders.fixtures)/sounds/\(family)" }

    static func withModel<Result>(
        _ family: String = gemma, threads: Int = 2, _ body: (SpecModel, AudioSpec) throws -> Result
    ) throws -> Result {
        try Folders.withTemporary { out in
            try Checkpoint(path: folder(family)).write(to: out)
            let model = try SpecModel(path: out, pool: WorkerPool(threads: threads))
            return try body(model, try #require(model.spec.audio))
        }
    }

    static func content(_ sound: Golden.Sound, _ model: SpecModel, _ audio: AudioSpec) throws -> EncoderInput {
        let frames = audio.frames(sound.kind.samples(sound.samples), Spectrogram(audio.spectrogram))
        let sounds = frames.map { EncoderInput.Segment.sound($0) }
        guard let marks = model.spec.sequence.sound else { return EncoderInput(sounds) }
        return EncoderInput([.text(sound.before + marks.begin)] + sounds + [.text(marks.end + sound.after)])
    }

    // MARK: - The spectrogram

    @Test(arguments: families) func spectrogramsEqualTheReferences(family: String) throws {
        try Self.withModel(family) { _, audio in
            let spectrogram = Spectrogram(audio.spectrogram)
            for sound in try Golden(family).sounds {
                let what = "\(sound.samples) samples of \(sound.kind)"
                let mel = try #require(spectrogram(sound.kind.samples(sound.samples)))
                #expect(mel.rows == sound.frames, "\(what)")
                #expect(audio.tokenCount(sampleCount: sound.samples) == sound.tokens, "\(what)")
                let frames = stride(from: 0, to: mel.rows, by: sound.melStep).flatMap { mel[$0..<$0 + 1].values }
                // Half a unit in the last place of the largest values.
                expectClose(frames, sound.mel.flatMap { $0 }, Tolerance("log-mel", 4.8e-7), what)
            }
        }
    }

    @Test func lengthsGiveTheReferencesCounts() throws {
        try Self.withModel { model, audio in
            let counts = [
                (0, 0), (1, 0), (160, 0), (161, 1), (320, 1), (321, 2), (5_003, 31), (8_000, 49), (16_000, 99),
                (16_001, 100), (480_000, 2_999),
            ]
            for (samples, frames) in counts {
                #expect(audio.spectrogram.frameCount(sampleCount: samples) == frames, "\(samples) samples")
                #expect(audio.tokenCount(sampleCount: samples) == (frames + 3) / 4, "\(samples) samples")
            }
            let spectrogram = Spectrogram(audio.spectrogram)
            #expect(spectrogram([Float](repeating: 0, count: 160)) == nil)
            #expect(audio.frames([], spectrogram).isEmpty)
            #expect(audio.samplesPerToken == 640)
            // What is promised beforehand is what the tower makes.
            for samples in stride(from: 161, to: 4_000, by: 97) {
                let sound = try #require(audio.frames([Float](repeating: 0.1, count: samples), spectrogram).first)
                #expect(sound.tokenCount == audio.tokenCount(sampleCount: samples), "\(samples) samples")
                let content = EncoderInput([.sound(sound)])
                _ = try model.encode([content])
                let tokens = try model.tokens(of: [sound])
                #expect(tokens.rows == sound.tokenCount, "\(samples) samples")
            }
            #expect(audio.pieces(sampleCount: 160).isEmpty)
            #expect(audio.pieces(sampleCount: 480_000) == [0..<480_000])
            #expect(audio.pieces(sampleCount: 480_160) == [0..<480_000])
            #expect(audio.pieces(sampleCount: 480_161) == [0..<480_000, 480_000..<480_161])
            #expect(audio.pieces(sampleCount: 1_000_000).count == 3)
        }
    }

    // MARK: - Tower and vectors

    @Test(arguments: families) func tokensEqualTheReferences(family: String) throws {
        try Self.withModel(family) { model, audio in
            for sound in try Golden(family).sounds {
                let frames = audio.frames(sound.kind.samples(sound.samples), Spectrogram(audio.spectrogram))
                let tokens = try model.tokens(of: frames)
                #expect(tokens.rows == sound.tokens)
                let shown = stride(from: 0, to: tokens.rows, by: sound.towerStep).flatMap { tokens[$0..<$0 + 1].values }
                let expected = sound.tower.flatMap { $0 }
                let largest = expected.map(abs).max()!
                expectClose(
                    shown.map { $0 / largest }, expected.map { $0 / largest }, .parity,
                    "\(sound.samples) samples of \(sound.kind)")
            }
        }
    }

    @Test(arguments: families) func vectorsEqualTheReferences(family: String) throws {
        try Self.withModel(family) { model, audio in
            let golden = try Golden(family)
            let vectors = golden.sounds.map(\.vector)
            let rows = FamilyTests.scaled(
                try model.encode(try golden.sounds.map { try Self.content($0, model, audio) }), like: vectors)
            for (index, sound) in golden.sounds.enumerated() {
                let largest = sound.vector.map(abs).max()!
                expectClose(
                    rows[index], sound.vector.map { Float($0 / largest) }, .parity,
                    "\(sound.samples) samples of \(sound.kind)")
            }
        }
    }

    @Test func longSoundsAreSeveral() throws {
        try Self.withModel { model, audio in
            let golden = try #require(try Golden().pieces)
            let marks = try #require(model.spec.sequence.sound)
            let samples = SyntheticSound.music.samples(golden.samples)
            let frames = audio.frames(samples, Spectrogram(audio.spectrogram))
            #expect(frames.map(\.tokenCount) == golden.tokens)
            var segments: [EncoderInput.Segment] = [.text(golden.before)]
            for frames in frames { segments += [.text(marks.begin), .sound(frames), .text(marks.end)] }
            let rows = FamilyTests.scaled(try model.encode([EncoderInput(segments)]), like: [golden.vector])
            let largest = golden.vector.map(abs).max()!
            expectClose(rows[0], golden.vector.map { Float($0 / largest) }, .parity)
        }
    }

    @Test func aSoundtrackIsDealtOut() throws {
        try Self.withModel { model, audio in
            let golden = try #require(try Golden().dealt)
            let marks = try #require(model.spec.sequence.sound)
            let whole = try #require(
                audio.frames(SyntheticSound.music.samples(golden.samples), Spectrogram(audio.spectrogram)).first)
            var segments: [EncoderInput.Segment] = []
            var first = 0
            for (text, count) in zip(golden.texts, golden.tokens) {
                let part = SoundFrames(mel: whole.mel, firstToken: first, tokenCount: count)
                segments += [.text(text + marks.begin), .sound(part), .text(marks.end)]
                first += count
            }
            #expect(first == whole.tokenCount)
            let rows = FamilyTests.scaled(try model.encode([EncoderInput(segments)]), like: [golden.vector])
            let largest = golden.vector.map(abs).max()!
            expectClose(rows[0], golden.vector.map { Float($0 / largest) }, .parity)
        }
    }

    @Test(arguments: families, [1, 3]) func companyAndThreadsChangeNothing(family: String, threads: Int) throws {
        try Self.withModel(family, threads: threads) { model, audio in
            let golden = try Golden(family).sounds.filter { $0.samples < 40_000 }
            var contents = try golden.map { try Self.content($0, model, audio) }
            if model.spec.text != nil { contents.insert(EncoderInput([.text([5, 6, 7])]), at: 1) }
            contents.append(EncoderInput(contents[2].segments + contents[3].segments))
            let vectors = try model.encode(contents)
            let together = (0..<vectors.rows).map { vectors[$0..<$0 + 1].values }
            let again = try model.encode(contents).values
            #expect(again == vectors.values)
            for (index, content) in contents.enumerated() {
                let largest = together[index].map(abs).max()!
                let alone = try model.encode([content]).values
                expectClose(
                    alone.map { $0 / largest }, together[index].map { $0 / largest }, Tolerance("company", 8e-6),
                    "content \(index)")
            }
        }
    }

    @Test func aCutSoundKeepsItsFirstTokens() throws {
        try Self.withModel { model, audio in
            let sound = try #require(
                audio.frames(SyntheticSound.music.samples(16_000), Spectrogram(audio.spectrogram)).first)
            var cut = EncoderInput([.text([4]), .sound(sound)])
            let isCut = cut.truncate(to: 11)
            #expect(isCut)
            #expect(cut.tokenCount == 11)
            let part = SoundFrames(mel: sound.mel, tokenCount: 10)
            let expected = try model.encode([EncoderInput([.text([4]), .sound(part)])]).values
            let actual = try model.encode([cut]).values
            #expect(actual == expected)
        }
    }

    // MARK: - Models of sounds alone, and without sounds

    @Test func aContentOfSoundsIsTheMeanOfTheirDirections() throws {
        try Self.withModel("whisper") { model, audio in
            #expect(model.spec.text == nil && model.spec.body == nil)
            let frames = try [SyntheticSound.music, .tone].map { kind in
                try #require(audio.frames(kind.samples(9_000), Spectrogram(audio.spectrogram)).first)
            }
            let alone = try model.encode(frames.map { EncoderInput([.sound($0)]) })
            let both = try model.encode([EncoderInput(frames.map { .sound($0) })]).values
            var mean = [Float](repeating: 0, count: both.count)
            for row in 0..<2 {
                let vector = alone[row..<row + 1].values
                let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
                for index in mean.indices { mean[index] += vector[index] / length / 2 }
            }
            expectClose(both, mean, .rounding)
        }
    }

    /// Whoever takes the filling out of the configuration pays for what a sound lasts.
    @Test func withoutFillingASoundHasItsOwnTokens() throws {
        try Self.withModel("whisper") { model, audio in
            #expect(audio.tokenCount(sampleCount: 1) == 100)
            var unfilled = audio
            unfilled.spectrogram.filledTo = nil
            #expect(unfilled.tokenCount(sampleCount: 16_000) == 50)
            #expect(unfilled.tokenCount(sampleCount: 159) == 0)
            let frames = unfilled.frames(SyntheticSound.music.samples(16_000), Spectrogram(unfilled.spectrogram))
            #expect(frames.map(\.mel.rows) == [100])
            let rows = try model.encode([EncoderInput(frames.map { .sound($0) })])
            #expect(rows.rows == 1)
        }
    }

    @Test func theTowerMayBeLeftOut() throws {
        try Folders.withTemporary { out in
            try Checkpoint(path: Self.folder(Self.gemma), without: [.audio]).write(to: out)
            let model = try SpecModel(path: out, pool: WorkerPool(threads: 1))
            #expect(model.spec.audio == nil && model.spec.sequence.sound == nil)
            #expect(!model.tensors.entries.keys.contains { $0.hasPrefix("audio.") })
            let content = [EncoderInput([.text([3, 4, 5])])]
            let text = try model.encode(content).values
            let whole = try Self.withModel(threads: 1) { model, _ in try model.encode(content).values }
            #expect(whole == text)
        }
        #expect(throws: CheckpointError.self) { try Checkpoint(path: Self.folder("whisper"), without: [.audio]) }
    }
}

/// Sounds of whole numbers, as tools/reference/make_sounds.py makes them.
enum SyntheticSound: String, Decodable {
    case music, tone, silence, faint

    func samples(_ count: Int) -> [Float] {
        var state: UInt32 = 20_261_129
        var phase = 0
        return (0..<count).map { index in
            state = state &* 1_664_525 &+ 1_013_904_223
            let noise = Int(state >> 16) - 32_768
            phase = (phase + 200 + index / 64) % 65_536
            let triangle = 2 * abs(phase - 32_768) - 32_768
            return switch self {
            case .music: Float(noise + 3 * triangle) / Float(1 << 17)
            case .tone: Float(triangle) / Float(1 << 15)
            case .silence: 0
            case .faint: Float(noise) / Float(1 << 28)
            }
        }
    }
}
