import CastorNumerics
import Checkpoints
import Encoder
import FoundationEssentials
import TestSupport
import Testing

/// Configurations of pictures that nobody's import wrote, and image processors that cannot be followed.
@Suite struct ImageSpecTests {
    private static func spec(_ change: (inout ImageSpec) -> Void = { _ in }) -> ModelSpec {
        var spec = ModelSpec(
            name: "a", family: "b", maxTokens: 8_192, outputDimensions: 8, sequence: SequenceSpec())
        var image = ImageSpec(
            pixels: PixelSpec(
                sizing: .fixed(width: 32, height: 24), mean: [0, 0.5, 0], deviation: [1, 1, 0.5]), patchSize: 8,
            order: .channelsFirst, stack: StackSpec(width: 8, layers: []))
        image.classToken = true
        image.positions = .tokens
        image.vector = VectorSpec(.first)
        change(&image)
        spec.image = image
        return spec
    }

    @Test func whatIsWrittenIsRead() throws {
        let spec = Self.spec {
            $0.vector = VectorSpec(.attention)
            $0.vector?.attention = AttentionPoolSpec(
                heads: 2, norm: .layer(epsilon: 1e-6), hidden: 4, activation: .geluTanh)
        }
        #expect(try ModelSpec(json: spec.json) == spec)
        let cropped = Self.spec {
            $0.pixels.sizing = .cropped(shortestSide: 40, width: 32, height: 24)
            $0.positions = .grid(columns: 7, rows: 9)
            $0.pixels.rounding = .pillow
        }
        #expect(try ModelSpec(json: cropped.json) == cropped)
        var text = Self.spec()
        text.text = TextSpec(vocabularySize: 9, width: 8)
        text.text?.vector = VectorSpec(.end)
        text.text?.vector?.endID = 8
        text.text?.padding = PaddingSpec(length: 4, id: 1, isLeft: true)
        #expect(try ModelSpec(json: text.json) == text)
    }

    private static let wrong: [(message: String, change: @Sendable (inout ImageSpec) -> Void)] = [
        ("patch_size: 0 is outside", { $0.patchSize = 0 }),
        ("patch_size: 1000000 is outside", { $0.patchSize = 1_000_000 }),
        ("cell_size: 0 is outside", { $0.cellSize = 0 }),
        ("fixed: 0 is outside", { $0.pixels.sizing = .fixed(width: 0, height: 8) }),
        ("fixed: 7 pixels are no whole cells", { $0.pixels.sizing = .fixed(width: 7, height: 8) }),
        ("patches of a picture: 4194304 is outside", { $0.pixels.sizing = .fixed(width: 16_384, height: 16_384) }),
        ("more than the shortest side", { $0.pixels.sizing = .cropped(shortestSide: 31, width: 32, height: 24) }),
        ("deviation: 0.0 is outside", { $0.pixels.deviation[1] = 0 }),
        ("deviation: has 2 values", { $0.pixels.deviation = [1, 1] }),
        ("mean: 1e+300 is too large", { $0.pixels.mean[2] = 1e300 }),
        ("scale: must be a positive number", { $0.pixels.scale = -1 }),
        ("vector: is missing", { $0.vector = nil }),
        ("stand beside a vector", { $0.factor = 2 }),
        ("end is of texts alone", { $0.vector = VectorSpec(.end) }),
        ("attention: is missing", { $0.vector = VectorSpec(.attention) }),
        ("positions: 3 rows, pictures have 4 columns", { $0.positions = .columnsAndRows(3) }),
        ("positions: 100000 is outside", { $0.positions = .grid(columns: 100_000, rows: 2) }),
        (
            "a row for each token, and pictures of many sizes",
            { $0.pixels.sizing = .budget(PictureBudgets(allowed: [9], picture: 9, frame: 9)) }
        ),
        (
            "picture: 8 is not allowed",
            {
                $0.positions = nil
                $0.pixels.sizing = .budget(PictureBudgets(allowed: [9], picture: 8, frame: 9))
            }
        ),
        (
            "allowed: 100000000 is outside",
            {
                $0.positions = nil
                $0.pixels.sizing = .budget(
                    PictureBudgets(allowed: [100_000_000], picture: 100_000_000, frame: 100_000_000))
            }
        ),
        (
            "class_token: has no row and column",
            {
                let rotary = RotarySpec(base: 100, axes: .columnHalfThenRowHalf)
                let attention = AttentionSpec(heads: 1, headSize: 8, position: .rotary(rotary))
                $0.stack.layers = [LayerSpec([BranchSpec(.attention(attention))])]
            }
        ),
    ]

    @Test(arguments: wrong.indices) func valuesAreBounded(index: Int) {
        let spec = Self.spec(Self.wrong[index].change)
        let error = #expect(throws: ModelError.self) { try ModelSpec(json: spec.json) }
        #expect(error?.description.contains(Self.wrong[index].message) == true, "\(error?.description ?? "")")
    }

    // MARK: - Patches

    @Test func patchesHaveTheirOrder() throws {
        for order in [ImageSpec.Order.channelsFirst, .channelsLast] {
            let image = try #require(Self.spec { $0.order = order }.image)
            let size = image.size(width: 100, height: 3)
            #expect([size.width, size.height, size.columns, size.rows, size.tokenCount] == [32, 24, 4, 3, 13])
            let pixels = (0..<32 * 24 * 3).map { UInt8($0 % 251) }
            let picture = image.patched(pixels, size)
            // The pixel at row 9, column 18 is in the patch of row 1, column 2, there at row 1, column 2.
            let blue = Float((Double(pixels[(9 * 32 + 18) * 3 + 2]) / 255 - 0) / 0.5)
            let place = order == .channelsFirst ? 2 * 64 + 8 + 2 : (8 + 2) * 3 + 2
            #expect(picture.patches.row(6)[place] == blue)
        }
    }

    @Test func theMiddleIsCutOut() throws {
        let image = try #require(
            Self.spec { $0.pixels.sizing = .cropped(shortestSide: 40, width: 32, height: 24) }.image)
        let wide = image.size(width: 333, height: 100)
        #expect([wide.width, wide.height, wide.left, wide.top] == [133, 40, 50, 8])
        #expect([wide.seenWidth, wide.seenHeight] == [32, 24])
        let tall = image.size(width: 100, height: 333)
        #expect([tall.width, tall.height, tall.left, tall.top] == [40, 133, 4, 54])
    }

    // MARK: - Image processors

    @Test(arguments: [
        ("\"do_resize\": false", "do_resize: false is not supported"),
        ("\"resample\": 1", "resample: 1 is not supported"),
        ("\"size\": {\"shortest_edge\": 64, \"longest_edge\": 80}", "size.longest_edge: is not supported"),
        ("\"size\": {\"shortest_edge\": 0}", "size.shortest_edge: 0 is outside"),
        ("\"size\": {\"height\": 40}", "size.width: is missing"),
        ("\"crop_size\": 40, \"size\": 40", "size: makes pictures of 40 x 40, the tower has positions for 32 x 32"),
        ("\"do_center_crop\": false, \"size\": {\"shortest_edge\": 32}", "do_center_crop: false with"),
        ("\"image_std\": [0, 1, 1]", "image.pixels.deviation: 0.0 is outside"),
        ("\"image_mean\": [0, \"a\"]", "image_mean: holds \"a\", not a number"),
    ]) func whatCannotBeFollowedIsNamed(fields: String, message: String) throws {
        let error = #expect(throws: CheckpointError.self) { _ = try Self.clip(fields) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "no error")")
    }

    /// Older files have numbers for sizes, and none at all means the family's own.
    @Test(arguments: [
        ("\"size\": 32, \"crop_size\": 32", PixelSpec.Filter.bicubic, PixelSpec.Rounding.torchvision),
        ("\"size\": 32, \"resample\": 2", .bilinear, .torchvision),
        ("\"image_processor_type\": \"CLIPImageProcessorPil\"", .bicubic, .pillow),
        ("", .bicubic, .torchvision),
    ]) func olderFilesAreUnderstood(fields: String, filter: PixelSpec.Filter, rounding: PixelSpec.Rounding) throws {
        let pixels = try #require(try Self.clip(fields).spec.image).pixels
        #expect(pixels.sizing == .cropped(shortestSide: 32, width: 32, height: 32))
        #expect(pixels.filter == filter)
        #expect(pixels.rounding == rounding)
        #expect(pixels.mean == [0.48145466, 0.4578275, 0.40821073])
    }

    /// What fills texts up is the tokenizer's token, where it names one.
    @Test func textsAreFilledUpAsTheTokenizerSays() throws {
        try Folders.withTemporary { folder in
            let source = "\(Folders.fixtures)/families/siglip"
            for name in ["model.safetensors", "config.json", "preprocessor_config.json"] {
                try Folders.write(try Folders.read("\(source)/\(name)"), "\(folder)/\(name)")
            }
            let tokenizer = """
                {"added_tokens": [{"id": 3, "content": "<pad>"}],
                 "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}
                """
            try Folders.write(Array(tokenizer.utf8), "\(folder)/tokenizer.json")
            #expect(try Checkpoint(path: folder).spec.text?.padding == PaddingSpec(length: 16, id: 1, isLeft: false))
            let file = "{\"pad_token\": {\"content\": \"<pad>\"}, \"padding_side\": \"left\"}"
            try Folders.write(Array(file.utf8), "\(folder)/tokenizer_config.json")
            #expect(try Checkpoint(path: folder).spec.text?.padding == PaddingSpec(length: 16, id: 3, isLeft: true))
        }
    }

    /// The fixture's CLIP with another image processor.
    private static func clip(_ fields: String) throws -> Checkpoint {
        try Folders.withTemporary { folder in
            let source = "\(Folders.fixtures)/families/clip"
            for name in ["model.safetensors", "config.json", "tokenizer.json"] {
                try Folders.write(try Folders.read("\(source)/\(name)"), "\(folder)/\(name)")
            }
            if !fields.isEmpty { try Folders.write(Array("{\(fields)}".utf8), "\(folder)/preprocessor_config.json") }
            return try Checkpoint(path: folder)
        }
    }
}
