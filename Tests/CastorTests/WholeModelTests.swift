import Castor
import CastorNumerics
import Checkpoints
import Encoder
import FoundationEssentials
import Media
import TestSupport
import Testing
import Tokenizers

/// EmbeddingGemma 2 with everything, against its own processor and model (tools/reference/make_whole.py).
@Suite struct WholeModelTests {
    private enum Item: Decodable {
        case text(String)
        case file(String)
        case frames(String)

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let text = try? value.decode(String.self) {
                self = .text(text)
                return
            }
            let fields = try value.decode([String: String].self)
            self = fields["frames"].map { .frames($0) } ?? .file(fields["image"] ?? fields["audio"] ?? "")
        }
    }

    private struct Golden: Decodable {
        let parts: [Item]
        let ids: [Int32]
        let vector: [Double]

        static func all() throws -> [Golden] {
            try JSONDecoder().decode([Golden].self, from: Data(try Folders.read("\(folder)/golden.json")))
        }
    }

    private static let folder = "\(Folders.fixtures)/whole"

    private static func withModel<Result>(
        without media: Set<Modality> = [], _ body: (String) throws -> Result
    ) throws -> Result {
        try Folders.withTemporary { temporary in
            let out = "\(temporary)/model"
            try Checkpoint(path: "\(folder)/model", without: media).write(to: out)
            return try body(out)
        }
    }

    private static func media(_ name: String) throws -> Part {
        .data(try Folders.read("\(Folders.fixtures)/media/\(name)"), mimeType: nil)
    }

    private static func expect(_ vector: [Float], _ golden: Golden) {
        let largest = golden.vector.map(abs).max()!
        expectClose(
            vector.map { $0 / Float(largest) }, golden.vector.map { Float($0 / largest) }, .parity, "\(golden.parts)")
    }

    @Test func contentsHaveTheReferencesVectors() throws {
        try Self.withModel { path in
            let embedder = try Embedder(modelPath: path)
            #expect(embedder.info.media == ["text", "image", "audio", "video", "document"])
            var count = 0
            for golden in try Golden.all() {
                var parts: [Part] = []
                for item in golden.parts {
                    switch item {
                    case .text(let text): parts.append(.text(text))
                    case .file(let name): parts.append(try Self.media(name))
                    case .frames: break
                    }
                }
                guard parts.count == golden.parts.count else { continue }
                count += 1
                let embedding = try embedder.embed(Content(parts))
                #expect(embedding.tokenCount == golden.ids.count)
                Self.expect(embedding.values, golden)
            }
            #expect(count == 9)
        }
    }

    /// The frames of make_whole.py.
    private static func film() throws -> DecodedVideo {
        let frames = (0..<4).map { n in
            let pixels = (0..<60 * 80 * 3).map { index in
                let (y, x, c) = (index / 240, index / 3 % 80, index % 3)
                return UInt8((x * 3 + y * 5 + c * 53 + n * 31 + x * y / 7) % 256)
            }
            return PixelImage(size: ImageSize(width: 80, height: 60), pixels: pixels)
        }
        let wave = try Folders.read("\(Folders.fixtures)/media/chirp-16k.wav")
        let sound = try wave.span.bytes.withUnsafeBytes { bytes in
            try AudioDecoder.decode(RawSpan(_unsafeBytes: bytes), format: .wav)
        }
        return DecodedVideo(
            frames: frames, times: [0, 1, 2, 3], displaySize: ImageSize(width: 80, height: 60), sound: sound)
    }

    @Test func filmsHaveTheReferencesLayoutAndVectors() throws {
        try Self.withModel { path in
            let model = try SpecModel(path: path, pool: WorkerPool(threads: 2))
            let tokenizer = try TextTokenizer(json: Folders.read("\(path)/tokenizer.json"))
            let film = try Self.film()
            var count = 0
            for golden in try Golden.all() {
                guard case .frames(let kind)? = golden.parts.last else { continue }
                count += 1
                var options = ImportedModelOptions()
                options.timesFrames = kind == "stamped"
                let frontEnd = ImportedFrontEnd(spec: model.spec, tokenizer: tokenizer, options: options)
                var segments: [EncoderInput.Segment] = []
                if case .text(let text) = golden.parts[0] {
                    segments.append(.text(try frontEnd.ids(text, limit: 100).ids))
                }
                let shown = DecodedVideo(
                    frames: film.frames, times: film.times, displaySize: film.displaySize,
                    sound: kind == "sound" ? film.sound : nil)
                segments += try frontEnd.video(shown)
                let input = EncoderInput(frontEnd.complete(segments).segments)
                #expect(Self.layout(input) == Self.layout(golden.ids, tokenizer), "\(kind)")
                let row = try model.encode([input])
                let length = (0..<row.columns).reduce(0.0) { $0 + Double(row.row(0)[$1]) * Double(row.row(0)[$1]) }
                Self.expect((0..<row.columns).map { Float(Double(row.row(0)[$0]) / length.squareRoot()) }, golden)
            }
            #expect(count == 3)
        }
    }

    /// Frames that find no room are not decoded; what is said of the film stays.
    @Test func filmsThatFillTheContextAreCut() throws {
        try Self.withModel { path in
            let file = "\(path)/config.json"
            let configuration = String(decoding: try Folders.read(file), as: UTF8.self)
            let model = try SpecModel(path: path, pool: WorkerPool(threads: 1))
            let film = try Folders.read("\(Folders.fixtures)/media/clip.mp4")
            func embed(_ tokens: Int) throws -> Embedding {
                try Folders.write(
                    Array(
                        configuration.replacing(
                            "\"max_tokens\":\(model.spec.maxTokens)", with: "\"max_tokens\":\(tokens)"
                        ).utf8), file)
                return try Embedder(modelPath: path).embed(
                    Content([.data(film, mimeType: "video/mp4")]))
            }
            let whole = try embed(model.spec.maxTokens)
            #expect(!whole.truncated)
            let cut = try embed(whole.tokenCount / 2)
            #expect(cut.truncated && cut.usage == whole.usage && cut.values != whole.values)
        }
    }

    /// Ids, and in the places of media what they are: `-1` a picture's token, `-2` a sound's.
    private static func layout(_ input: EncoderInput) -> [Int32] {
        input.segments.flatMap { segment in
            segment.ids ?? Array(repeating: segment.modality == .image ? -1 : -2, count: segment.tokenCount)
        }
    }

    private static func layout(_ ids: [Int32], _ tokenizer: TextTokenizer) -> [Int32] {
        let pictures = ["<|image|>", "<|video|>"].map { tokenizer.id(of: $0) }
        let sound = tokenizer.id(of: "<|audio|>")
        return ids.map { pictures.contains($0) ? -1 : $0 == sound ? -2 : $0 }
    }

    @Test func towersMayBeLeftOut() throws {
        try Self.withModel(without: [.image, .audio]) { path in
            let embedder = try Embedder(modelPath: path)
            #expect(embedder.info.media == ["text", "document"])
            let golden = try Golden.all()[0]
            guard case .text(let text) = golden.parts[0] else { return }
            Self.expect(try embedder.embed(Content(text)).values, golden)
            #expect(throws: EmbedError.unsupportedByModel(part: 1, kind: "images")) {
                try embedder.embed(Content([try Self.media("rgb.png")]))
            }
        }
    }

    /// Of a film, whose sound is asked for.
    @Test func soundIsNotPassedOverInSilence() throws {
        try Self.withModel(without: [.audio]) { path in
            let embedder = try Embedder(modelPath: path)
            let film = Content([try Self.media("clip.mp4")])
            #expect(try embedder.embed(film).tokenCount > 60)
            var options = EmbedOptions()
            options.audioTrackExtraction = true
            #expect(throws: EmbedError.unsupportedByModel(part: 1, kind: "sounds")) {
                try embedder.embed(film, options: options)
            }
        }
    }

    @Test func budgetsOfPicturesAreTheModels() throws {
        try Self.withModel { path in
            var options = Embedder.Options()
            options.imported.pictureTokens = 71
            let error = #expect(throws: ModelLoadError.self) { _ = try Embedder(modelPath: path, options: options) }
            #expect(error?.description.contains("70") == true)
            options.imported.pictureTokens = 70
            let embedder = try Embedder(modelPath: path, options: options)
            #expect(try embedder.embed(Content([try Self.media("rgb.png")])).tokenCount <= 74)
        }
    }

    @Test func companyChangesNothing() throws {
        try Self.withModel { path in
            let embedder = try Embedder(modelPath: path)
            let contents: [Content] = [
                Content("a sleepy kitten"), Content([.text("before"), try Self.media("rgb.png")]),
                Content([try Self.media("chirp-16k.wav"), .text("after")]), Content("x"),
            ]
            let together = embedder.embed(contents)
            for (content, result) in zip(contents, together) {
                expectClose(
                    try embedder.embed(content).values, try result.get().values, Tolerance("company", 8e-6),
                    "\(content)")
            }
        }
    }

    /// Where each part has a vector of its own, the text of a page and what follows it have the room of one text.
    @Test func pagesOfSeparateTowersAreCutToTheirRoom() throws {
        let path = "\(Folders.fixtures)/families/clip"
        try Folders.withTemporary { temporary in
            let checkpoint = try Checkpoint(path: path)
            let tokenizer = try TextTokenizer(json: Folders.read("\(path)/tokenizer.json"))
            let frontEnd = ImportedFrontEnd(
                spec: checkpoint.spec, tokenizer: tokenizer, options: ImportedModelOptions())
            try checkpoint.write(to: "\(temporary)/model")
            let model = try SpecModel(path: "\(temporary)/model", pool: WorkerPool(threads: 1))
            let ids = [Int32](repeating: 1, count: frontEnd.maxTextTokens)
            let (segments, truncated) = frontEnd.complete([.text(ids), .text(ids)])
            #expect(truncated)
            #expect(EncoderInput(segments).tokenCount == checkpoint.spec.text?.mostIDs)
            #expect(try model.encode([EncoderInput(segments)]).rows == 1)
        }
    }
}
