private import CFFmpeg

/// The best sound stream of a file in memory, through FFmpeg.
struct FFmpegAudio: ~Copyable {
    let info: AudioSource.Info

    /// More than what encoders put before the first sample, which decoders may drop: 2,112 samples, or twice that.
    private static let primingSeconds = 0.25
    /// Frames that may be missing without a word: what encoders put before and behind the sound.
    private static let framesOfPadding = 4.0

    private let reader: OpaquePointer
    private let name: String
    private let isLossless: Bool
    /// With the cancellation, which lives as long as the reader looks at it.
    private let limits: MediaLimits

    /// `bytes` must outlive the reader. Throws `damaged`, `noAudio`, `unsupported`, `tooCostly`, `outOfMemory` and `libraryMissing`.
    init(_ bytes: UnsafeRawBufferPointer, format: AudioFormat, limits: MediaLimits) throws(MediaError) {
        try self.init(
            bytes, demuxer: Self.demuxer(format), name: format.name, promise: Self.promise(format), limits: limits)
    }

    /// How far the length that a container claims binds it.
    enum Promise {
        case none
        /// Up to priming and padding.
        case frames
        case samples
    }

    /// - Parameters:
    ///   - demuxer: FFmpeg's name of the container
    ///   - name: the format's, for messages
    init(
        _ bytes: UnsafeRawBufferPointer, demuxer: String, name: String, promise: Promise = .none, limits: MediaLimits
    ) throws(MediaError) {
        var reader: OpaquePointer?
        var stream = castor_audio_info()
        let status = castor_audio_open(
            bytes.baseAddress, bytes.count, demuxer, limits.maxDecodingSeconds, limits.cancellation?.flag, &reader,
            &stream)
        guard status == CASTOR_FFMPEG_OK, let reader else { throw Self.failure(status, name, limits) }
        let seconds = stream.seconds >= 0 ? stream.seconds : nil
        let promised: Double? =
            switch promise {
            case .none: nil
            case .frames: seconds.map { $0 - Self.primingSeconds }
            case .samples: seconds.map { $0 - 0.5 / Double(max(1, stream.sample_rate)) }
            }
        info = AudioSource.Info(
            sampleRate: Int(stream.sample_rate), channels: Int(stream.channels), seconds: seconds,
            promisedSeconds: promised)
        self.reader = reader
        self.name = name
        self.limits = limits
        isLossless = stream.lossless
    }

    deinit { castor_audio_close(reader) }

    func next() throws(MediaError) -> AudioSource.Block? {
        var block = castor_audio_block()
        let status = castor_audio_read(reader, &block)
        if status == CASTOR_FFMPEG_END { return nil }
        guard status == CASTOR_FFMPEG_OK else { throw Self.failure(status, name, limits) }
        return AudioSource.Block(
            samples: UnsafeBufferPointer(start: block.samples, count: block.count),
            sampleRate: Int(block.sample_rate), channels: Int(block.channels), time: block.time)
    }

    /// What ends before `time`, in seconds of the file's own clock, is not decoded from now on.
    func passOver(until time: Double) { castor_audio_pass_over(reader, time) }

    /// What is to be said of a stream of which `decoded` seconds came out; nil for a part of it. Lossy frames that are damaged are left out,
    /// as players do; where most are, and where a lossless stream lacks any, it is an error. Throws `damaged`.
    func verdict(decoded: Double?) throws(MediaError) -> [MediaNote] {
        let damage = castor_audio_damage_so_far(reader)
        let isWhole = isLossless && info.promisedSeconds != nil
        guard damage.undecodable <= damage.decoded, !isLossless || isWhole || damage.undecodable == 0 else {
            throw Self.failure(CASTOR_FFMPEG_DAMAGED, name, limits)
        }
        var notes: [MediaNote] = []
        if damage.undecodable > 0 {
            let all = damage.decoded + damage.undecodable
            notes.append(
                .damaged(
                    format: name,
                    reason: "frames that cannot be decoded and are left out: \(damage.undecodable) of \(all)"))
        }
        if damage.corrupt > 0 {
            notes.append(.damaged(format: name, reason: "frames that lack something: \(damage.corrupt)"))
        }
        if damage.broken { notes.append(.damaged(format: name, reason: "its end cannot be read and is left out")) }
        if damage.left_out {
            notes.append(.damaged(format: name, reason: "a stream that begins later in it is left out"))
        }
        let padding = Self.framesOfPadding * damage.longest_packet
        if let claimed = info.seconds, let decoded, decoded < claimed - padding {
            notes.append(.shorter(format: name, seconds: decoded, claimed: claimed))
        }
        return notes
    }

    private static func demuxer(_ format: AudioFormat) -> String {
        switch format {
        case .m4a: "mov"
        case .weba, .mka: "matroska"
        case .wav, .mp3, .flac, .ogg, .aac, .aiff: format.rawValue
        }
    }

    private static func promise(_ format: AudioFormat) -> Promise {
        switch format {
        case .m4a: .frames
        case .flac: .samples
        // WAV and AIFF come here in rare codecs, whose lengths are approximate.
        case .wav, .mp3, .ogg, .aac, .aiff, .weba, .mka: .none
        }
    }

    private static func failure(
        _ status: castor_ffmpeg_status, _ name: String, _ limits: MediaLimits
    ) -> MediaError {
        switch status {
        case CASTOR_FFMPEG_MISSING: .missingFFmpeg
        case CASTOR_FFMPEG_NO_STREAM: .noAudio
        case CASTOR_FFMPEG_UNSUPPORTED: .unsupported("the kind of audio in this \(name) file")
        case CASTOR_FFMPEG_NO_MEMORY: .outOfMemory(format: name)
        case CASTOR_FFMPEG_TOO_SLOW: .tooSlow(format: name, limits)
        default: .damaged(format: name, reason: "the audio data is broken or cut short")
        }
    }
}
