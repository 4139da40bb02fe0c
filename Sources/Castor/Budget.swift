import Media

/// What the parts of a content may still cost, passed from one to the next.
struct Budget: Sendable {
    /// Room in the context.
    private(set) var tokens: Int
    /// Tokens of text that are counted where they find no room.
    private(set) var countedTokens: Int
    /// As above, of one text.
    let countedTokensOfText: Int
    /// Memory for what waits for the encoder.
    private(set) var bytes: Int
    /// Sound of all sounds together.
    private(set) var seconds: Double
    private let limits: Limits
    let cancellation: Cancellation?

    /// - Parameters:
    ///   - tokens: room in the context; 0 where tokens are counted only
    ///   - countedTokens: what is counted of texts that find no room
    init(
        tokens: Int, countedTokens: Int, ofText countedTokensOfText: Int, _ limits: Limits,
        _ cancellation: Cancellation?
    ) {
        self.tokens = tokens
        self.countedTokens = countedTokens
        self.countedTokensOfText = countedTokensOfText
        bytes = limits.maxPreparedBytes
        seconds = limits.maxAudioSeconds
        self.limits = limits
        self.cancellation = cancellation
    }

    /// Whether what comes next is not looked at.
    var isFull: Bool { tokens <= 0 }

    /// Those of one part.
    var media: MediaLimits {
        var media = limits.media
        media.cancellation = cancellation
        return media
    }

    /// Of a part that has its place. Throws `tooMuchMemory`.
    mutating func take(tokens: Int, bytes: Int) throws(EmbedError) {
        self.tokens -= min(self.tokens, tokens)
        self.bytes -= bytes
        guard self.bytes >= 0 else { throw .tooMuchMemory(limit: limits.maxPreparedBytes) }
    }

    mutating func take(countedTokens: Int) {
        self.countedTokens -= min(self.countedTokens, countedTokens)
    }

    /// Of a sound that was decoded, or whose header promises so many. Throws `tooMuchSound`.
    mutating func take(seconds: Double) throws(EmbedError) {
        self.seconds -= seconds
        guard self.seconds >= -Self.toleratedSeconds else { throw tooMuchSound(0) }
    }

    /// What all sounds up to here come to, and `more`.
    func tooMuchSound(_ more: Double) -> EmbedError {
        .tooMuchSound(seconds: limits.maxAudioSeconds - seconds + more, limit: limits.maxAudioSeconds)
    }

    /// Sounds are rounded to samples, and resampled ones a sample longer.
    static let toleratedSeconds = 0.05

    /// Throws `cancelled`.
    func checkCancelled() throws(EmbedError) {
        if let cancellation, cancellation.isCancelled { throw .cancelled }
    }
}
