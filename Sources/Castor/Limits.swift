package import Media

/// What one content may hold. The defaults are those of the hosted service (DESIGN of the service's limits: six images, 180 s
/// of sound); they are checked from headers, before anything is decoded.
public struct Limits: Sendable, Equatable {
    /// Images in one content. The default is 6.
    public var maxImages = 6
    /// Seconds of one sound. The default is 180.
    public var maxAudioSeconds = 180.0
    /// Pixels along one side of an image. The default is 16,384.
    public var maxImageSide = 16_384
    /// Pixels of one image. The default is 100 million, of which up to 400 MB are needed while it is decoded.
    public var maxImagePixels = 100_000_000
    /// Bytes of one file. The default is 256 MiB.
    public var maxFileBytes = 256 << 20

    public init() {}

    package var media: MediaLimits {
        var limits = MediaLimits()
        limits.maxImageSide = maxImageSide
        limits.maxImagePixels = maxImagePixels
        limits.maxAudioSeconds = maxAudioSeconds
        return limits
    }
}
