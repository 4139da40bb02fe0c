import Media

/// Parts to sources: what each one is, how long, and how many there are. From names, first bytes and headers; nothing is decoded.
struct Intake: Sendable {
    let limits: Limits
    /// What the model takes.
    let media: Set<Usage.Modality>

    /// - Parameter skipsEmptyTexts: whether they are passed over rather than refused
    func callAsFunction(
        _ content: Content, _ access: EmbedOptions.FileAccess, skipsEmptyTexts: Bool = false, _ media: MediaLimits
    ) throws(EmbedError) -> [PartSource] {
        // Emptiness is judged before a prompt hides it, and before any file is opened.
        if !skipsEmptyTexts {
            for (index, part) in content.parts.enumerated() where part.isEmpty { throw .emptyPart(part: index + 1) }
        }
        var files = PartFiles(access: access, maxBytes: limits.maxFileBytes)
        var sources: [PartSource] = []
        var counts = Counts()
        for (index, part) in content.parts.enumerated() {
            if skipsEmptyTexts, case .text("") = part { continue }
            if let cancellation = media.cancellation, cancellation.isCancelled { throw .cancelled }
            let source = try self.source(part, number: index + 1, &files)
            if try counts.add(source, limits) {
                sources.append(source)
            } else {
                // Of those that are too many, none stays in memory until all are counted.
                files.forget()
            }
        }
        try counts.check(limits)
        try checkSupport(sources)
        if counts.sounds > 1 { try checkSeconds(sources, media) }
        return sources
    }

    private func source(_ part: Part, number: Int, _ files: inout PartFiles) throws(EmbedError) -> PartSource {
        switch part {
        case .text(let text):
            return PartSource(kind: .text(text), number: number, name: nil)
        case .data(let bytes, let mimeType):
            return try PartSource(bytes, mimeType: mimeType, name: nil, number, limits)
        case .file(let path, let mimeType):
            let bytes = try files.bytes(path, part: number)
            return try PartSource(bytes, mimeType: mimeType, name: path, number, limits)
        case .clip(let part, let metadata):
            var whole = try source(part, number: number, &files)
            guard case .video(let bytes, let format, _) = whole.kind else { throw .notAVideo(part: number) }
            whole.kind = .video(bytes, format, VideoSelection(metadata))
            return whole
        }
    }

    private func checkSupport(_ sources: [PartSource]) throws(EmbedError) {
        for source in sources {
            let (medium, kind): (Usage.Modality, String) =
                switch source.kind {
                case .text: (.text, "text")
                case .image: (.image, "images")
                case .audio: (.audio, "sounds")
                case .video: (.video, "video")
                case .document: (.document, "documents")
                }
            guard media.contains(medium) else { throw .unsupportedByModel(part: source.number, kind: kind) }
        }
    }

    /// What headers promise must be there; what they only claim is judged when it is decoded.
    private func checkSeconds(_ sources: [PartSource], _ media: MediaLimits) throws(EmbedError) {
        var seconds = 0.0
        for case .audio(let bytes, let format) in sources.map(\.kind) {
            // What is wrong with a sound is told in its turn.
            let promised = try? MediaDecoding(limits: media).soundLength(bytes, format).promised
            if let cancellation = media.cancellation, cancellation.isCancelled { throw .cancelled }
            guard let promised = promised ?? nil else { continue }
            seconds += promised
            guard seconds <= limits.maxAudioSeconds + Budget.toleratedSeconds else {
                throw .tooMuchSound(seconds: seconds, limit: limits.maxAudioSeconds)
            }
        }
    }

    /// How many parts there are of each kind of media.
    private struct Counts {
        var images = 0
        var sounds = 0
        var videos = 0
        var documents = 0

        var textBytes = 0

        /// Returns whether there may be as many. Throws `tooMuchText`.
        mutating func add(_ source: PartSource, _ limits: Limits) throws(EmbedError) -> Bool {
            switch source.kind {
            case .text(let text):
                textBytes += text.utf8.count
                guard textBytes <= limits.maxTextBytes else { throw .tooMuchText(limit: limits.maxTextBytes) }
                return true
            case .image:
                images += 1
                return images <= limits.maxImages
            case .audio:
                sounds += 1
                return sounds <= limits.maxSounds
            case .video:
                videos += 1
                return videos <= limits.maxVideos
            case .document:
                documents += 1
                return documents <= limits.maxDocuments
            }
        }

        func check(_ limits: Limits) throws(EmbedError) {
            guard images <= limits.maxImages else { throw .tooManyImages(count: images, limit: limits.maxImages) }
            guard videos <= limits.maxVideos else { throw .tooManyVideos(count: videos, limit: limits.maxVideos) }
            guard documents <= limits.maxDocuments else {
                throw .tooManyDocuments(count: documents, limit: limits.maxDocuments)
            }
            guard sounds <= limits.maxSounds else { throw .tooManySounds(count: sounds, limit: limits.maxSounds) }
        }
    }
}

extension VideoSelection {
    init(_ metadata: VideoMetadata) {
        self.init(start: metadata.startOffset, end: metadata.endOffset, framesPerSecond: metadata.fps)
    }
}
