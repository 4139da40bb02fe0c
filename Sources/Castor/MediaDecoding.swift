import Media

/// The only calls of decoders: a byte source to pixels, samples, frames or pages, and to what headers say of them.
struct MediaDecoding: Sendable {
    let limits: MediaLimits

    // MARK: - Decoding

    func picture(
        _ source: ByteSource, _ format: ImageFormat, target: (ImageSize) -> ImageSize?
    ) throws(MediaError) -> DecodedImage {
        try source.withUnsafeBytes { (bytes) throws(MediaError) in
            try limits.decoders.image(bytes.bytes, format: format, limits: limits, target: target)
        }
    }

    func sound(_ source: ByteSource, _ format: AudioFormat) throws(MediaError) -> AudioClip {
        try source.withUnsafeBytes { (bytes) throws(MediaError) in
            try limits.decoders.audio(bytes.bytes, format: format, limits: limits)
        }
    }

    func clip(
        _ source: ByteSource, _ format: VideoFormat, _ selection: VideoSelection, maxFrames: Int, wantsSound: Bool,
        most: (ImageSize) -> Int, target: (ImageSize) -> ImageSize
    ) throws(MediaError) -> DecodedVideo {
        try source.withUnsafeBytes { (bytes) throws(MediaError) in
            try limits.decoders.video(
                bytes.bytes, format: format, selection: selection, maxFrames: maxFrames, wantsSound: wantsSound,
                limits: limits, most: most, target: target)
        }
    }

    /// - Parameter textOnly: whether pages are not rendered
    func pages(
        _ source: ByteSource, recognisesText: Bool, textOnly: Bool = false
    ) throws(MediaError) -> DecodedDocument {
        try source.withUnsafeBytes { (bytes) throws(MediaError) in
            try DocumentReader.decode(
                bytes.bytes, recognisesText: recognisesText, textOnly: textOnly, limits: limits)
        }
    }

    // MARK: - Headers

    func pictureSize(_ source: ByteSource, _ format: ImageFormat) throws(MediaError) -> ImageSize {
        try source.withUnsafeBytes { (bytes) throws(MediaError) in
            try limits.decoders.imageSize(of: bytes.bytes, format: format, limits: limits)
        }
    }

    func soundLength(_ source: ByteSource, _ format: AudioFormat) throws(MediaError) -> SoundLength {
        try source.withUnsafeBytes { (bytes) throws(MediaError) in
            try limits.decoders.audioLength(of: bytes.bytes, format: format, limits: limits)
        }
    }

    func outline(
        _ source: ByteSource, _ format: VideoFormat, _ selection: VideoSelection, maxFrames: Int, wantsSound: Bool
    ) throws(MediaError) -> (frameCount: Int, soundSeconds: Double) {
        try source.withUnsafeBytes { (bytes) throws(MediaError) in
            try limits.decoders.videoOutline(
                bytes.bytes, format: format, selection: selection, maxFrames: maxFrames, wantsSound: wantsSound,
                limits: limits)
        }
    }
}
