/// Encoded sound bytes to 16 kHz mono samples: all channels averaged, then resampled by libswresample.
package enum AudioDecoder {
    /// The length in seconds that the headers tell; nil where they do not, as in raw AAC and in streams that were
    /// written to a pipe. It may be a lie: `decode` checks again.
    ///
    /// Throws `empty`, `damaged`, `badSampleRate`, `tooManyChannels`, `audioTooLong`, `noAudio`, `unsupported` and
    /// `libraryMissing`.
    package static func duration(
        of bytes: RawSpan, format: AudioFormat, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> Double? {
        try bytes.withUnsafeBytes { bytes throws(MediaError) in
            let source = try open(bytes, format, limits)
            try check(source.info, limits)
            return source.info.seconds
        }
    }

    /// All samples. Memory follows what is decoded, never what a header claims.
    ///
    /// Throws as `duration` does, and `noSamples`.
    package static func decode(
        _ bytes: RawSpan, format: AudioFormat, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> AudioClip {
        try bytes.withUnsafeBytes { bytes throws(MediaError) in
            do throws(MediaError) {
                return try clip(from: open(bytes, format, limits), format, limits)
            } catch {
                // libsndfile 1.2 finds the end of some valid Ogg Opus streams malformed, after it has read all the rest.
                guard format == .ogg, case .damaged = error else { throw error }
                let first = error
                do throws(MediaError) {
                    return try clip(from: .ffmpeg(FFmpegAudio(bytes, format: format)), format, limits)
                } catch {
                    throw first
                }
            }
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
        if let promised = source.info.promisedSeconds, assembly.seconds < promised {
            throw .damaged(
                format: format.rawValue,
                reason: "the header claims \(source.info.seconds ?? promised) s, \(assembly.seconds) s are present")
        }
        return AudioClip(samples: try assembly.finish())
    }

    private static func check(_ info: AudioSource.Info, _ limits: MediaLimits) throws(MediaError) {
        // Some containers leave these to the decoder; each block is checked again.
        if info.sampleRate != 0, info.channels != 0 {
            try limits.check(sampleRate: info.sampleRate, channels: info.channels)
        }
        if let seconds = info.seconds {
            try limits.check(seconds: seconds)
        }
    }

    /// libsndfile's view of the file or, where it finds no sound in it, FFmpeg's: libsndfile refuses some valid files, such
    /// as Ogg Opus of a single page. Damage that shows later is not given a second chance, because FFmpeg would skip it.
    private static func open(
        _ bytes: UnsafeRawBufferPointer, _ format: AudioFormat, _ limits: MediaLimits
    ) throws(MediaError) -> AudioSource {
        guard !bytes.isEmpty else { throw .empty }
        try ContainerClaims.check(bytes, format, limits)
        guard SoundFile.reads(format) else { return .ffmpeg(try FFmpegAudio(bytes, format: format)) }
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
        /// From the header.
        var seconds: Double?
        /// How many of these seconds must be there: nil where the header's number is an estimate.
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
}
