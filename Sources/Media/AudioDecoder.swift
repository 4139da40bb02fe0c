/// Encoded sound bytes to 16 kHz mono samples: all channels averaged, then resampled by libswresample.
package enum AudioDecoder {
    /// The length in seconds that the file itself tells; nil where it does not, as in raw AAC and in streams that were
    /// written to a pipe. It may be a lie: `decode` goes by what is there.
    ///
    /// Throws `empty`, `damaged`, `badSampleRate`, `tooManyChannels`, `audioTooLong`, `tooCostly`, `noAudio`, `unsupported`, `outOfMemory` and
    /// `libraryMissing`.
    package static func duration(
        of bytes: RawSpan, format: AudioFormat, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> Double? {
        try bytes.withUnsafeBytes { bytes throws(MediaError) in
            try header(bytes, format, limits).seconds
        }
    }

    /// How far the header can be relied on: `decode` throws where less is there. Throws as `duration` does.
    package static func length(
        of bytes: RawSpan, format: AudioFormat, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> SoundLength {
        try bytes.withUnsafeBytes { bytes throws(MediaError) in
            let info = try header(bytes, format, limits)
            guard let promised = info.promisedSeconds, let seconds = info.seconds else { return SoundLength() }
            let isExact = info.sampleRate > 0 && seconds - promised < 1 / Double(info.sampleRate)
            return SoundLength(promised: promised, exact: isExact ? seconds : nil)
        }
    }

    private static func header(
        _ bytes: UnsafeRawBufferPointer, _ format: AudioFormat, _ limits: MediaLimits
    ) throws(MediaError) -> AudioSource.Info {
        try limits.watching { () throws(MediaError) in
            guard !bytes.isEmpty else { throw .empty }
            let file = SoundWrapping.content(of: bytes, format)
            _ = try ContainerClaims.check(file, format, limits)
            return try SoundTags.withoutLongTags(file, format) { file throws(MediaError) in
                let source = try open(file, format, limits)
                try check(source.info, limits)
                return source.info
            }
        }
    }

    /// All samples, to the end of the data whatever a header says of its length. Memory follows what is decoded.
    ///
    /// Throws as `duration` does, and `noSamples`.
    package static func decode(
        _ bytes: RawSpan, format: AudioFormat, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> AudioClip {
        try bytes.withUnsafeBytes { bytes throws(MediaError) in
            try limits.watching { () throws(MediaError) in
                guard !bytes.isEmpty else { throw .empty }
                let file = SoundWrapping.content(of: bytes, format)
                let note = try ContainerClaims.check(file, format, limits)
                let clip = try SoundTags.withoutLongTags(file, format) { file throws(MediaError) in
                    format == .ogg ? try chain(file, limits) : try decode(file, format, limits)
                }
                return AudioClip(
                    samples: clip.samples,
                    notes: [note].compactMap { $0 } + structureNotes(bytes, file, format, clip.notes) + clip.notes)
            }
        }
    }

    /// From `start` to `end`, in seconds, of a sound of any length: what lies before is passed over where the file lets, what lies behind is not read. No
    /// samples where it has ended before. `limits.maxAudioSeconds` bounds the stretch.
    ///
    /// Throws as `duration` does.
    package static func decode(
        _ bytes: RawSpan, format: AudioFormat, from start: Double, to end: Double, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> AudioClip {
        precondition(0 <= start && start < end)
        return try bytes.withUnsafeBytes { bytes throws(MediaError) in
            try limits.watching { () throws(MediaError) in
                guard !bytes.isEmpty else { throw .empty }
                let file = SoundWrapping.content(of: bytes, format)
                _ = try ContainerClaims.check(file, format, limits)
                return try SoundTags.withoutLongTags(file, format) { file throws(MediaError) in
                    guard format == .ogg else {
                        return try SoundStretch.decode(open(file, format, limits), format.name, start, end, limits)
                    }
                    return try chain(file, start, end, limits)
                }
            }
        }
    }

    /// The same of the links of an Ogg file, whose lengths are known to who has looked at them.
    private static func chain(
        _ bytes: UnsafeRawBufferPointer, _ start: Double, _ end: Double, _ limits: MediaLimits
    ) throws(MediaError) -> AudioClip {
        var samples: [Float] = []
        var before = 0.0
        for link in try OggChain.links(of: bytes) {
            guard before < end else { break }
            do throws(MediaError) {
                let source = try open(bytes.slice(link), .ogg, limits)
                let seconds = source.info.seconds
                if let seconds, before + seconds <= start {
                    before += seconds
                    continue
                }
                let first = max(0, start - before)
                let clip = try SoundStretch.decode(source, AudioFormat.ogg.name, first, end - before, limits)
                samples += clip.samples
                before += seconds ?? (first + clip.seconds)
            } catch {
                switch error {
                case .damaged, .noSamples, .noAudio, .unsupported: continue
                default: throw error
                }
            }
        }
        return AudioClip(samples: samples)
    }

    /// What stands between and before the frames or pages of streams, or lacks there. `others` say more where sound lacks.
    private static func structureNotes(
        _ bytes: UnsafeRawBufferPointer, _ file: UnsafeRawBufferPointer, _ format: AudioFormat, _ others: [MediaNote]
    ) -> [MediaNote] {
        var notes: [MediaNote] = []
        let junk = SoundWrapping.junk(before: format, in: bytes)
        if junk > 0 { notes.append(.junkBefore(.audio(format), bytes: junk)) }
        var reasons: [String] = []
        if format == .mp3 || format == .aac {
            let (stray, isCut) = MPEGAudio.damage(in: file)
            if stray > 0 { reasons.append("bytes between its frames that are left out: \(stray)") }
            if isCut { reasons.append("it ends amid a frame") }
        }
        if format == .ogg, others.isEmpty { reasons += OggChain.damage(in: file) }
        return notes + reasons.map { .damaged(format: format.name, reason: $0) }
    }

    /// The links of an Ogg file one after the other. One that cannot be decoded is left out.
    private static func chain(_ bytes: UnsafeRawBufferPointer, _ limits: MediaLimits) throws(MediaError) -> AudioClip {
        var whole = (samples: [Float](), seconds: 0.0, notes: Set<MediaNote>())
        var refusals: [MediaError] = []
        let links = try OggChain.links(of: bytes)
        for link in links {
            do throws(MediaError) {
                let clip = try decode(bytes.slice(link), .ogg, limits, after: whole.seconds)
                whole.samples += clip.samples
                whole.seconds += clip.seconds
                whole.notes.formUnion(clip.notes)
            } catch {
                switch error {
                case .damaged, .noSamples, .noAudio, .unsupported: refusals.append(error)
                default: throw error
                }
            }
        }
        if let first = refusals.first, refusals.count == links.count { throw first }
        var notes = Array(whole.notes)
        if let lost = refusals.first(where: { $0 != .noSamples(format: AudioFormat.ogg.rawValue) }) {
            notes.append(.damaged(format: AudioFormat.ogg.rawValue, reason: "a part of it is left out (\(lost))"))
        }
        return AudioClip(samples: whole.samples, notes: notes)
    }

    /// `seconds` of the same file came before.
    private static func decode(
        _ bytes: UnsafeRawBufferPointer, _ format: AudioFormat, _ limits: MediaLimits, after seconds: Double = 0
    ) throws(MediaError) -> AudioClip {
        do throws(MediaError) {
            return try clip(from: open(bytes, format, limits), format, limits, after: seconds)
        } catch {
            // libsndfile 1.2 finds the end of some valid Ogg Opus streams malformed, after it has read all the rest.
            guard format == .ogg, case .damaged = error else { throw error }
            let first = error
            do throws(MediaError) {
                return try clip(from: .ffmpeg(ffmpeg(bytes, format, limits)), format, limits, after: seconds)
            } catch {
                throw first
            }
        }
    }

    private static func clip(
        from source: consuming AudioSource, _ format: AudioFormat, _ limits: MediaLimits, after seconds: Double
    ) throws(MediaError) -> AudioClip {
        try check(source.info, limits)
        var assembly = AudioAssembly(format: format.name, limits: limits, after: seconds)
        while let block = try source.next() {
            try limits.checkCancelled()
            try assembly.append(block.samples, sampleRate: block.sampleRate, channels: block.channels)
        }
        let notes = try source.verdict(decoded: assembly.seconds, format: format.name)
        return AudioClip(samples: try assembly.finish(), notes: notes)
    }

    private static func check(_ info: AudioSource.Info, _ limits: MediaLimits) throws(MediaError) {
        // Some containers leave these to the decoder; each block is checked again.
        if info.sampleRate != 0, info.channels != 0 {
            try limits.check(sampleRate: info.sampleRate, channels: info.channels)
        }
        // What need not be there is no reason to refuse what is.
        if info.promisedSeconds != nil, let seconds = info.seconds {
            try limits.check(seconds: seconds)
        }
    }

    private static func ffmpeg(
        _ bytes: UnsafeRawBufferPointer, _ format: AudioFormat, _ limits: MediaLimits
    ) throws(MediaError) -> FFmpegAudio {
        try SoundTags.check(bytes, format)
        return try FFmpegAudio(bytes, format: format, limits: limits)
    }

    /// WAV, AIFF and Ogg by libsndfile, and by FFmpeg what it finds no sound in; the others by FFmpeg, because libsndfile 1.2 stops at the
    /// length that a header claims (FLAC) or that it guesses (MP3).
    private static func open(
        _ bytes: UnsafeRawBufferPointer, _ format: AudioFormat, _ limits: MediaLimits
    ) throws(MediaError) -> AudioSource {
        guard SoundFile.reads(format), !ContainerClaims.isForFFmpeg(bytes) else {
            return .ffmpeg(try ffmpeg(bytes, format, limits))
        }
        let refusal: MediaError
        do throws(MediaError) {
            let file = try SoundFile(bytes, format: format)
            if !file.isEmpty { return .soundFile(file) }
            refusal = .noSamples(format: format.name)
        } catch {
            refusal = error
        }
        do throws(MediaError) {
            return .ffmpeg(try ffmpeg(bytes, format, limits))
        } catch {
            switch error {
            case .outOfMemory, .tooCostly: throw error
            // Both say so, and the first one's words are the better ones.
            default: throw refusal
            }
        }
    }
}

/// What a header says of a sound's length, in seconds, where files that are whole cannot have less.
package struct SoundLength: Sendable, Equatable {
    /// At least so much must be there.
    package var promised: Double?
    /// To the sample.
    package var exact: Double?
}

/// Decoded sound, block by block, from one of the two decoders.
enum AudioSource: ~Copyable {
    case soundFile(SoundFile)
    case ffmpeg(FFmpegAudio)

    /// Two packets of Opus or long blocks of Vorbis.
    private static let toleratedSeconds = 0.1

    struct Info {
        /// In Hz; 0 where only decoding tells.
        var sampleRate: Int
        /// 0 where only decoding tells.
        var channels: Int
        /// As the file claims; nil where it does not.
        var seconds: Double?
        /// How many of these seconds must be there; nil where the number may be wrong in files that are whole.
        var promisedSeconds: Double?
    }

    struct Block {
        /// Mono; valid until the next block is asked for.
        var samples: UnsafeBufferPointer<Float>
        var sampleRate: Int
        var channels: Int
        /// Of the first sample, by the file's own clock, in seconds; NaN where it does not tell.
        var time = Double.nan
    }

    var info: Info {
        switch self {
        case .soundFile(let file): file.info
        case .ffmpeg(let file): file.info
        }
    }

    /// Nil at the end.
    func next() throws(MediaError) -> Block? {
        switch self {
        case .soundFile(let file): try file.next()
        case .ffmpeg(let file): try file.next()
        }
    }

    /// Goes on at a time, in seconds, before the first block was asked for. False where it does not, and begins at its beginning.
    func seek(to seconds: Double) -> Bool {
        switch self {
        case .soundFile(let file): file.seek(to: seconds)
        case .ffmpeg: false
        }
    }

    /// What ends before `time`, in seconds of the file's own clock, is not decoded from now on; only of blocks that tell their time.
    func passOver(until time: Double) {
        switch self {
        case .soundFile: break
        case .ffmpeg(let file): file.passOver(until: time)
        }
    }

    /// What is to be said of a file of which a part was decoded. Throws `damaged`.
    func verdictOfPart() throws(MediaError) -> [MediaNote] {
        switch self {
        case .soundFile: []
        case .ffmpeg(let file): try file.verdict(decoded: nil)
        }
    }

    /// What is to be said of a file of which `decoded` seconds came out. Throws `damaged` where too much is missing.
    func verdict(decoded: Double, format: String) throws(MediaError) -> [MediaNote] {
        if let promised = info.promisedSeconds, decoded < promised {
            throw .damaged(
                format: format, reason: "the header claims \(info.seconds ?? promised) s, \(decoded) s are present")
        }
        switch self {
        case .soundFile:
            // Of Ogg, whose damaged pages libsndfile passes over.
            guard let claimed = info.seconds, decoded < claimed - Self.toleratedSeconds else { return [] }
            return [.shorter(format: format, seconds: decoded, claimed: claimed)]
        case .ffmpeg(let file): return try file.verdict(decoded: decoded)
        }
    }
}
