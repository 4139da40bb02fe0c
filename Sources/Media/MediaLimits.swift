/// How large an input may be. Checked against headers before any decoding, and again against what decoding gives.
package struct MediaLimits: Sendable, Equatable {
    /// Width and height, in pixels. The default is 16,384.
    package var maxImageSide = 16_384

    /// Width times height, in pixels. The default is 100 million; decoding takes up to 7 bytes of memory a pixel.
    package var maxImagePixels = 100_000_000

    /// Length of a sound, in seconds. The default is 180.
    package var maxAudioSeconds = 180.0

    /// The default is 64.
    package var maxAudioChannels = 64

    /// Sample rates that are resampled, in Hz. The default is 1,000 to 768,000.
    package var audioSampleRates = 1_000...768_000

    package init() {}

    /// Throws `imageTooLarge`.
    func check(_ size: ImageSize) throws(MediaError) {
        let (pixels, overflow) = size.width.multipliedReportingOverflow(by: size.height)
        guard max(size.width, size.height) <= maxImageSide, !overflow, pixels <= maxImagePixels else {
            throw .imageTooLarge(
                width: size.width, height: size.height, sideLimit: maxImageSide, pixelLimit: maxImagePixels)
        }
    }

    /// Throws `badSampleRate` and `tooManyChannels`.
    func check(sampleRate: Int, channels: Int) throws(MediaError) {
        guard audioSampleRates.contains(sampleRate) else {
            throw .badSampleRate(
                sampleRate, lowest: audioSampleRates.lowerBound, highest: audioSampleRates.upperBound)
        }
        guard channels <= maxAudioChannels else {
            throw .tooManyChannels(channels, limit: maxAudioChannels)
        }
    }

    /// Throws `audioTooLong`. `seconds` may be anything that a header claims, also infinite.
    func check(seconds: Double) throws(MediaError) {
        guard seconds <= maxAudioSeconds else {
            throw .audioTooLong(seconds: seconds, limit: maxAudioSeconds)
        }
    }
}
