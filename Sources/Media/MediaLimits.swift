/// How large an input may be. Checked against headers before any decoding, and again against what decoding gives.
package struct MediaLimits: Sendable, Equatable {
    /// Width and height, in pixels. The default is 16,384.
    package var maxImageSide = 16_384

    /// Width times height, in pixels. The default is 100 million; decoding takes up to 7 bytes of memory a pixel.
    package var maxImagePixels = 100_000_000

    /// The same of HEIC and AVIF, whose decoders take 15 bytes a pixel. The default is 50 million: the largest that phones make has 48.8.
    package var maxHEIFPixels = 50_000_000

    /// Length of a sound, in seconds. The default is 180.
    package var maxAudioSeconds = 180.0

    /// The default is 64.
    package var maxAudioChannels = 64

    /// Sample rates that are resampled, in Hz. The default is 1,000 to 768,000.
    package var audioSampleRates = 1_000...768_000

    /// Length of the part of a video that is asked for, in seconds. The default is 120.
    package var maxVideoSeconds = 120.0

    /// The same where the sound is wanted, too. The default is 80.
    package var maxVideoSecondsWithSound = 80.0

    /// Width and height of a frame, in pixels. The default is 8,192.
    package var maxVideoSide = 8_192

    /// Width times height of a frame, in pixels. The default is 36 million; a decoder may hold twenty such frames.
    package var maxVideoPixels = 36_000_000

    /// Frames in a file. The default is a million: more than four hours at 60 a second.
    package var maxVideoPackets = 1_000_000

    /// Pixels of all frames that are decoded on the way to those that are wanted. The default is 64 thousand million: 120 s
    /// of 3840 x 2160 pixels at 64 frames a second.
    package var maxDecodedVideoPixels = 64_000_000_000

    /// Processor time for reading a sound or a video, in seconds, beside what the decoders' own threads take. The default is 300: none that
    /// keeps to the other limits comes near.
    package var maxDecodingSeconds = 300.0

    /// Pages of a document. The default is 6.
    package var maxPages = 6

    /// Width and height of a rendered page, in pixels; larger pages are rendered smaller. The default is 2,048.
    package var maxPageSide = 2_048

    /// Scale of a rendered page. The default is 72: a pixel a point.
    package var pageDotsPerInch = 72.0

    /// For rendering a document, in seconds that its process works, or waits for anything but a processor. The default is 20.
    package var maxDocumentSeconds = 20.0

    /// More for documents whose text is recognised, in seconds. The default is 60.
    package var maxTextRecognitionSeconds = 60.0

    /// Address space for rendering a document, in bytes. The default is 1 GiB.
    package var maxDocumentBytes = 1 << 30

    /// Sound of a video that is decoded on the way to the stretch that is wanted, in seconds: all that is before it where the file does not tell
    /// when what is heard. The default is 600.
    package var maxSecondsBeforeStretch = 600.0

    /// Who may say that nobody waits any more. The default, nil, is nobody.
    package var cancellation: Cancellation?

    /// Where it is decoded by ``Decoders``. The default is inside this process.
    package var decoders = Decoders.inside

    package init() {}

    /// Throws `imageTooLarge`.
    func check(_ size: ImageSize, _ format: ImageFormat) throws(MediaError) {
        let maxPixels =
            switch format {
            case .heic, .avif: min(maxImagePixels, maxHEIFPixels)
            case .jpeg, .png, .webp, .gif, .bmp: maxImagePixels
            }
        let (pixels, overflow) = size.width.multipliedReportingOverflow(by: size.height)
        guard max(size.width, size.height) <= maxImageSide, !overflow, pixels <= maxPixels else {
            throw .imageTooLarge(
                width: size.width, height: size.height, sideLimit: maxImageSide, pixelLimit: maxPixels)
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
