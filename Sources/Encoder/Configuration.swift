package import FoundationEssentials

/// `config.json` of a model folder, as docs/model.md section 1 defines it. Values are checked by ``init(json:)``.
package struct Configuration: Codable, Sendable, Equatable {
    package var format: String
    package var name: String
    /// Width d of every token.
    package var width: Int
    package var heads: Int
    /// Of the MLPs of towers that name no other: ``mlpWidth(of:)``.
    package var mlpWidth: Int
    package var normEpsilon: Float
    /// Context: tokens of one content, all parts together.
    package var maxTokens: Int
    package var outputDimensions: Int
    /// Sizes that training optimises, largest first.
    package var matryoshkaDimensions: [Int]
    package var text: Text
    package var image: Image
    package var audio: Audio
    package var unified: Unified
    /// nil in models that take no video.
    package var video: Video?
    /// nil in models that take no documents.
    package var document: Document?

    package struct Text: Codable, Sendable, Equatable {
        package var blocks: Int
        /// Of its blocks' MLPs; nil for the model's.
        package var mlpWidth: Int?
        package var vocabularySize: Int
        package var ropeBase: Double
        /// Rows of the table of hashed bigrams; nil or 0 for none (docs/model.md section 4).
        package var bigramRows: Int?
        /// Values of such a row, which a projection takes to the width.
        package var bigramWidth: Int?
        /// Whether names of code are taken apart before a text is tokenised; nil for no (docs/model.md section 4).
        package var splitIdentifiers: Bool?
        /// Values of the vector that say which pieces there are; nil for none (docs/model.md section 6).
        package var lexical: LexicalPart?

        /// The table, where there is one.
        package var bigrams: HashedBigrams? {
            guard let rows = bigramRows, rows > 0 else { return nil }
            return HashedBigrams(rows: rows, vocabularySize: vocabularySize)
        }

        enum CodingKeys: String, CodingKey {
            case blocks, lexical
            case mlpWidth = "mlp_width"
            case vocabularySize = "vocabulary_size"
            case ropeBase = "rope_base"
            case bigramRows = "bigram_rows"
            case bigramWidth = "bigram_width"
            case splitIdentifiers = "split_identifiers"
        }
    }

    package struct Image: Codable, Sendable, Equatable {
        package var blocks: Int
        /// Of its blocks' MLPs; nil for the model's.
        package var mlpWidth: Int?
        /// Side of a square patch in pixels.
        package var patchSize: Int
        package var maxPatches: Int
        package var ropeBase: Double
        /// Cosines along each side that tell a patch its place in the picture; nil or 0 for none (docs/model.md section 4).
        package var positionWaves: Int?
        /// Directions in which a patch's quarters are asked for edges; nil or 0 for none (docs/model.md section 4).
        package var gradientOrientations: Int?

        /// What patches are made of.
        package var patchFeatures: PatchFeatures {
            PatchFeatures(
                patchSize: patchSize, positionWaves: positionWaves ?? 0, orientations: gradientOrientations ?? 0)
        }

        enum CodingKeys: String, CodingKey {
            case blocks
            case mlpWidth = "mlp_width"
            case patchSize = "patch_size"
            case maxPatches = "max_patches"
            case ropeBase = "rope_base"
            case positionWaves = "position_waves"
            case gradientOrientations = "gradient_orientations"
        }
    }

    package struct Audio: Codable, Sendable, Equatable {
        package var blocks: Int
        /// Of its blocks' MLPs; nil for the model's.
        package var mlpWidth: Int?
        /// Samples a second.
        package var sampleRate: Int
        /// Samples of one frame.
        package var windowLength: Int
        /// Samples between the starts of two frames.
        package var hopLength: Int
        /// Points of the Fourier transform.
        package var fftLength: Int
        package var melBands: Int
        /// Frames of one patch.
        package var patchFrames: Int
        package var ropeBase: Double

        enum CodingKeys: String, CodingKey {
            case blocks
            case mlpWidth = "mlp_width"
            case sampleRate = "sample_rate"
            case windowLength = "window_length"
            case hopLength = "hop_length"
            case fftLength = "fft_length"
            case melBands = "mel_bands"
            case patchFrames = "patch_frames"
            case ropeBase = "rope_base"
        }
    }

    package struct Unified: Codable, Sendable, Equatable {
        package var blocks: Int
        /// Of its blocks' MLPs; nil for the model's.
        package var mlpWidth: Int?
        package var ropeBase: Double
        /// Whether a token's weight in the mean depends on its modality; nil for no (docs/model.md section 6).
        package var poolingLogits: Bool?

        enum CodingKeys: String, CodingKey {
            case blocks
            case mlpWidth = "mlp_width"
            case ropeBase = "rope_base"
            case poolingLogits = "pooling_logits"
        }
    }

    package struct Video: Codable, Sendable, Equatable {
        /// Frames of one video; beyond them, they are spread evenly.
        package var maxFrames: Int
        /// Patches of one frame.
        package var maxPatches: Int
        /// Rows and columns of the tokens that a frame leaves.
        package var pooledSide: Int
        /// Sines and cosines of a frame's time; 0 for none.
        package var timeFeatures: Int
        package var timeBase: Double

        enum CodingKeys: String, CodingKey {
            case maxFrames = "max_frames"
            case maxPatches = "max_patches"
            case pooledSide = "pooled_side"
            case timeFeatures = "time_features"
            case timeBase = "time_base"
        }
    }

    package struct Document: Codable, Sendable, Equatable {
        /// Patches of one page.
        package var maxPatches: Int
        /// Rows and columns of the tokens that a page's picture leaves.
        package var pooledSide: Int

        enum CodingKeys: String, CodingKey {
            case maxPatches = "max_patches"
            case pooledSide = "pooled_side"
        }
    }

    enum CodingKeys: String, CodingKey {
        case format, name, width, heads, text, image, audio, unified, video, document
        case mlpWidth = "mlp_width"
        case normEpsilon = "norm_epsilon"
        case maxTokens = "max_tokens"
        case outputDimensions = "output_dimensions"
        case matryoshkaDimensions = "matryoshka_dimensions"
    }

    package static let currentFormat = "castor-1"

    /// Components of one attention head, D.
    package var headSize: Int { width / heads }
    /// Values of one flattened image patch, of its place and of its edges.
    package var imagePatchLength: Int { image.patchFeatures.count }
    /// Values of one flattened sound patch.
    package var audioPatchLength: Int { audio.patchFrames * audio.melBands }

    /// Parses and checks. Throws ``ModelError/configuration(key:reason:)`` with the key that is wrong.
    package init(json: Data) throws(ModelError) {
        do {
            self = try JSONDecoder().decode(Configuration.self, from: json)
        } catch let error as DecodingError {
            throw ModelError(error)
        } catch {
            throw .configuration(key: "(whole file)", reason: "\(error)")
        }
        try validate()
    }

    private func validate() throws(ModelError) {
        func check(_ key: String, _ value: Int, _ range: ClosedRange<Int>) throws(ModelError) {
            guard range.contains(value) else {
                throw .configuration(
                    key: key, reason: "\(value) is outside \(range.lowerBound)...\(range.upperBound)")
            }
        }
        func require(_ holds: Bool, _ key: String, _ reason: @autoclosure () -> String) throws(ModelError) {
            guard holds else { throw .configuration(key: key, reason: reason()) }
        }
        try require(
            format == Self.currentFormat, "format", "is \"\(format)\", this program reads \"\(Self.currentFormat)\"")
        try require(!name.isEmpty, "name", "is empty")
        try check("width", width, 8...16_384)
        try check("heads", heads, 1...width)
        try require(width % heads == 0, "heads", "\(heads) does not divide the width \(width)")
        try require(headSize % 4 == 0, "heads", "head size \(headSize) (width / heads) is not a multiple of 4")
        try check("mlp_width", mlpWidth, 1...65_536)
        for tower in Tower.allCases { try check("\(tower.rawValue).mlp_width", mlpWidth(of: tower), 1...65_536) }
        try require(normEpsilon.isFinite && normEpsilon > 0, "norm_epsilon", "must be a positive number")
        try check("max_tokens", maxTokens, 1...1_048_576)
        try check("output_dimensions", outputDimensions, 1...65_536)
        for dimensions in matryoshkaDimensions { try check("matryoshka_dimensions", dimensions, 1...outputDimensions) }
        try require(!matryoshkaDimensions.isEmpty, "matryoshka_dimensions", "is empty")
        try require(
            Set(matryoshkaDimensions).count == matryoshkaDimensions.count, "matryoshka_dimensions", "holds a size twice"
        )
        for (key, blocks, base) in [
            ("text", text.blocks, text.ropeBase), ("image", image.blocks, image.ropeBase),
            ("audio", audio.blocks, audio.ropeBase), ("unified", unified.blocks, unified.ropeBase),
        ] {
            try check("\(key).blocks", blocks, 0...256)
            try require(base.isFinite && base > 1, "\(key).rope_base", "must be a number above 1")
        }
        try check("text.vocabulary_size", text.vocabularySize, 2...4_194_304)
        try check("text.bigram_rows", text.bigramRows ?? 0, 0...16_777_216)
        if text.bigrams != nil { try check("text.bigram_width", text.bigramWidth ?? 0, 1...width) }
        try text.lexical?.check(vocabularySize: text.vocabularySize, outputDimensions: outputDimensions)
        try check("image.patch_size", image.patchSize, 1...256)
        try check("image.max_patches", image.maxPatches, 1...65_536)
        try check("image.position_waves", image.positionWaves ?? 0, 0...32)
        try check("image.gradient_orientations", image.gradientOrientations ?? 0, 0...64)
        try require(
            (image.gradientOrientations ?? 0) == 0 || image.patchSize % 2 == 0, "image.patch_size",
            "\(image.patchSize) is odd, and image.gradient_orientations wants quarters")
        try check("audio.sample_rate", audio.sampleRate, 16_000...16_000)
        try check("audio.window_length", audio.windowLength, 16...65_536)
        try check("audio.hop_length", audio.hopLength, 1...audio.windowLength)
        try check("audio.fft_length", audio.fftLength, audio.windowLength...65_536)
        try require(audio.fftLength % 2 == 0, "audio.fft_length", "must be even")
        try check("audio.mel_bands", audio.melBands, 1...1_024)
        try check("audio.patch_frames", audio.patchFrames, 1...1_024)
        if let video {
            try check("video.max_frames", video.maxFrames, 1...1_024)
            try check("video.max_patches", video.maxPatches, 1...65_536)
            try check("video.pooled_side", video.pooledSide, 1...256)
            try check("video.time_features", video.timeFeatures, 0...1_024)
            try require(video.timeFeatures % 2 == 0, "video.time_features", "must be even")
            try require(video.timeBase.isFinite && video.timeBase > 1, "video.time_base", "must be a number above 1")
        }
        if let document {
            try check("document.max_patches", document.maxPatches, 1...65_536)
            try check("document.pooled_side", document.pooledSide, 1...256)
        }
        try checkProducts()
    }
}

// MARK: - Tensors

extension Configuration {
    /// The four stacks of blocks, by the name that their tensors start with.
    package enum Tower: String, Sendable, CaseIterable {
        case text, image, audio, unified
    }

    package func blocks(of tower: Tower) -> Int {
        switch tower {
        case .text: text.blocks
        case .image: image.blocks
        case .audio: audio.blocks
        case .unified: unified.blocks
        }
    }

    /// Values between the two matrices of an MLP of this tower.
    package func mlpWidth(of tower: Tower) -> Int {
        let own: Int? =
            switch tower {
            case .text: text.mlpWidth
            case .image: image.mlpWidth
            case .audio: audio.mlpWidth
            case .unified: unified.mlpWidth
            }
        return own ?? mlpWidth
    }

    /// Of the towers that have blocks, and of the model itself.
    var widestMLP: Int { Tower.allCases.reduce(mlpWidth) { max($0, mlpWidth(of: $1)) } }

    /// Every tensor of a model with this configuration, in file order (docs/model.md section 7).
    package var tensorShapes: [(name: String, shape: [Int])] {
        var result: [(name: String, shape: [Int])] = []
        for tower in Tower.allCases {
            switch tower {
            case .text: result.append((Self.embeddingName, [text.vocabularySize, width]))
            case .image:
                result.append(("image.patch_embedding.weight", [width, imagePatchLength]))
                result.append(("image.patch_embedding.bias", [width]))
            case .audio:
                result.append(("audio.patch_embedding.weight", [width, audioPatchLength]))
                result.append(("audio.patch_embedding.bias", [width]))
            case .unified: result.append(("unified.modality_embedding.weight", [Modality.allCases.count, width]))
            }
            let mlpWidth = mlpWidth(of: tower)
            for index in 0..<blocks(of: tower) {
                let block = "\(tower.rawValue).blocks.\(index)"
                result.append(("\(block).attention_norm.weight", [width]))
                result.append(("\(block).attention.qkv.weight", [3 * width, width]))
                result.append(("\(block).attention.output.weight", [width, width]))
                result.append(("\(block).mlp_norm.weight", [width]))
                result.append(("\(block).mlp.up.weight", [mlpWidth, width]))
                result.append(("\(block).mlp.down.weight", [width, mlpWidth]))
            }
            result.append(("\(tower.rawValue).norm.weight", [width]))
        }
        result.append((Self.projectionName, [projectedDimensions, width]))
        // Last, so that the random numbers of the others do not depend on it.
        if hasTimeEmbedding, let video { result.append((Self.timeEmbeddingName, [width, video.timeFeatures])) }
        if text.bigrams != nil, let rows = text.bigramRows, let columns = text.bigramWidth {
            result.append((Self.bigramEmbeddingName, [rows, columns]))
            result.append((Self.bigramProjectionName, [width, columns]))
        }
        if hasPoolingLogits { result.append((Self.poolingLogitsName, [Modality.allCases.count])) }
        if text.lexical != nil { result.append((Self.lexicalRarityName, [text.vocabularySize])) }
        return result
    }

    package static let embeddingName = "text.embedding.weight"
    /// The tensors that may have eight bits a value, and a scale a row beside them: a text reads few of their rows.
    static let tables: Set = [embeddingName, bigramEmbeddingName]
    package static let projectionName = "projection.weight"
    package static let timeEmbeddingName = "video.time_embedding.weight"
    package static let bigramEmbeddingName = "text.bigram_embedding.weight"
    package static let bigramProjectionName = "text.bigram_projection.weight"
    package static let poolingLogitsName = "unified.pooling_logits"
    package static let lexicalRarityName = "text.lexical_rarity"

    /// Values of a vector that the projection gives; the lexical part's follow.
    package var projectedDimensions: Int { outputDimensions - (text.lexical?.count ?? 0) }

    package var hasTimeEmbedding: Bool { (video?.timeFeatures ?? 0) > 0 }
    package var hasPoolingLogits: Bool { unified.poolingLogits ?? false }

    /// The most patches that a picture of any kind is divided into.
    package var largestPictureGrid: Int {
        max(image.maxPatches, video?.maxPatches ?? 0, document?.maxPatches ?? 0)
    }

    package var parameterCount: Int {
        tensorShapes.reduce(0) { $0 + $1.shape.reduce(1, *) }
    }
}

/// What a part is. The raw value is its row of `unified.modality_embedding`.
package enum Modality: Int, Sendable, CaseIterable {
    case text, image, audio, video, document
}
