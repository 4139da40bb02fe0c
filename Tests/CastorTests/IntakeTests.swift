import Castor
import CastorNumerics
import Encoder
import Glibc
import Media
import Synchronization
import TestSupport
import Testing

/// What a content may cost: what is decoded, what is judged before, and what is counted without.
@Suite struct IntakeTests {
    private static let configuration = try! Model.configuration(path: Folders.nano)
    private static let embedder = try! Embedder(modelPath: Folders.nano)

    private static func preparation(_ configure: (inout Limits) -> Void = { _ in }) throws -> Preparation {
        var limits = Limits()
        configure(&limits)
        return Preparation(
            configuration: configuration, tokenizer: try Tokenizer(path: "\(Folders.nano)/\(Model.tokenizerName)"),
            logMel: LogMel(configuration.audio), limits: limits)
    }

    /// Four million ids' room was made, and cleared, for each.
    @Test func countingAShortTextTakesNoRoomForALongOne() throws {
        func touchedPages() -> Int {
            var usage = rusage()
            // RUSAGE_THREAD
            getrusage(__rusage_who_t(1), &usage)
            return Int(usage.ru_minflt)
        }
        _ = try Self.embedder.countTokens(Content("warm"))
        let before = touchedPages()
        for _ in 0..<20 { #expect(try Self.embedder.countTokens(Content("a")).promptTokenCount == 2) }
        #expect(touchedPages() - before < 2_000)
    }

    private static func media(_ name: String) throws -> Part {
        .data(try Folders.read("\(Folders.fixtures)/media/\(name)"), mimeType: nil)
    }

    /// Of 8-bit samples, 8,000 a second.
    private static func wave(seconds: Int) -> Part {
        func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 0xff) } }
        let data = [UInt8](repeating: 128, count: 8_000 * seconds)
        let form = little(1, 2) + little(1, 2) + little(8_000, 4) + little(8_000, 4) + little(1, 2) + little(8, 2)
        let content =
            Array("WAVEfmt ".utf8) + little(form.count, 4) + form + Array("data".utf8) + little(data.count, 4) + data
        return .data(Array("RIFF".utf8) + little(content.count, 4) + content, mimeType: "audio/wav")
    }

    /// Cut where the pixels begin, behind a header that is whole.
    private static func withoutPixels(_ png: [UInt8]) -> [UInt8] {
        let start = png.indices.first { png[$0...].starts(with: "IDAT".utf8) }!
        return Array(png[..<(start + 6)])
    }

    /// Notes what is decoded.
    private final class Watch: PreparationHooks {
        let decoded = Mutex<[String]>([])
        let places = Mutex<[Int]>([])
        /// What each sound is taken for, in samples.
        let samples: Int?
        let onDecoding: @Sendable () -> Void

        init(samples: Int? = nil, onDecoding: @escaping @Sendable () -> Void = {}) {
            self.samples = samples
            self.onDecoding = onDecoding
        }

        func segments(
            _ bytes: ByteSource, _ request: MediaRequest, _ make: () throws(MediaError) -> [EncoderInput.Segment]
        ) throws(MediaError) -> [EncoderInput.Segment] {
            let name =
                switch request {
                case .image: "image"
                case .video: "video"
                case .document: "document"
                }
            note(name, bytes)
            return try make()
        }

        func sound(
            _ bytes: ByteSource, _ make: () throws(MediaError) -> PreparedSound
        ) throws(MediaError) -> PreparedSound {
            note("audio", bytes)
            return try make()
        }

        private func note(_ name: String, _ bytes: ByteSource) {
            decoded.withLock { $0.append(name) }
            let place = bytes.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
            places.withLock { $0.append(place) }
            onDecoding()
        }

        func clip(
            _ bytes: ByteSource, _ decode: () throws(MediaError) -> AudioClip
        ) throws(MediaError) -> AudioClip {
            guard let samples else { return try decode() }
            return AudioClip(samples: Array(repeating: 0, count: samples))
        }
    }

    private static let long = Part.text(String(repeating: "word ", count: 9_000))

    // MARK: - Room

    @Test func whatFindsNoRoomIsCountedAndNotDecoded() throws {
        let names = ["rgb.png", "chirp-8k.wav", "clip.mp4", "two-pages.pdf", "music.mp3"]
        let media = try names.map(Self.media)
        let watch = Watch()
        let prepared = try Self.preparation()(Content([Self.long] + media), EmbedOptions(), hooks: watch)
        #expect(watch.decoded.withLock { $0 } == [])
        #expect(prepared.truncated && prepared.tokenCount == Self.configuration.maxTokens)
        // As where each has all the room.
        var usage = try Self.embedder.embed([Self.long]).usage
        for part in media { usage = usage + (try Self.embedder.embed([part])).usage }
        #expect(prepared.usage == usage)
        // In front, there is room for all of them.
        let first = Watch()
        let whole = try Self.preparation()(Content(media + [Self.long]), EmbedOptions(), hooks: first)
        #expect(first.decoded.withLock { $0 } == ["image", "audio", "video", "document", "audio"])
        #expect(whole.usage == usage && whole.truncated)
    }

    @Test func aPartWithoutRoomIsStillJudgedByItsHeader() throws {
        let png = try Folders.read("\(Folders.fixtures)/media/rgb.png")
        let preparation = try Self.preparation()
        let cut = Part.data(Self.withoutPixels(png), mimeType: "image/png")
        #expect(throws: EmbedError.self) { try preparation(Content([cut]), EmbedOptions()) }
        #expect(try preparation(Content([Self.long, cut]), EmbedOptions()).truncated)
        let headless = Part.data(Array(png[..<20]), mimeType: "image/png")
        #expect(throws: EmbedError.self) { try preparation(Content([Self.long, headless]), EmbedOptions()) }
        #expect(throws: EmbedError.tooManyImages(count: 7, limit: 6)) {
            try preparation(Content([Self.long] + Array(repeating: cut, count: 7)), EmbedOptions())
        }
    }

    @Test func withoutTruncationTheErrorComesEarly() throws {
        let watch = Watch()
        var options = EmbedOptions()
        options.autoTruncate = false
        #expect(throws: EmbedError.tooManyTokens(limit: 8_192)) {
            try Self.preparation()(Content([Self.long, try Self.media("rgb.png")]), options, hooks: watch)
        }
        #expect(watch.decoded.withLock { $0 } == [])
    }

    /// A text beyond the context costs four contexts at most, however many follow.
    @Test func textsBeyondTheContextAreCountedUpToABound() throws {
        let preparation = try Self.preparation()
        for (count, contexts) in [(1, 1), (2, 2), (4, 4), (9, 4)] {
            let prepared = try preparation(Content(Array(repeating: Self.long, count: count)), EmbedOptions())
            #expect(prepared.usage.promptTokenCount == contexts * 8_192 && prepared.tokenCount == 8_192)
            #expect(prepared.byteCount < 8_192 * 4 + 1_000)
        }
    }

    // MARK: - Sounds, texts, memory

    @Test func soundsThatAreTooLongTogetherAreNotDecoded() throws {
        let watch = Watch()
        #expect(throws: EmbedError.tooMuchSound(seconds: 199.999875, limit: 180)) {
            try Self.preparation()(
                Content(Array(repeating: Self.wave(seconds: 100), count: 3)), EmbedOptions(), hooks: watch)
        }
        #expect(watch.decoded.withLock { $0 } == [])
        #expect(throws: EmbedError.tooManySounds(count: 101, limit: 100)) {
            try Self.preparation()(
                Content(Array(repeating: Self.wave(seconds: 1), count: 101)), EmbedOptions(), hooks: watch)
        }
        #expect(watch.decoded.withLock { $0 } == [])
        #expect(try !Self.embedder.embed(Content(Array(repeating: Self.wave(seconds: 90), count: 2))).truncated)
    }

    /// Headers promise little, and much comes out.
    @Test func decodedSoundsAreBoundedTogether() throws {
        let watch = Watch(samples: 70 * AudioClip.sampleRate)
        #expect(throws: EmbedError.tooMuchSound(seconds: 210, limit: 180)) {
            try Self.preparation()(
                Content(Array(repeating: Self.wave(seconds: 1), count: 50)), EmbedOptions(), hooks: watch)
        }
        #expect(watch.decoded.withLock { $0 }.count == 3)
    }

    @Test func textsAndMemoryAreBounded() throws {
        let small = try Self.preparation { $0.maxTextBytes = 10 }
        _ = try small(["12345", "67890"], EmbedOptions())
        for content: Content in [["12345678901"], ["123456", .data(Array("78901".utf8), mimeType: "text/plain")]] {
            #expect(throws: EmbedError.tooMuchText(limit: 10)) { try small(content, EmbedOptions()) }
            #expect(throws: EmbedError.tooMuchText(limit: 10)) { try small.count(content, .none) }
        }
        let tight = try Self.preparation { $0.maxPreparedBytes = 4_000 }
        _ = try tight(["a word"], EmbedOptions())
        #expect(throws: EmbedError.tooMuchMemory(limit: 4_000)) {
            try tight(Content([try Self.media("rgb.png")]), EmbedOptions())
        }
    }

    // MARK: - Bytes

    /// A file that many parts name is one array.
    @Test func aFileIsReadOnce() throws {
        var options = EmbedOptions()
        options.files = .relative(to: "\(Folders.fixtures)/media")
        let watch = Watch()
        _ = try Self.preparation()(
            Content(Array(repeating: .file("rgb.png"), count: 6)), options, hooks: watch)
        let places = watch.places.withLock { Set($0) }
        #expect(places.count == 1)
    }

    @Test func bytesOfAnOwnerAreUsedWhereTheyAre() throws {
        final class Owner: Sendable {
            let bytes: [UInt8]
            init(_ bytes: [UInt8]) { self.bytes = bytes }
        }
        let owner = Owner(try Folders.read("\(Folders.fixtures)/media/rgb.png"))
        try owner.bytes.withUnsafeBytes { region in
            let source = ByteSource(region, owner: owner)
            #expect(source == ByteSource(owner.bytes) && source.array == owner.bytes && source.count == region.count)
            #expect(source != ByteSource(Array(owner.bytes.dropLast())))
            let watch = Watch()
            _ = try Self.preparation()(
                [.data(source, mimeType: nil), .data(source, mimeType: nil)], EmbedOptions(), hooks: watch)
            #expect(watch.places.withLock { $0 } == Array(repeating: Int(bitPattern: region.baseAddress), count: 2))
        }
    }

    // MARK: - Counting

    @Test func countingAgreesWithEmbeddingAndHasItsLimits() throws {
        let preparation = try Self.preparation()
        for name in [
            "rgb.png", "scene.jpg", "scene.heic", "chirp-8k.wav", "chirp-48k-24bit.wav", "tone-44k.aiff", "short.wav",
            "music-44k.flac", "long.flac", "music.mp3", "music.m4a", "music.ogg", "clip.mp4", "fast.webm",
            "two-pages.pdf",
        ] {
            let content = Content([try Self.media(name)])
            #expect(try preparation.count(content, .none) == Self.embedder.embed(content).usage, "\(name)")
        }
        let picture = try Self.media("rgb.png")
        #expect(throws: EmbedError.tooManyImages(count: 7, limit: 6)) {
            try preparation.count(Content(Array(repeating: picture, count: 7)), .none)
        }
        let document = try Self.media("two-pages.pdf")
        #expect(throws: EmbedError.tooManyDocuments(count: 2, limit: 1)) {
            try preparation.count([document, document], .none)
        }
        #expect(throws: EmbedError.tooMuchSound(seconds: 199.999875, limit: 180)) {
            try preparation.count([Self.wave(seconds: 100), Self.wave(seconds: 100)], .none)
        }
        // By its header alone.
        let png = try Folders.read("\(Folders.fixtures)/media/rgb.png")
        let cut = Content([.data(Self.withoutPixels(png), mimeType: nil)])
        #expect(try preparation.count(cut, .none).promptTokenCount == 258)
    }

    /// Pieces are cut at spaces, where no word goes on.
    @Test func aLongTextIsCountedByPieces() throws {
        let tokenizer = try Tokenizer(path: "\(Folders.nano)/\(Model.tokenizerName)")
        let words = ["a", "sleepy", "kitten", "Ärger", "naïve", "1,234", "日本"]
        var random = SeededRandom(seed: 1)
        let text = (0..<120_000).map { _ in words[Int(random.next() % UInt64(words.count))] }.joined(separator: " ")
        #expect(text.utf8.count > 2 * 256 << 10)
        let all = try tokenizer.encode(text, limit: 1 << 22).ids.count
        #expect(try tokenizer.count(text, limit: 1 << 22) == all)
        #expect(try tokenizer.count(text, limit: 100) == 100)
        let asked = Mutex(0)
        _ = try tokenizer.count(text, limit: 1 << 22) {
            asked.withLock { $0 += 1 }
            return true
        }
        #expect(asked.withLock { $0 } == 1)
    }

    // MARK: - Cancellation

    @Test func aCancelledContentIsLeftWhereItIs() throws {
        let cancellation = Cancellation()
        let media = try ["rgb.png", "chirp-8k.wav", "clip.mp4", "two-pages.pdf"].map(Self.media)
        let watch = Watch { cancellation.cancel() }
        #expect(throws: EmbedError.cancelled) {
            try Self.preparation()(Content(media), EmbedOptions(), hooks: watch, cancellation: cancellation)
        }
        #expect(watch.decoded.withLock { $0 } == ["image"])
        for part in media + [Self.long] {
            #expect(throws: EmbedError.cancelled) {
                try Self.preparation()(Content([part]), EmbedOptions(), cancellation: cancellation)
            }
            #expect(throws: EmbedError.cancelled) {
                try Self.preparation().count(Content([part]), .none, cancellation: cancellation)
            }
        }
    }
}
