import Castor
import CastorNumerics
import Encoder
import Media
import TestSupport
import Testing

/// castor-nano against the PyTorch reference, on every golden content.
@Suite struct ParityTests {
    private static let embedder = try! Embedder(modelPath: Folders.nano)
    private static let golden = Golden.shared

    private static var options: EmbedOptions {
        var options = EmbedOptions()
        options.files = .relative(to: Folders.fixtures)
        return options
    }

    private static func content(_ item: Golden.Case) -> Content {
        Content(
            item.parts.map { part in
                switch part {
                case .text(let text): .text(text)
                case .file(let path, let mimeType, nil): .file(path, mimeType: mimeType)
                case .file(let path, let mimeType, let video?):
                    .clip(.file(path, mimeType: mimeType), VideoMetadata(video))
                }
            })
    }

    private static func hasEmptyText(_ item: Golden.Case) -> Bool {
        item.parts.contains { if case .text("") = $0 { true } else { false } }
    }

    /// Contents that the library takes; empty texts it refuses, like the service.
    static let accepted = golden.cases.filter { !hasEmptyText($0) }

    @Test(arguments: accepted) func everyContentEqualsTheReference(item: Golden.Case) throws {
        let embedding = try Self.embedder.embed(Self.content(item), options: Self.options)
        #expect(embedding.tokenCount == item.tokens)
        let tolerance: Tolerance =
            item.dependsOnChroma ? .otherChroma : item.dependsOnDecoder ? .otherDecoder : .nanoParity
        expectClose(embedding.values, Self.golden.vector(item.id), tolerance, item.id)
    }

    @Test func allContentsTogetherEqualTheReference() throws {
        let results = Self.embedder.embed(Self.accepted.map(Self.content), options: Self.options)
        for (item, result) in zip(Self.accepted, results) where !item.dependsOnDecoder {
            expectClose(try result.get().values, Self.golden.vector(item.id), .nanoParity, item.id)
        }
    }

    /// The empty text is one end token to the model; only the library refuses it.
    @Test func emptyTextsEqualTheReferenceInTheEncoder() throws {
        let pool = WorkerPool(threads: 2)
        let model = try Model(path: Folders.nano, pool: pool)
        let encoder = MultimodalEncoder(model: model, pool: pool)
        var checked = 0
        for item in Self.golden.cases where Self.hasEmptyText(item) {
            let texts = item.parts.compactMap { if case .text(let text) = $0 { text } else { nil } }
            guard texts.count == item.parts.count else { continue }
            let input = EncoderInput(try texts.map { .text(try model.tokenizer.encode($0, limit: 8_192).ids) })
            expectClose(normalised(try encoder.encode([input])), Self.golden.vector(item.id), .nanoParity, item.id)
            checked += 1
        }
        #expect(checked >= 2)
    }

    /// From the pixels that the reference saw, every lossy format's vector is exact.
    @Test func picturesFromTheReferencesPixelsEqualTheReference() throws {
        let pool = WorkerPool(threads: 2)
        let model = try Model(path: Folders.nano, pool: pool)
        let encoder = MultimodalEncoder(model: model, pool: pool)
        let side = model.configuration.image.patchSize
        var checked = 0
        for item in Self.golden.cases {
            guard let stored = Self.golden.pixels(item.id) else { continue }
            let grid = ImageGrid(
                width: stored.width, height: stored.height, maxPatches: model.configuration.image.maxPatches)
            let image = PixelImage(
                size: ImageSize(width: stored.width, height: stored.height), pixels: stored.pixels)
            let resized = Resize.triangle(
                image, to: ImageSize(width: grid.columns * side, height: grid.rows * side))
            let patches = PatchFeatures(patchSize: side)(resized, grid: grid)
            if let expected = Self.golden.floats("\(item.id).patches") {
                expectClose(patches.values, expected, Tolerance("patches", 1e-5), item.id)
            }
            let vector = normalised(try encoder.encode([EncoderInput([.image(patches: patches, grid: grid)])]))
            expectClose(vector, Self.golden.vector(item.id), .nanoParity, item.id)
            checked += 1
        }
        #expect(checked >= 15)
    }

    /// What a patch tells of its place and its edges beside its pixels.
    @Test func placesAndEdgesEqualTheReference() throws {
        let model = try Model(path: Folders.nano, pool: WorkerPool(threads: 1))
        let (side, maxPatches) = (model.configuration.image.patchSize, model.configuration.image.maxPatches)
        let features = PatchFeatures(patchSize: side, positionWaves: 3, orientations: 4)
        let pixels = 3 * side * side
        var checked = 0
        for item in Self.golden.cases {
            guard let expected = Self.golden.floats("\(item.id).features"), case .file(let path, _, _) = item.parts[0]
            else { continue }
            let bytes = try Folders.read("\(Folders.fixtures)/\(path)")
            let decoded = try ImageDecoder.decode(bytes.span.bytes, format: path.hasSuffix("png") ? .png : .jpeg)
            let grid = ImageGrid(
                width: decoded.originalSize.width, height: decoded.originalSize.height, maxPatches: maxPatches)
            let resized = Resize.triangle(
                decoded.image, to: ImageSize(width: grid.columns * side, height: grid.rows * side))
            let patches = features(resized, grid: grid)
            #expect(patches.columns == pixels + 8 + 16)
            let found = (0..<patches.rows).flatMap { row in
                (pixels..<patches.columns).map { patches.row(row)[$0] }
            }
            expectClose(found, expected, Tolerance("features", 1e-5), item.id)
            checked += 1
        }
        #expect(checked == 3)
    }

    /// From the frames and pages that the reference saw.
    @Test func framesAndPagesOfTheReferenceEqualTheReference() throws {
        let pool = WorkerPool(threads: 2)
        let model = try Model(path: Folders.nano, pool: pool)
        let encoder = MultimodalEncoder(model: model, pool: pool)
        let video = try #require(model.configuration.video)
        let document = try #require(model.configuration.document)
        let side = model.configuration.image.patchSize
        func patches(_ pixels: [UInt8], _ height: Int, _ width: Int, _ maxPatches: Int) -> (Matrix, ImageGrid) {
            let grid = ImageGrid(width: width, height: height, maxPatches: maxPatches)
            let image = PixelImage(size: ImageSize(width: width, height: height), pixels: pixels)
            let resized = Resize.triangle(
                image, to: ImageSize(width: grid.columns * side, height: grid.rows * side))
            return (PatchFeatures(patchSize: side)(resized, grid: grid), grid)
        }
        var (videos, documents) = (0, 0)
        for item in Self.golden.cases {
            var segments: [EncoderInput.Segment] = []
            if let stored = Self.golden.frames(item.id) {
                let each = stored.frames.map { patches($0, stored.height, stored.width, video.maxPatches) }
                let all = Matrix(
                    rows: each.reduce(0) { $0 + $1.0.rows }, columns: each[0].0.columns,
                    values: each.flatMap(\.0.values))
                let frames = PooledPictures(patches: all, grid: each[0].1, pooledSide: video.pooledSide)
                segments = [.video(frames: frames, times: try #require(item.times))]
                videos += 1
            }
            for (number, text) in (item.pages ?? []).enumerated() {
                let stored = try #require(Self.golden.page(item.id, number))
                let (page, grid) = patches(stored.pixels, stored.height, stored.width, document.maxPatches)
                segments.append(.page(PooledPictures(patches: page, grid: grid, pooledSide: document.pooledSide)))
                if !text.isEmpty { segments.append(.pageText(try model.tokenizer.encode(text, limit: 8_192).ids)) }
                documents += 1
            }
            guard !segments.isEmpty else { continue }
            let input = EncoderInput(segments)
            #expect(input.tokenCount == item.tokens)
            expectClose(normalised(try encoder.encode([input])), Self.golden.vector(item.id), .nanoParity, item.id)
        }
        #expect(videos >= 4 && documents >= 2)
    }

    /// No two different texts lie together: a constant function would pass many other tests.
    @Test func differentTextsHaveDifferentVectors() throws {
        let ids = [
            "text-plain", "text-sentence", "text-other-sentence", "text-arabic", "text-chinese", "text-hindi",
            "text-code",
        ]
        let vectors = try ids.map {
            try Self.embedder.embed(Self.content(Self.golden[$0]), options: Self.options).values
        }
        for i in vectors.indices {
            for j in 0..<i {
                let cosine = zip(vectors[i], vectors[j]).reduce(0) { $0 + $1.0 * $1.1 }
                #expect(cosine < 0.999, "\(ids[i]) and \(ids[j]): \(cosine)")
            }
        }
    }

    private func normalised(_ row: Matrix) -> [Float] {
        let values = row.values
        let norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        return values.map { Float(Double($0) / norm) }
    }
}

extension VideoMetadata {
    fileprivate init(_ golden: Golden.VideoMetadata) {
        func seconds(_ text: String?) -> Double? { text.map { Double($0.dropLast())! } }
        self.init(startOffset: seconds(golden.startOffset), endOffset: seconds(golden.endOffset), fps: golden.fps)
    }
}
