/// Why bytes did not become pixels or samples. Every case is the input's or the installation's fault, never a bug.
package enum MediaError: Error, Sendable, Equatable {
    /// There are no bytes at all.
    case empty
    /// The bytes start like no format known here.
    case unrecognised
    /// The bytes are not what their name or MIME type says. `found` is nil where they are no known format.
    case mismatch(declared: MediaType, found: MediaType?)
    /// The format is right and the content is broken. `format` is a name such as `jpeg`.
    case damaged(format: String, reason: String)
    /// A sound file of a kind that is not decoded here, such as encrypted or proprietary variants.
    case unsupported(String)
    /// Width and height in pixels; `sideLimit` for either, `pixelLimit` for their product.
    case imageTooLarge(width: Int, height: Int, sideLimit: Int, pixelLimit: Int)
    /// Both in seconds. `seconds` is the full length where the header tells it, else how far decoding came.
    case audioTooLong(seconds: Double, limit: Double)
    /// A sound container without a sound track.
    case noAudio
    /// A sound track without a single sample.
    case noSamples(format: String)
    /// In Hz.
    case badSampleRate(Int, lowest: Int, highest: Int)
    case tooManyChannels(Int, limit: Int)
    /// A system library that is loaded on demand is not installed: what the loader says, and Debian's packages, between spaces.
    case libraryMissing(reason: String, packages: String)
    /// A video container without a picture track.
    case noVideo
    /// Both in seconds, of the part that was asked for.
    case videoTooLong(seconds: Double, limit: Double, withSound: Bool)
    /// Width and height of a video's frames in pixels; `sideLimit` for either, `pixelLimit` for their product.
    case frameTooLarge(width: Int, height: Int, sideLimit: Int, pixelLimit: Int)
    /// More frames in a file, or to be decoded for those that are wanted, than allowed.
    case tooManyFrames(limit: Int)
    /// A part of a video that it does not have.
    case badVideoRange(String)
    case tooManyPages(count: Int, limit: Int)
    /// What costs more memory or time than all its pictures or sound could; `format` as in `damaged`.
    case tooCostly(format: String, reason: String)
    /// There is no memory left to decode it in; `format` as in `damaged`.
    case outOfMemory(format: String)
    /// A document that only a password opens.
    case encrypted
    /// A document that takes more time or memory than allowed; the reason says which, and the limit.
    case documentTooCostly(String)
    /// Poppler is not installed.
    case documentLibraryMissing(String)
    /// Text was to be recognised, and Tesseract is not there.
    case textRecognitionMissing(String)
    /// No process that renders documents could be started, or two were ended from outside: the machine's doing.
    case documentProcess(String)
    /// Nobody waits for the result any more.
    case cancelled
    /// The process that decodes files ended with a fault, took more time or memory than allowed, or gave an answer that makes no
    /// sense: the file's doing.
    case decoderStopped(String)
    /// No process that decodes files could be started, or two were ended from outside: the machine's doing.
    case decoderProcess(String)
}

extension MediaError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .empty:
            "the file is empty (0 bytes)"
        case .unrecognised:
            "the bytes are of no known image, audio, video or document format, nor text in UTF-8"
        case .mismatch(let declared, let found?):
            "declared as \(declared.mimeType), but the bytes are \(found.mimeType)"
        case .mismatch(let declared, nil):
            "declared as \(declared.mimeType), but the bytes are of no known format"
        case .damaged(let format, let reason):
            "damaged \(format) file: \(reason)"
        case .unsupported(let what):
            "not supported: \(what)"
        case .imageTooLarge(let width, let height, let sideLimit, let pixelLimit):
            """
            the image is \(width) x \(height) pixels; the limits are \(sideLimit) pixels a side \
            and \(pixelLimit) pixels in all
            """
        case .audioTooLong(let seconds, let limit):
            "the audio is at least \(rounded(seconds)) s long; the limit is \(rounded(limit)) s"
        case .noAudio:
            "the file has no audio track"
        case .noSamples(let format):
            "the \(format) file holds no audio samples"
        case .badSampleRate(let rate, let lowest, let highest):
            "the audio's sample rate is \(rate) Hz; rates from \(lowest) to \(highest) Hz are accepted"
        case .tooManyChannels(let count, let limit):
            "the audio has \(count) channels; the limit is \(limit)"
        case .libraryMissing(let reason, let packages):
            """
            this input needs a library that could not be loaded (\(reason)): apt-get install \(packages) \
            (of the Debian that castor was built on)
            """
        case .noVideo:
            "the file has no video track"
        case .videoTooLong(let seconds, let limit, let withSound):
            """
            the video is at least \(rounded(seconds)) s long; the limit is \(rounded(limit)) s\
            \(withSound ? " with its audio track" : "")
            """
        case .frameTooLarge(let width, let height, let sideLimit, let pixelLimit):
            """
            the video's frames are \(width) x \(height) pixels; the limits are \(sideLimit) pixels a side \
            and \(pixelLimit) pixels in all
            """
        case .tooManyFrames(let limit):
            "the video needs more than \(limit) frames of its size to be read, which is the limit"
        case .badVideoRange(let reason):
            "videoMetadata: \(reason)"
        case .tooManyPages(let count, let limit):
            "the document has \(count) pages; the limit is \(limit)"
        case .tooCostly(let format, let reason):
            "the \(format) file is too complex: \(reason)"
        case .outOfMemory(let format):
            "there is not enough memory to decode the \(format) file"
        case .encrypted:
            "the document is encrypted: it needs a password"
        case .documentTooCostly(let reason):
            "the document is too complex: \(reason)"
        case .documentLibraryMissing(let reason):
            "PDF needs the Poppler library, which could not be loaded (\(reason)): apt-get install libpoppler-glib8"
        case .textRecognitionMissing(let reason):
            "documentOcr needs the Tesseract library: \(reason)"
        case .documentProcess(let reason):
            "the process that renders documents failed: \(reason)"
        case .cancelled:
            "it was cancelled"
        case .decoderStopped(let reason):
            "the file cannot be decoded: \(reason)"
        case .decoderProcess(let reason):
            "the process that decodes files failed: \(reason)"
        }
    }
}

/// Tenths of a second are enough for a message, and `180.0` reads worse than `180`.
func rounded(_ seconds: Double) -> String {
    let tenths = (seconds * 10).rounded() / 10
    return tenths == tenths.rounded() && abs(tenths) < 1e15 ? "\(Int(tenths))" : "\(tenths)"
}
