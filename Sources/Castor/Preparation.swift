import CastorNumerics
package import Encoder
package import Media

/// A content on its way into the encoder.
package struct PreparedContent: Sendable {
    package var input: EncoderInput
    package var usage: Usage
    package var truncated: Bool
    package var dimensions: Int

    /// Tokens that the model will see.
    package var tokenCount: Int { input.tokenCount }
}

/// What may come between a medium's bytes and its tokens: each step gets the bytes of the file and the work as it would be
/// done without it. Serving has ``NoHooks``; training keeps results and changes pictures and sounds.
package protocol PreparationHooks: Sendable {
    func segments(
        _ bytes: [UInt8], _ request: MediaRequest, _ make: () throws(MediaError) -> [EncoderInput.Segment]
    ) throws(MediaError) -> [EncoderInput.Segment]
    func picture(
        _ bytes: [UInt8], _ decode: () throws(MediaError) -> DecodedImage
    ) throws(MediaError) -> DecodedImage
    func clip(_ bytes: [UInt8], _ decode: () throws(MediaError) -> AudioClip) throws(MediaError) -> AudioClip
}

extension PreparationHooks {
    package func segments(
        _ bytes: [UInt8], _ request: MediaRequest, _ make: () throws(MediaError) -> [EncoderInput.Segment]
    ) throws(MediaError) -> [EncoderInput.Segment] { try make() }

    package func picture(
        _ bytes: [UInt8], _ decode: () throws(MediaError) -> DecodedImage
    ) throws(MediaError) -> DecodedImage { try decode() }

    package func clip(_ bytes: [UInt8], _ decode: () throws(MediaError) -> AudioClip) throws(MediaError) -> AudioClip {
        try decode()
    }
}

package struct NoHooks: PreparationHooks {
    package init() {}
}

/// Content to encoder input: files are read, media decoded, text tokenised, everything checked. A pure function of the bytes.
package struct Preparation: Sendable {
    package let configuration: Configuration
    let tokenizer: Tokenizer
    let logMel: LogMel
    let limits: Limits

    package init(configuration: Configuration, tokenizer: Tokenizer, logMel: LogMel, limits: Limits) {
        self.configuration = configuration
        self.tokenizer = tokenizer
        self.logMel = logMel
        self.limits = limits
    }

    package func callAsFunction(
        _ content: Content, _ options: EmbedOptions, hooks: some PreparationHooks = NoHooks()
    ) throws(EmbedError) -> PreparedContent {
        let dimensions = options.dimensions ?? configuration.outputDimensions
        guard (1...configuration.outputDimensions).contains(dimensions) else {
            throw .invalidDimensions(dimensions, limit: configuration.outputDimensions)
        }
        guard !content.parts.isEmpty else { throw .noParts }
        // Emptiness is judged before a prompt hides it.
        for (index, part) in content.parts.enumerated() {
            switch part.media {
            case .text(let text) where text.isEmpty: throw .emptyPart(part: index + 1)
            case .data(let bytes, _) where bytes.isEmpty: throw .emptyPart(part: index + 1)
            default: break
            }
        }
        var sources: [PartSource] = []
        for (index, part) in content.parts.enumerated() {
            sources.append(try PartSource(part, number: index + 1, options.files, limits))
        }
        let images = sources.count { $0.isImage }
        guard images <= limits.maxImages else { throw .tooManyImages(count: images, limit: limits.maxImages) }
        let videos = sources.count { $0.isVideo }
        guard videos <= limits.maxVideos else { throw .tooManyVideos(count: videos, limit: limits.maxVideos) }
        let documents = sources.count { $0.isDocument }
        guard documents <= limits.maxDocuments else {
            throw .tooManyDocuments(count: documents, limit: limits.maxDocuments)
        }
        if let task = options.task, let first = sources.firstIndex(where: { $0.text != nil }) {
            sources[first].text = task.prompt(sources[first].text ?? "", title: options.title)
        }

        let maxTokens = min(options.maxTokens ?? configuration.maxTokens, configuration.maxTokens)
        var segments: [EncoderInput.Segment] = []
        var usage = Usage()
        var truncated = false
        for source in sources {
            segments += try self.segments(source, options, hooks, maxTokens, &usage, &truncated)
        }
        var input = EncoderInput(segments)
        if input.truncate(to: maxTokens) { truncated = true }
        guard !truncated || options.autoTruncate else { throw .tooManyTokens(limit: maxTokens) }
        guard input.tokenCount > 0 else { throw .noTokens }
        return PreparedContent(input: input, usage: usage, truncated: truncated, dimensions: dimensions)
    }

    /// Tokens by the service's rules, also beyond the context, up to ``maxCountedTokens`` a text.
    package func count(_ content: Content, _ files: EmbedOptions.FileAccess) throws(EmbedError) -> Usage {
        var usage = Usage()
        var truncated = false
        var options = EmbedOptions()
        options.files = files
        for (index, part) in content.parts.enumerated() {
            if case .text("") = part { continue }
            let source = try PartSource(part, number: index + 1, files, limits)
            let limit = min((source.text?.utf8.count ?? 0) * Self.mostTokensPerByte + 16, Self.maxCountedTokens)
            _ = try segments(source, options, NoHooks(), limit, &usage, &truncated)
        }
        return usage
    }

    private static let maxCountedTokens = 1 << 22
    /// U+FDFA, of three bytes, is normalised to 33 bytes, more than any other, and a byte is a token at most.
    private static let mostTokensPerByte = 11

    private func segments(
        _ source: PartSource, _ options: EmbedOptions, _ hooks: some PreparationHooks, _ maxTokens: Int,
        _ usage: inout Usage, _ truncated: inout Bool
    ) throws(EmbedError) -> [EncoderInput.Segment] {
        switch source.kind {
        case .text(let text):
            let (ids, cut): ([Int32], Bool)
            do { (ids, cut) = try tokenizer.encode(text, limit: maxTokens) } catch {
                throw .unreadableText(part: source.number, reason: error.description)
            }
            if cut { truncated = true }
            usage.add(ids.count, .text)
            return [.text(ids)]
        case .image(let bytes, let format):
            usage.add(Usage.tokensPerImage, .image)
            return try decode(source) { () throws(MediaError) in
                try hooks.segments(bytes, .image) { () throws(MediaError) in [try image(bytes, format, hooks)] }
            }
        case .audio(let bytes, let format):
            return try decode(source) { () throws(MediaError) in
                try hooks.segments(bytes, .audio) { () throws(MediaError) in
                    let clip = try hooks.clip(bytes) { () throws(MediaError) in
                        try AudioDecoder.decode(bytes.span.bytes, format: format, limits: limits.media)
                    }
                    addUsage(of: clip, &usage)
                    return [.audio(patches: audioPatches(clip))]
                }
            }
        case .video(let bytes, let format, let selection):
            guard let configured = configuration.video else {
                throw .unsupportedByModel(part: source.number, kind: "video")
            }
            let sound = options.audioTrackExtraction
            return try decode(source) { () throws(MediaError) in
                try hooks.segments(bytes, .video(selection, sound: sound)) { () throws(MediaError) in
                    try video(bytes, format, selection, sound: sound, configured, &usage)
                }
            }
        case .document(let bytes):
            guard let configured = configuration.document else {
                throw .unsupportedByModel(part: source.number, kind: "documents")
            }
            let recognisesText = options.documentOCR
            return try decode(source) { () throws(MediaError) in
                try hooks.segments(bytes, .document(recognisesText: recognisesText)) { () throws(MediaError) in
                    try document(bytes, recognisesText: recognisesText, configured, &usage)
                }
            }
        }
    }

    private func decode<Result>(
        _ source: PartSource, _ body: () throws(MediaError) -> Result
    ) throws(EmbedError) -> Result {
        do { return try body() } catch {
            throw .media(part: source.number, name: source.name, reason: error.description)
        }
    }

    private func image(
        _ bytes: [UInt8], _ format: ImageFormat, _ hooks: some PreparationHooks
    ) throws(MediaError) -> EncoderInput.Segment {
        let maxPatches = configuration.image.maxPatches
        let decoded = try hooks.picture(bytes) { () throws(MediaError) in
            try ImageDecoder.decode(bytes.span.bytes, format: format, limits: limits.media) {
                target(grid($0, maxPatches))
            }
        }
        let cells = grid(decoded.originalSize, maxPatches)
        return .image(patches: patches(decoded.image, cells), grid: cells)
    }

    func audioPatches(_ clip: AudioClip) -> Matrix {
        let mel = logMel(clip.samples)
        // Frames of one patch lie side by side in memory: the same values, seen as longer rows.
        return Matrix(
            buffer: mel.buffer, rows: mel.rows / configuration.audio.patchFrames,
            columns: configuration.audioPatchLength)
    }
}
