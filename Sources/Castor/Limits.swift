package import Media

/// What one content may hold, and how much work it may make. The defaults are those of the hosted service, where it states any;
/// they are checked from headers, before anything is decoded.
public struct Limits: Sendable, Equatable {
    /// Images in one content. The default is 6.
    public var maxImages = 6
    /// Seconds of a sound, and of all sounds of a content together. The default is 180.
    public var maxAudioSeconds = 180.0
    /// Pixels along one side of an image. The default is 16,384.
    public var maxImageSide = 16_384
    /// Pixels of one image. The default is 100 million, of which up to 400 MB are needed while it is decoded, and 300 MB more where another
    /// process does that.
    public var maxImagePixels = 100_000_000
    /// Pixels of one HEIC or AVIF image, whose decoders take twice the memory. The default is 50 million.
    public var maxHEIFPixels = 50_000_000
    /// Videos in one content. The default is 1.
    public var maxVideos = 1
    /// Seconds of a video, or of the part of it that is asked for. The default is 120.
    public var maxVideoSeconds = 120.0
    /// The same where its audio track is wanted, too. The default is 80.
    public var maxVideoSecondsWithAudio = 80.0
    /// Pixels along one side of a video's frames. The default is 8,192.
    public var maxVideoSide = 8_192
    /// Pixels of one frame. The default is 36 million, of which a decoder may hold twenty.
    public var maxVideoPixels = 36_000_000
    /// Documents in one content. The default is 1.
    public var maxDocuments = 1
    /// Pages of a document. The default is 6.
    public var maxPages = 6
    /// Seconds of work for rendering a document, on a free processor. The default is 20.
    public var maxDocumentSeconds = 20.0
    /// Bytes of memory for rendering a document. The default is 1 GiB.
    public var maxDocumentBytes = 1 << 30
    /// Bytes of one file that is read into memory. The default is 256 MiB.
    public var maxFileBytes = 256 << 20
    /// Sounds in one content. The default is 100.
    public var maxSounds = 100
    /// Bytes of all texts of a content together, those of files too. The default is 256 MiB.
    public var maxTextBytes = 256 << 20
    /// Memory that a content may take while it waits for the encoder, in bytes. The default is 512 MiB.
    public var maxPreparedBytes = 512 << 20
    /// Where pictures, sounds and videos are decoded. The default is inside this process.
    package var decoders = Decoders.inside

    /// The defaults.
    public init() {}

    package var media: MediaLimits {
        var limits = MediaLimits()
        limits.decoders = decoders
        limits.maxImageSide = maxImageSide
        limits.maxImagePixels = maxImagePixels
        limits.maxHEIFPixels = maxHEIFPixels
        limits.maxAudioSeconds = maxAudioSeconds
        limits.maxVideoSeconds = maxVideoSeconds
        limits.maxVideoSecondsWithSound = maxVideoSecondsWithAudio
        limits.maxVideoSide = maxVideoSide
        limits.maxVideoPixels = maxVideoPixels
        limits.maxPages = maxPages
        limits.maxDocumentSeconds = maxDocumentSeconds
        limits.maxDocumentBytes = maxDocumentBytes
        return limits
    }
}

extension Limits {
    /// Every limit by its name, as `castor info --json` shows them.
    public var values: [String: Double] {
        [
            "maxImages": Double(maxImages), "maxImageSide": Double(maxImageSide),
            "maxImagePixels": Double(maxImagePixels), "maxHEIFPixels": Double(maxHEIFPixels),
            "maxAudioSeconds": maxAudioSeconds, "maxVideos": Double(maxVideos), "maxVideoSeconds": maxVideoSeconds,
            "maxVideoSecondsWithAudio": maxVideoSecondsWithAudio, "maxVideoSide": Double(maxVideoSide),
            "maxVideoPixels": Double(maxVideoPixels), "maxDocuments": Double(maxDocuments),
            "maxPages": Double(maxPages), "maxDocumentSeconds": maxDocumentSeconds,
            "maxDocumentBytes": Double(maxDocumentBytes), "maxFileBytes": Double(maxFileBytes),
            "maxSounds": Double(maxSounds), "maxTextBytes": Double(maxTextBytes),
            "maxPreparedBytes": Double(maxPreparedBytes),
        ]
    }
}
