import CastorNumerics
package import Encoder
package import Media

/// A content on its way into the encoder.
package struct PreparedContent: Sendable {
    package var input: EncoderInput
    package var usage: Usage
    package var truncated: Bool
    package var notes: [EmbedNote]
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

/// All sounds of a content together may be as long as one alone. Each is decoded before it counts, so one too many is.
private struct SoundsOfContent {
    let limit: Double
    private var count = 0
    private var tokens = 0

    init(limit: Double) {
        self.limit = limit
    }

    /// Usage without and with one more sound.
    mutating func add(_ before: Usage, _ after: Usage) throws(EmbedError) {
        count += 1
        tokens += after[.audio] - before[.audio]
        // Each sound's tokens are rounded up.
        let mostTokens = Int((limit * Usage.tokensPerSecondOfAudio).rounded(.up)) + count - 1
        guard tokens <= mostTokens || count == 1 else {
            throw .tooMuchSound(seconds: Double(tokens) / Usage.tokensPerSecondOfAudio, limit: limit)
        }
    }
}

/// What the parts of a content come to beside their tokens.
struct PreparationTally {
    var usage = Usage()
    var truncated = false
    var notes: [EmbedNote] = []

    mutating func add(_ notes: [MediaNote], of source: PartSource) {
        self.notes += notes.map { EmbedNote(part: source.number, name: source.name, $0) }
    }
}

/// Content to encoder input: files are read, media decoded, text tokenised, everything checked. A pure function of the bytes.
package struct Preparation: Sendable {
    package let configuration: Configuration
    let tokenizer: Tokenizer
    let logMel: LogMel
    let limits: Limits
    let decoders: Decoders

    package init(
        configuration: Configuration, tokenizer: Tokenizer, logMel: LogMel, limits: Limits,
        decoders: Decoders = .inside
    ) {
        self.configuration = configuration
        self.tokenizer = tokenizer
        self.logMel = logMel
        self.limits = limits
        self.decoders = decoders
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
        var tally = PreparationTally()
        var sounds = SoundsOfContent(limit: limits.maxAudioSeconds)
        for source in sources {
            let before = tally.usage
            segments += try self.segments(source, options, hooks, maxTokens, &tally)
            if source.isAudio { try sounds.add(before, tally.usage) }
        }
        var input = EncoderInput(segments)
        if input.truncate(to: maxTokens) { tally.truncated = true }
        guard !tally.truncated || options.autoTruncate else { throw .tooManyTokens(limit: maxTokens) }
        guard input.tokenCount > 0 else { throw .noTokens }
        return PreparedContent(
            input: input, usage: tally.usage, truncated: tally.truncated, notes: tally.notes, dimensions: dimensions)
    }

    /// Tokens by the service's rules, also beyond the context, up to ``maxCountedTokens`` a text.
    package func count(_ content: Content, _ files: EmbedOptions.FileAccess) throws(EmbedError) -> Usage {
        var tally = PreparationTally()
        var options = EmbedOptions()
        options.files = files
        for (index, part) in content.parts.enumerated() {
            if case .text("") = part { continue }
            let source = try PartSource(part, number: index + 1, files, limits)
            let limit = min((source.text?.utf8.count ?? 0) * Self.mostTokensPerByte + 16, Self.maxCountedTokens)
            _ = try segments(source, options, NoHooks(), limit, &tally)
        }
        return tally.usage
    }

    private static let maxCountedTokens = 1 << 22
    /// U+FDFA, of three bytes, is normalised to 33 bytes, more than any other, and a byte is a token at most.
    private static let mostTokensPerByte = 11

    private func segments(
        _ source: PartSource, _ options: EmbedOptions, _ hooks: some PreparationHooks, _ maxTokens: Int,
        _ tally: inout PreparationTally
    ) throws(EmbedError) -> [EncoderInput.Segment] {
        tally.add(source.notes, of: source)
        var notes: [MediaNote] = []
        defer { tally.add(notes, of: source) }
        switch source.kind {
        case .text(let text):
            let (ids, cut): ([Int32], Bool)
            do { (ids, cut) = try tokenizer.encode(text, limit: maxTokens) } catch {
                throw .unreadableText(part: source.number, reason: error.description)
            }
            if cut { tally.truncated = true }
            tally.usage.add(ids.count, .text)
            return [.text(ids)]
        case .image(let bytes, let format):
            tally.usage.add(Usage.tokensPerImage, .image)
            return try decode(source) { () throws(MediaError) in
                try hooks.segments(bytes, .image) { () throws(MediaError) in
                    [try image(bytes, format, hooks, &notes)]
                }
            }
        case .audio(let bytes, let format):
            return try decode(source) { () throws(MediaError) in
                try hooks.segments(bytes, .audio) { () throws(MediaError) in
                    let clip = try hooks.clip(bytes) { () throws(MediaError) in
                        try decoders.audio(bytes.span.bytes, format: format, limits: limits.media)
                    }
                    notes += clip.notes
                    addUsage(of: clip, &tally.usage)
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
                    try video(bytes, format, selection, sound: sound, configured, &tally.usage, &notes)
                }
            }
        case .document(let bytes):
            guard let configured = configuration.document else {
                throw .unsupportedByModel(part: source.number, kind: "documents")
            }
            let recognisesText = options.documentOCR
            return try decode(source) { () throws(MediaError) in
                try hooks.segments(bytes, .document(recognisesText: recognisesText)) { () throws(MediaError) in
                    try document(bytes, recognisesText: recognisesText, configured, &tally.usage, &notes)
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
        _ bytes: [UInt8], _ format: ImageFormat, _ hooks: some PreparationHooks, _ notes: inout [MediaNote]
    ) throws(MediaError) -> EncoderInput.Segment {
        let maxPatches = configuration.image.maxPatches
        let decoded = try hooks.picture(bytes) { () throws(MediaError) in
            try decoders.image(bytes.span.bytes, format: format, limits: limits.media) {
                target(grid($0, maxPatches))
            }
        }
        notes += decoded.notes
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
