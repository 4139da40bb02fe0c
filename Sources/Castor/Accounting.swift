import Media

/// Tokens as the service bills them: of what was decoded, and, from headers where they say enough, of what is not.
struct Accounting: Sendable {
    let frontEnd: any FrontEnd

    // MARK: - Of what was decoded

    static let image = Usage(Usage.tokensPerImage, .image)

    static func sound(samples count: Int) -> Usage { sound(seconds: seconds(count)) }

    static func seconds(_ sampleCount: Int) -> Double { Double(sampleCount) / Double(AudioClip.sampleRate) }

    static func video(frames count: Int) -> Usage { Usage(Usage.tokensPerFrame * count, .video) }

    static func page(textTokens count: Int) -> Usage { Usage(Usage.tokensPerPage + count, .document) }

    private static func sound(seconds: Double) -> Usage {
        Usage(Int((seconds * Usage.tokensPerSecondOfAudio).rounded(.up)), .audio)
    }

    // MARK: - Of what is not

    /// Tokens of a part none of whose tokens are wanted, by its headers. A sound that says nothing of its length, or may say what is not
    /// so, is decoded.
    func callAsFunction(
        _ source: PartSource, _ options: EmbedOptions, _ budget: inout Budget
    ) throws(EmbedError) -> Usage {
        try budget.checkCancelled()
        let media = MediaDecoding(limits: budget.media)
        switch source.kind {
        case .text(let text): return try self.text(text, source, &budget)
        case .image(let bytes, let format):
            _ = try source.reading { () throws(MediaError) in try media.pictureSize(bytes, format) }
            return Self.image
        case .audio(let bytes, let format):
            return try sound(bytes, format, source, &budget)
        case .video(let bytes, let format, var selection):
            selection.rule = frontEnd.frameRule
            let outline = try source.reading { [selection] () throws(MediaError) in
                try media.outline(
                    bytes, format, selection, maxFrames: frontEnd.maxFrames, wantsSound: options.audioTrackExtraction)
            }
            let frames = Self.video(frames: outline.frameCount)
            return outline.soundSeconds > 0 ? frames + Self.sound(seconds: outline.soundSeconds) : frames
        case .document(let bytes):
            let document = try source.reading { () throws(MediaError) in
                try media.pages(bytes, recognisesText: options.documentOCR, textOnly: true)
            }
            var usage = Usage()
            for page in document.pages {
                let count = try source.reading { () throws(MediaError) in try pageText(page.text).count }
                usage = usage + Self.page(textTokens: count)
            }
            return usage
        }
    }

    private func text(_ text: String, _ source: PartSource, _ budget: inout Budget) throws(EmbedError) -> Usage {
        let limit = min(budget.countedTokens, budget.countedTokensOfText)
        guard limit > 0 else { return Usage(0, .text) }
        let count: Int
        do {
            count = try frontEnd.count(text, limit: limit) { budget.cancellation?.isCancelled ?? false }
        } catch { throw error.error(part: source.number) }
        try budget.checkCancelled()
        budget.take(countedTokens: count)
        return Usage(count, .text)
    }

    private func sound(
        _ bytes: ByteSource, _ format: AudioFormat, _ source: PartSource, _ budget: inout Budget
    ) throws(EmbedError) -> Usage {
        try budget.sound(source) { (limits) throws(MediaError) in
            let media = MediaDecoding(limits: limits)
            if let seconds = try media.soundLength(bytes, format).exact {
                return (Self.sound(seconds: seconds), seconds)
            }
            let clip = try media.sound(bytes, format)
            return (Self.sound(samples: clip.samples.count), clip.seconds)
        }
    }

    /// Ids of the text on a page. One token more than fits shows the content that it is too long.
    func pageText(_ text: String) throws(MediaError) -> [Int32] {
        guard !text.isEmpty else { return [] }
        do { return try frontEnd.ids(text, limit: frontEnd.maxTextTokens + 1).ids } catch {
            throw .documentTooCostly(error.reason)
        }
    }
}
