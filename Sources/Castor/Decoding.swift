package import CastorNumerics
package import Encoder
package import Media

/// What kind of media a part is, and what its tokens depend on beside its bytes.
package enum MediaRequest: Sendable, Hashable {
    case image
    case video(VideoSelection, sound: Bool)
    case document(recognisesText: Bool)
}

/// A sound on its way into the encoder.
package struct PreparedSound: Sendable {
    package let segments: [EncoderInput.Segment]
    /// Samples that they were made of, at 16 kHz: what a content's sounds come to is judged by them, also where a cache answers.
    package let sampleCount: Int

    package init(segments: [EncoderInput.Segment], sampleCount: Int) {
        self.segments = segments
        self.sampleCount = sampleCount
    }

    /// Of a model of format castor-1.
    package init(patches: Matrix, sampleCount: Int) {
        self.init(segments: [.audio(patches: patches)], sampleCount: sampleCount)
    }

    /// Of a model of format castor-1.
    package var patches: Matrix {
        guard segments.count == 1, case .audio(let patches) = segments[0] else {
            preconditionFailure("a sound of another format")
        }
        return patches
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

/// Sources to segments, part by part, under one budget. What finds no room in the context is not decoded: it is counted by its header.
struct Decoding: Sendable {
    let frontEnd: any FrontEnd
    let accounting: Accounting

    /// - Parameter maxTokens: of the context
    func callAsFunction(
        _ sources: [PartSource], _ options: EmbedOptions, _ hooks: some PreparationHooks, maxTokens: Int,
        _ budget: inout Budget
    ) throws(EmbedError) -> (segments: [EncoderInput.Segment], tally: PreparationTally) {
        var segments: [EncoderInput.Segment] = []
        var tally = PreparationTally()
        for source in sources {
            try budget.checkCancelled()
            tally.add(source.notes, of: source)
            if budget.isFull {
                tally.truncated = true
                if !options.autoTruncate { throw .tooManyTokens(limit: maxTokens) }
                tally.usage = tally.usage + (try accounting(source, options, &budget))
                continue
            }
            let made = try self.segments(source, options, hooks, maxTokens, &tally, &budget)
            let input = EncoderInput(made)
            let fits = input.tokenCount <= budget.tokens
            try budget.take(tokens: input.tokenCount, bytes: input.byteCount)
            segments += made
            if tally.truncated || !fits {
                tally.truncated = true
                if !options.autoTruncate { throw .tooManyTokens(limit: maxTokens) }
            }
        }
        return (segments, tally)
    }

    private func segments(
        _ source: PartSource, _ options: EmbedOptions, _ hooks: some PreparationHooks, _ maxTokens: Int,
        _ tally: inout PreparationTally, _ budget: inout Budget
    ) throws(EmbedError) -> [EncoderInput.Segment] {
        var (usage, notes) = (Usage(), [MediaNote]())
        defer {
            tally.usage = tally.usage + usage
            tally.add(notes, of: source)
        }
        let media = MediaDecoding(limits: budget.media)
        switch source.kind {
        case .text(let text):
            let (ids, cut): ([Int32], Bool)
            do { (ids, cut) = try frontEnd.ids(text, limit: min(maxTokens, frontEnd.maxTextTokens)) } catch {
                throw error.error(part: source.number)
            }
            if cut { tally.truncated = true }
            usage.add(ids.count, .text)
            budget.take(countedTokens: ids.count)
            // No more is held than there is room for.
            return [.text(ids.count <= budget.tokens ? ids : Array(ids.prefix(budget.tokens + 1)))]
        case .image(let bytes, let format):
            usage.add(Usage.tokensPerImage, .image)
            return try source.reading { () throws(MediaError) in
                try hooks.segments(bytes, .image) { () throws(MediaError) in
                    try image(bytes, format, media, hooks, &notes)
                }
            }
        case .audio(let bytes, let format):
            return try budget.sound(source) { (limits) throws(MediaError) in
                let media = MediaDecoding(limits: limits)
                let sound = try hooks.sound(bytes) { () throws(MediaError) in
                    let clip = try hooks.clip(bytes) { () throws(MediaError) in try media.sound(bytes, format) }
                    notes += clip.notes
                    return PreparedSound(segments: try frontEnd.sound(clip), sampleCount: clip.samples.count)
                }
                usage = usage + Accounting.sound(samples: sound.sampleCount)
                return (sound.segments, Accounting.seconds(sound.sampleCount))
            }
        case .video(let bytes, let format, let selection):
            let sound = options.audioTrackExtraction
            return try source.reading { () throws(MediaError) in
                try hooks.segments(bytes, .video(selection, sound: sound)) { () throws(MediaError) in
                    try video(bytes, format, selection, sound: sound, media, &usage, &notes)
                }
            }
        case .document(let bytes):
            let recognisesText = options.documentOCR
            return try source.reading { () throws(MediaError) in
                try hooks.segments(bytes, .document(recognisesText: recognisesText)) { () throws(MediaError) in
                    try document(bytes, recognisesText: recognisesText, media, &usage, &notes)
                }
            }
        }
    }
}

extension Budget {
    /// Decodes one of the sounds, which are together as long as one may be; `decode` gives its length too.
    mutating func sound<Result>(
        _ source: PartSource, _ decode: (MediaLimits) throws(MediaError) -> (Result, seconds: Double)
    ) throws(EmbedError) -> Result {
        var limits = media
        let isFirst = seconds == limits.maxAudioSeconds
        if !isFirst { limits.maxAudioSeconds = max(0, seconds) + Self.toleratedSeconds }
        let decoded: (Result, seconds: Double)
        do throws(MediaError) { decoded = try decode(limits) } catch {
            if !isFirst, case .audioTooLong(let more, _) = error { throw tooMuchSound(more) }
            throw source.failure(error)
        }
        try take(seconds: decoded.seconds)
        return decoded.0
    }
}
