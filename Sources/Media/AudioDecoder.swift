/// Encoded sound bytes to 16 kHz mono samples: all channels averaged, then resampled by libswresample.
package enum AudioDecoder {
    /// The length in seconds that the file itself tells; nil where it does not, as in raw AAC and in streams that were
    /// written to a pipe. It may be a lie: `decode` goes by what is there.
    ///
    /// Throws `empty`, `damaged`, `badSampleRate`, `tooManyChannels`, `audioTooLong`, `noAudio`, `unsupported` and
    /// `libraryMissing`.
    package static func duration(
        of bytes: RawSpan, format: AudioFormat, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> Double? {
        try bytes.withUnsafeBytes { bytes throws(MediaError) in
            let file = SoundWrapping.content(of: bytes, format)
            _ = try ContainerClaims.check(file, format, limits)
            let source = try open(file, format)
            try check(source.info, limits)
            return source.info.seconds
        }
    }

    /// All samples, to the end of the data whatever a header says of its length. Memory follows what is decoded.
    ///
    /// Throws as `duration` does, and `noSamples`.
    package static func decode(
        _ bytes: RawSpan, format: AudioFormat, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> AudioClip {
        try bytes.withUnsafeBytes { bytes throws(MediaError) in
            let file = SoundWrapping.content(of: bytes, format)
            let note = try ContainerClaims.check(file, format, limits)
            let clip = try clip(from: open(file, format), format, limits)
            return AudioClip(samples: clip.samples, notes: (note.map { [$0] } ?? []) + clip.notes)
        }
    }

    private static func clip(
        from source: consuming AudioSource, _ format: AudioFormat, _ limits: MediaLimits
    ) throws(MediaError) -> AudioClip {
        try check(source.info, limits)
        var assembly = AudioAssembly(format: format.rawValue, limits: limits)
        while let block = try source.next() {
            try assembly.append(block.samples, sampleRate: block.sampleRate, channels: block.channels)
        }
        let notes = try source.verdict(decoded: assembly.seconds, format: format.rawValue)
        return AudioClip(samples: try assembly.finish(), notes: notes)
    }

    private static func check(_ info: AudioSource.Info, _ limits: MediaLimits) throws(MediaError) {
        // Some containers leave these to the decoder; each block is checked again.
        if info.sampleRate != 0, info.channels != 0 {
            try limits.check(sampleRate: info.sampleRate, channels: info.channels)
        }
        // What need not be there is no reason to refuse what is.
        if let seconds = info.promisedSeconds {
            try limits.check(seconds: seconds)
        }
    }

    /// WAV and AIFF by libsndfile, and by FFmpeg what it finds no sound in; the others by FFmpeg, because libsndfile 1.2 stops at the length
    /// that a header claims or that it guesses (MP3), and at the first link of a chain (Ogg).
    private static func open(_ bytes: UnsafeRawBufferPointer, _ format: AudioFormat) throws(MediaError) -> AudioSource {
        guard !bytes.isEmpty else { throw .empty }
        guard SoundFile.reads(format), !ContainerClaims.isForFFmpeg(bytes) else {
            return .ffmpeg(try FFmpegAudio(bytes, format: format))
        }
        let refusal: MediaError
        do throws(MediaError) {
            let file = try SoundFile(bytes, format: format)
            if !file.isEmpty { return .soundFile(file) }
            refusal = .noSamples(format: format.rawValue)
        } catch {
            refusal = error
        }
        do throws(MediaError) {
            return .ffmpeg(try FFmpegAudio(bytes, format: format))
        } catch {
            // Both say so, and the first one's words are the better ones.
            throw refusal
        }
    }
}

/// Decoded sound, block by block, from one of the two decoders.
enum AudioSource: ~Copyable {
    case soundFile(SoundFile)
    case ffmpeg(FFmpegAudio)

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

    /// What is to be said of a file of which `decoded` seconds came out. Throws `damaged` where too much is missing.
    func verdict(decoded: Double, format: String) throws(MediaError) -> [MediaNote] {
        if let promised = info.promisedSeconds, decoded < promised {
            throw .damaged(
                format: format, reason: "the header claims \(info.seconds ?? promised) s, \(decoded) s are present")
        }
        switch self {
        case .soundFile: return []
        case .ffmpeg(let file): return try file.verdict(decoded: decoded)
        }
    }
}
