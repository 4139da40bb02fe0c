import CastorNumerics
import Encoder
import FoundationEssentials
import TestSupport
import Testing

@Suite struct ConfigurationTests {
    private let valid = try! String(decoding: Folders.read("\(Folders.nano)/config.json"), as: UTF8.self)

    @Test func theFixtureIsRead() throws {
        let configuration = try Configuration(json: Data(valid.utf8))
        #expect(configuration.width == 32)
        #expect(configuration.headSize == 16)
        #expect(configuration.parameterCount == 237_728)
    }

    /// What is changed, to what, and the key that the error must name.
    static let mistakes: [(find: String, replace: String, key: String)] = [
        ("\"width\": 32", "\"width\": 0", "width"),
        ("\"width\": 32", "\"width\": -32", "width"),
        ("\"width\": 32", "\"width\": 9223372036854775807", "width"),
        ("\"width\": 32", "\"width\": 9223372036854775808", "(whole file)"),
        ("\"width\": 32", "\"width\": 32.5", "(whole file)"),
        ("\"width\": 32", "\"width\": \"32\"", "width"),
        ("\"width\": 32", "\"width\": null", "width"),
        ("\"width\": 32", "\"with\": 32", "width"),
        ("\"heads\": 2", "\"heads\": 0", "heads"),
        ("\"heads\": 2", "\"heads\": 3", "heads"),
        ("\"heads\": 2", "\"heads\": 16", "heads"),
        ("\"format\": \"castor-1\"", "\"format\": \"castor-2\"", "format"),
        ("\"norm_epsilon\": 1e-6", "\"norm_epsilon\": 0", "norm_epsilon"),
        ("\"norm_epsilon\": 1e-6", "\"norm_epsilon\": -1", "norm_epsilon"),
        ("\"max_tokens\": 8192", "\"max_tokens\": 0", "max_tokens"),
        ("[3072, 1536, 768, 512, 256, 128]", "[]", "matryoshka_dimensions"),
        ("[3072, 1536, 768, 512, 256, 128]", "[64, 128, 64]", "matryoshka_dimensions"),
        ("\"vocabulary_size\": 1000", "\"vocabulary_size\": 1", "text.vocabulary_size"),
        (
            "\"vocabulary_size\": 1000", "\"vocabulary_size\": 1000, \"bigram_rows\": -1", "text.bigram_rows"
        ),
        ("\"vocabulary_size\": 1000", "\"vocabulary_size\": 1000, \"bigram_rows\": 9", "text.bigram_width"),
        ("\"vocabulary_size\": 1000", "\"vocabulary_size\": 1000, \"mlp_width\": 0", "text.mlp_width"),
        ("\"vocabulary_size\": 1000", "\"vocabulary_size\": 1000, \"mlp_width\": 65536", "max_tokens"),
        (
            "\"vocabulary_size\": 1000", "\"vocabulary_size\": 1000, \"split_identifiers\": 1", "text.split_identifiers"
        ),
        ("\"patch_size\": 16", "\"patch_size\": 0", "image.patch_size"),
        ("\"max_patches\": 64", "\"max_patches\": 0", "image.max_patches"),
        ("\"max_patches\": 64", "\"max_patches\": 64, \"position_waves\": -1", "image.position_waves"),
        ("\"max_patches\": 64", "\"max_patches\": 64, \"position_waves\": 33", "image.position_waves"),
        ("\"max_patches\": 64", "\"max_patches\": 64, \"gradient_orientations\": 65", "image.gradient_orientations"),
        (
            "\"patch_size\": 16, \"max_patches\": 64",
            "\"patch_size\": 15, \"max_patches\": 64, \"gradient_orientations\": 4", "image.patch_size"
        ),
        ("\"sample_rate\": 16000", "\"sample_rate\": 44100", "audio.sample_rate"),
        ("\"fft_length\": 512", "\"fft_length\": 399", "audio.fft_length"),
        ("\"hop_length\": 160", "\"hop_length\": 401", "audio.hop_length"),
        ("\"mel_bands\": 80", "\"mel_bands\": -1", "audio.mel_bands"),
        ("\"max_frames\": 8", "\"max_frames\": 0", "video.max_frames"),
        ("\"time_features\": 8", "\"time_features\": 7", "video.time_features"),
        ("\"time_base\": 100", "\"time_base\": 1", "video.time_base"),
        ("\"pooled_side\": 3", "\"pooled_side\": 0", "document.pooled_side"),
        // Each number for itself is allowed; together they are gigabytes.
        (
            "\"window_length\": 400, \"hop_length\": 160, \"fft_length\": 512",
            "\"window_length\": 65536, \"hop_length\": 160, \"fft_length\": 65536", "audio.fft_length"
        ),
        (
            "\"fft_length\": 512,\n              \"mel_bands\": 80",
            "\"fft_length\": 40000, \"mel_bands\": 1024", "audio.mel_bands"
        ),
        ("\"hop_length\": 160", "\"hop_length\": 1", "audio.hop_length"),
        ("\"patch_size\": 16, \"max_patches\": 64", "\"patch_size\": 256, \"max_patches\": 65536", "image.max_patches"),
        (
            "\"max_frames\": 8, \"max_patches\": 24", "\"max_frames\": 1024, \"max_patches\": 65536",
            "video.max_patches"
        ),
        ("\"mlp_width\": 128", "\"mlp_width\": 65536", "max_tokens"),
    ]

    @Test(arguments: mistakes) func aMistakeNamesItsKey(mistake: (find: String, replace: String, key: String)) {
        #expect(valid.contains(mistake.find), "the fixture has no \(mistake.find)")
        let json = valid.replacing(mistake.find, with: mistake.replace)
        do throws(ModelError) {
            _ = try Configuration(json: Data(json.utf8))
            Issue.record("\(mistake.replace) was accepted")
        } catch {
            guard case .configuration(let key, let reason) = error else {
                Issue.record("\(mistake.replace): \(error)")
                return
            }
            #expect(key == mistake.key, "\(mistake.replace): \(reason)")
            // The parser does not say where a number stands that fits no field.
            #expect(key != "(whole file)" || reason.contains("number"), "\(reason)")
        }
    }

    /// Place and edges widen the patch embedding, and nothing else.
    @Test func featuresOfPatchesWidenTheirEmbedding() throws {
        let plain = try Configuration(json: Data(valid.utf8))
        let json = valid.replacing(
            "\"max_patches\": 64", with: "\"max_patches\": 64, \"position_waves\": 3, \"gradient_orientations\": 4")
        let wider = try Configuration(json: Data(json.utf8))
        #expect(wider.imagePatchLength == 768 + 8 + 16)
        for (a, b) in zip(plain.tensorShapes, wider.tensorShapes) {
            #expect(a.name == b.name)
            #expect(b.shape == (a.name == "image.patch_embedding.weight" ? [32, 792] : a.shape))
        }
        #expect(try Configuration(json: JSONEncoder().encode(wider)) == wider)
    }

    /// Its values are taken from the projection's, and one tensor says what pieces count.
    @Test func aLexicalPartFollowsTheProjection() throws {
        let part = "{\"widths\": [384, 768], \"weights\": [0.7, 0.3], \"share\": 0.3, \"prompts\": [[5, 6], [7]]}"
        let json = valid.replacing("\"vocabulary_size\": 1000", with: "\"vocabulary_size\": 1000, \"lexical\": \(part)")
        let configuration = try Configuration(json: Data(json.utf8))
        #expect(configuration.projectedDimensions == 3072 - 1152)
        let shapes = Dictionary(uniqueKeysWithValues: configuration.tensorShapes.map { ($0.name, $0.shape) })
        #expect(shapes["projection.weight"] == [3072 - 1152, 32] && shapes["text.lexical_rarity"] == [1000])
        #expect(try Configuration(json: JSONEncoder().encode(configuration)) == configuration)
        let values = try #require(Initialization.tensors(configuration, seed: 1).last).values
        #expect(values.values == [Float](repeating: 1, count: 1000))
    }

    @Test(arguments: [
        ("\"widths\": [384, 768]", "\"widths\": []", "text.lexical.widths"),
        ("\"widths\": [384, 768]", "\"widths\": [0, 768]", "text.lexical.widths"),
        ("\"widths\": [384, 768]", "\"widths\": [1536, 1536]", "text.lexical.widths"),
        ("\"weights\": [0.7, 0.3]", "\"weights\": [1]", "text.lexical.weights"),
        ("\"weights\": [0.7, 0.3]", "\"weights\": [1.2, -0.2]", "text.lexical.weights"),
        ("\"weights\": [0.7, 0.3]", "\"weights\": [0.7, 0.4]", "text.lexical.weights"),
        ("\"share\": 0.3", "\"share\": 1", "text.lexical.share"),
        ("\"share\": 0.3", "\"share\": 0", "text.lexical.share"),
        ("[[5, 6], [7]]", "[[5, 6], []]", "text.lexical.prompts"),
        ("[[5, 6], [7]]", "[[5, 6], [1000]]", "text.lexical.prompts"),
        ("[[5, 6], [7]]", "[[5, 6], [-1]]", "text.lexical.prompts"),
    ])
    func aLexicalPartThatIsNoneIsRefused(right: String, wrong: String, key: String) throws {
        let part = "{\"widths\": [384, 768], \"weights\": [0.7, 0.3], \"share\": 0.3, \"prompts\": [[5, 6], [7]]}"
        let json = valid.replacing(
            "\"vocabulary_size\": 1000",
            with: "\"vocabulary_size\": 1000, \"lexical\": \(part.replacing(right, with: wrong))")
        #expect(json.contains(wrong))
        #expect {
            try Configuration(json: Data(json.utf8))
        } throws: { error in
            guard case ModelError.configuration(key, _) = error else { return false }
            return true
        }
    }

    /// One tensor more, the last one, so that the random numbers of the others stay.
    @Test func poolingLogitsAreOneTensorMore() throws {
        let plain = try Configuration(json: Data(valid.utf8))
        let json = valid.replacing(
            "\"unified\": {\"blocks\": 2,", with: "\"unified\": {\"pooling_logits\": true, \"blocks\": 2,")
        let weighted = try Configuration(json: Data(json.utf8))
        #expect(weighted.tensorShapes.count == plain.tensorShapes.count + 1)
        let added = try #require(weighted.tensorShapes.last)
        #expect(added.name == "unified.pooling_logits" && added.shape == [5])
        #expect(try Configuration(json: JSONEncoder().encode(weighted)) == weighted)
        let values = try #require(Initialization.tensors(weighted, seed: 1).last).values
        #expect(values.values == [0, 0, 0, 0, 0])
    }

    /// Bigrams are two tensors more, after the others, and change nothing at first.
    @Test func bigramsAreTwoTensorsMore() throws {
        let plain = try Configuration(json: Data(valid.utf8))
        let json = valid.replacing(
            "\"vocabulary_size\": 1000", with: "\"vocabulary_size\": 1000, \"bigram_rows\": 40, \"bigram_width\": 8")
        let wider = try Configuration(json: Data(json.utf8))
        let added = wider.tensorShapes.dropFirst(plain.tensorShapes.count)
        #expect(added.map(\.name) == ["text.bigram_embedding.weight", "text.bigram_projection.weight"])
        #expect(added.map(\.shape) == [[40, 8], [32, 8]])
        #expect(try Configuration(json: JSONEncoder().encode(wider)) == wider)
        let table = Initialization.tensors(wider, seed: 1)[plain.tensorShapes.count].values
        #expect(table.values.allSatisfy { $0 == 0 })
    }

    /// By the formula of docs/model.md section 4, with the numbers written out.
    @Test func bigramsAreHashedAsTheFormatSays() {
        let found = HashedBigrams(rows: 1_000_003, vocabularySize: 30_000).rows(of: [5, 29_999, 2, 2])
        #expect(found == [154_034, 110_279, 104_948, 393_877])
    }

    @Test(arguments: ["", "{", "[]", "null", "{}", String(repeating: "[", count: 100_000)])
    func whatIsNoConfigurationIsRefused(json: String) {
        #expect(throws: ModelError.self) { try Configuration(json: Data(json.utf8)) }
    }
}
