private import CFFmpeg

/// The best sound stream of a file in memory, through FFmpeg.
struct FFmpegAudio: ~Copyable {
    let info: AudioSource.Info

    /// More than what encoders put before the first sample, which decoders may drop: 2,112 samples, or twice that.
    private static let primingSeconds = 0.25

    private let reader: OpaquePointer
    private let name: String

    /// `bytes` must outlive the reader. Throws `damaged`, `noAudio`, `unsupported` and `libraryMissing`.
    init(_ bytes: UnsafeRawBufferPointer, format: AudioFormat) throws(MediaError) {
        try self.init(bytes, demuxer: Self.demuxer(format), name: format.rawValue, promisesLength: format == .m4a)
    }

    /// - Parameters:
    ///   - demuxer: FFmpeg's name of the container
    ///   - name: the format's, for messages
    ///   - promisesLength: whether the length that the container claims must be there
    init(
        _ bytes: UnsafeRawBufferPointer, demuxer: String, name: String, promisesLength: Bool = false
    ) throws(MediaError) {
        var reader: OpaquePointer?
        var stream = castor_audio_info()
        let status = castor_audio_open(bytes.baseAddress, bytes.count, demuxer, &reader, &stream)
        guard status == CASTOR_FFMPEG_OK, let reader else { throw Self.failure(status, name) }
        let seconds = stream.seconds >= 0 ? stream.seconds : nil
        info = AudioSource.Info(
            sampleRate: Int(stream.sample_rate), channels: Int(stream.channels), seconds: seconds,
            promisedSeconds: promisesLength ? seconds.map { $0 - Self.primingSeconds } : nil)
        self.reader = reader
        self.name = name
    }

    deinit { castor_audio_close(reader) }

    func next() throws(MediaError) -> AudioSource.Block? {
        var block = castor_audio_block()
        let status = castor_audio_read(reader, &block)
        if status == CASTOR_FFMPEG_END { return nil }
        guard status == CASTOR_FFMPEG_OK else { throw Self.failure(status, name) }
        return AudioSource.Block(
            samples: UnsafeBufferPointer(start: block.samples, count: block.count),
            sampleRate: Int(block.sample_rate), channels: Int(block.channels))
    }

    private static func demuxer(_ format: AudioFormat) -> String {
        switch format {
        case .m4a: "mov"
        case .wav, .mp3, .flac, .ogg, .aac, .aiff: format.rawValue
        }
    }

    private static func failure(_ status: castor_ffmpeg_status, _ name: String) -> MediaError {
        switch status {
        case CASTOR_FFMPEG_MISSING: .libraryMissing(String(cString: castor_ffmpeg_missing()))
        case CASTOR_FFMPEG_NO_STREAM: .noAudio
        case CASTOR_FFMPEG_UNSUPPORTED: .unsupported("the kind of audio in this \(name) file")
        case CASTOR_FFMPEG_NO_MEMORY: .unsupported("\(name): out of memory")
        default: .damaged(format: name, reason: "the audio data is broken or cut short")
        }
    }
}
