/// The sound of a stretch of a video.
enum VideoSound {
    /// From `start` to `end`, in seconds of the sound track. Throws as ``AudioDecoder`` does; a stretch without any sample
    /// gives a clip without samples.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, _ format: VideoFormat, from start: Double, to end: Double,
        _ limits: MediaLimits
    ) throws(MediaError) -> AudioClip {
        try SoundStretch.decode(
            .ffmpeg(FFmpegAudio(bytes, demuxer: format.demuxer(bytes), name: format.rawValue, limits: limits)),
            format.rawValue, start, end, limits)
    }
}
