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
    /// Memory that it holds while it waits.
    package var byteCount: Int { input.byteCount }
}

/// What may come between a medium's bytes and its tokens: each step gets the bytes of the file and the work as it would be
/// done without it. Serving has ``NoHooks``; training keeps results and changes pictures and sounds.
package protocol PreparationHooks: Sendable {
    func segments(
        _ bytes: ByteSource, _ request: MediaRequest, _ make: () throws(MediaError) -> [EncoderInput.Segment]
    ) throws(MediaError) -> [EncoderInput.Segment]
    func sound(
        _ bytes: ByteSource, _ make: () throws(MediaError) -> PreparedSound
    ) throws(MediaError) -> PreparedSound
    func picture(
        _ bytes: ByteSource, _ decode: () throws(MediaError) -> DecodedImage
    ) throws(MediaError) -> DecodedImage
    func clip(_ bytes: ByteSource, _ decode: () throws(MediaError) -> AudioClip) throws(MediaError) -> AudioClip
}

extension PreparationHooks {
    package func segments(
        _ bytes: ByteSource, _ request: MediaRequest, _ make: () throws(MediaError) -> [EncoderInput.Segment]
    ) throws(MediaError) -> [EncoderInput.Segment] { try make() }

    package func sound(
        _ bytes: ByteSource, _ make: () throws(MediaError) -> PreparedSound
    ) throws(MediaError) -> PreparedSound { try make() }

    package func picture(
        _ bytes: ByteSource, _ decode: () throws(MediaError) -> DecodedImage
    ) throws(MediaError) -> DecodedImage { try decode() }

    package func clip(
        _ bytes: ByteSource, _ decode: () throws(MediaError) -> AudioClip
    ) throws(MediaError) -> AudioClip { try decode() }
}

package struct NoHooks: PreparationHooks {
    package init() {}
}

/// Content to encoder input, in three steps: what the parts are (``Intake``), what they become under one ``Budget`` (``Decoding``), what they
/// cost by the service's rules (``Accounting``). A pure function of the bytes.
package struct Preparation: Sendable {
    let frontEnd: any FrontEnd
    private let limits: Limits
    private let intake: Intake
    private let decoding: Decoding

    init(_ frontEnd: any FrontEnd, limits: Limits) {
        self.frontEnd = frontEnd
        self.limits = limits
        intake = Intake(limits: limits, media: frontEnd.media)
        decoding = Decoding(frontEnd: frontEnd, accounting: Accounting(frontEnd: frontEnd))
    }

    /// For a model of format castor-1.
    package init(configuration: Configuration, tokenizer: Tokenizer, logMel: LogMel, limits: Limits) {
        self.init(
            CastorFrontEnd(configuration: configuration, tokenizer: tokenizer, logMel: logMel), limits: limits)
    }

    /// Texts beyond the context are counted up to as many tokens as fill it so many times.
    private static let countedContexts = 4

    /// - Parameter cancellation: stops the work, which then throws `cancelled`
    package func callAsFunction(
        _ content: Content, _ options: EmbedOptions, hooks: some PreparationHooks = NoHooks(),
        cancellation: Cancellation? = nil
    ) throws(EmbedError) -> PreparedContent {
        let dimensions = options.dimensions ?? frontEnd.outputDimensions
        guard (1...frontEnd.outputDimensions).contains(dimensions) else {
            throw .invalidDimensions(dimensions, limit: frontEnd.outputDimensions)
        }
        guard !content.parts.isEmpty else { throw .noParts }
        let maxTokens = min(options.maxTokens ?? frontEnd.maxTokens, frontEnd.maxTokens)
        var budget = Budget(
            tokens: maxTokens, countedTokens: Self.countedContexts * maxTokens, ofText: maxTokens, limits, cancellation)
        var sources = try intake(content, options.files, budget.media)
        if options.audioTrackExtraction, !frontEnd.media.contains(.audio), let film = sources.first(where: \.isVideo) {
            throw .unsupportedByModel(part: film.number, kind: "sounds")
        }
        if let first = sources.firstIndex(where: { $0.text != nil }) {
            sources[first].text = frontEnd.prompted(sources[first].text ?? "", options.task, title: options.title)
        }
        if let joint = frontEnd.textJoint { sources.joinTexts(by: joint) }
        let (segments, tally) = try decoding(sources, options, hooks, maxTokens: maxTokens, &budget)
        let (complete, truncated) = try complete(segments, maxTokens)
        if truncated, !options.autoTruncate { throw .tooManyTokens(limit: frontEnd.maxTextTokens) }
        return PreparedContent(
            input: complete, usage: tally.usage, truncated: tally.truncated || truncated,
            notes: tally.notes, dimensions: dimensions)
    }

    /// Of segments that were made elsewhere, cut to the context.
    func content(_ segments: [EncoderInput.Segment]) throws(EmbedError) -> PreparedContent {
        let (complete, truncated) = try complete(segments, frontEnd.maxTokens)
        return PreparedContent(
            input: complete, usage: Usage(), truncated: truncated, notes: [],
            dimensions: frontEnd.outputDimensions)
    }

    /// Cut to the context, with what the model wants around them: which is all there is of a text of which nothing makes a token, as of
    /// control characters alone.
    private func complete(
        _ segments: [EncoderInput.Segment], _ maxTokens: Int
    ) throws(EmbedError) -> (EncoderInput, truncated: Bool) {
        var input = EncoderInput(segments)
        _ = input.truncate(to: maxTokens)
        let (complete, truncated) = frontEnd.complete(input.segments)
        let whole = EncoderInput(complete)
        guard whole.tokenCount > 0 else { throw .noTokens }
        return (whole, truncated)
    }

    /// Ids of the text on a page.
    func pageText(_ text: String) throws(MediaError) -> [Int32] { try decoding.accounting.pageText(text) }

    /// Tokens by the service's rules, also beyond the context, up to ``maxCountedTokens`` of text. What headers tell is not decoded.
    package func count(
        _ content: Content, _ files: EmbedOptions.FileAccess, cancellation: Cancellation? = nil
    ) throws(EmbedError) -> Usage {
        let most = Self.maxCountedTokens
        var budget = Budget(tokens: 0, countedTokens: most, ofText: most, limits, cancellation)
        var usage = Usage()
        for source in try intake(content, files, skipsEmptyTexts: true, budget.media) {
            usage = usage + (try decoding.accounting(source, EmbedOptions(), &budget))
        }
        return usage
    }

    private static let maxCountedTokens = 1 << 22
}
