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
            try withSource(bytes, format, limits) { source throws(MediaError) in
                try check(source.info, limits)
                return source.info.seconds
            }
        }
    }

    /// All samples. Memory follows what is decoded, never what a header claims.
    ///
    /// Throws as `duration` does, and `noSamples`.
    package static func decode(
        _ bytes: RawSpan, format: AudioFormat, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> AudioClip {
        try bytes.withUnsafeBytes { bytes throws(MediaError) in
            try withSource(bytes, format, limits) { source throws(MediaError) in
                try check(source.info, limits)
                var assembly = AudioAssembly(format: format, limits: limits)
                while let block = try source.next() {
                    try assembly.append(block.samples, sampleRate: block.sampleRate, channels: block.channels)
                }
                if let exact = source.info.exactFrames, assembly.frames < exact {
                    throw .damaged(
                        format: format.rawValue,
                        reason: "the header claims \(exact) samples, \(assembly.frames) are present")
                }
                return AudioClip(samples: try assembly.finish())
            }
        }
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

    /// Runs `body` with libsndfile's view of the file and, where that fails as damaged, with FFmpeg's: libsndfile refuses
    /// some valid files, such as Ogg Opus of a single page.
    private static func withSource<R>(
        _ bytes: UnsafeRawBufferPointer, _ format: AudioFormat, _ limits: MediaLimits,
        _ body: (inout AudioSource) throws(MediaError) -> R
    ) throws(MediaError) -> R {
        guard !bytes.isEmpty else { throw .empty }
        try ContainerClaims.check(bytes, format, limits)
        guard SoundFile.reads(format) else {
            var source = AudioSource.ffmpeg(try FFmpegAudio(bytes, format: format))
            return try body(&source)
        }
        let refusal: MediaError
        do throws(MediaError) {
            var source = AudioSource.soundFile(try SoundFile(bytes, format: format))
            return try body(&source)
        } catch {
            switch error {
            case .damaged, .noSamples, .unsupported: refusal = error
            default: throw error
            }
        }
        do throws(MediaError) {
            var source = AudioSource.ffmpeg(try FFmpegAudio(bytes, format: format))
            return try body(&source)
        } catch {
            switch error {
            // Both decoders say so; the first one's words are the better ones.
            case .damaged, .noSamples, .noAudio, .unsupported, .libraryMissing: throw refusal
            default: throw error
            }
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
        /// Samples a channel, where the header's number is a promise and not an estimate.
        var exactFrames: Int?
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
