/// Why a content has no vector. Parts count from 1, as a person would.
public enum EmbedError: Error, Sendable, Equatable {
    /// The content has no parts.
    case noParts
    /// A text of length zero, or media of zero bytes.
    case emptyPart(part: Int)
    /// A file part, where files are not allowed.
    case fileNotAllowed(part: Int, path: String)
    /// There is no such file.
    case fileNotFound(part: Int, path: String)
    /// A file that the system does not let read, or a folder.
    case fileUnreadable(part: Int, path: String, reason: String)
    /// A file of more bytes than ``Limits/maxFileBytes``.
    case fileTooLarge(part: Int, path: String, bytes: Int, limit: Int)
    /// A MIME type or file that Castor does not embed.
    case unsupportedType(part: Int, type: String)
    /// Bytes that cannot be decoded or are over a limit; `name` is the file's.
    case media(part: Int, name: String?, reason: String)
    /// A text file that is not UTF-8.
    case invalidText(part: Int, name: String?)
    /// A text that the tokenizer cannot take, for want of memory.
    ///
    /// As ``outOfMemory(reason:)`` it says nothing against the content.
    case unreadableText(part: Int, reason: String)
    /// Parts of which nothing is left to embed.
    case noTokens
    /// More than ``Limits/maxImages``.
    case tooManyImages(count: Int, limit: Int)
    /// Sounds that are together longer than one may be.
    case tooMuchSound(seconds: Double, limit: Double)
    /// More than ``Limits/maxSounds``.
    case tooManySounds(count: Int, limit: Int)
    /// In bytes.
    case tooMuchText(limit: Int)
    /// More than ``Limits/maxVideos``.
    case tooManyVideos(count: Int, limit: Int)
    /// More than ``Limits/maxDocuments``.
    case tooManyDocuments(count: Int, limit: Int)
    /// Media that this model was not made for; `kind` is "text", "images", "sounds", "video" or "documents".
    case unsupportedByModel(part: Int, kind: String)
    /// A part of a video, where the bytes are something else.
    case notAVideo(part: Int)
    /// More tokens than the context, and truncation was declined.
    case tooManyTokens(limit: Int)
    /// In bytes, of what the parts become.
    case tooMuchMemory(limit: Int)
    /// ``EmbedOptions/dimensions`` below 1 or beyond the model's own number.
    case invalidDimensions(Int, limit: Int)
    /// Nobody waits for the vector any more.
    case cancelled
    /// The weights, not the content, are at fault.
    case model(String)
    /// A process that decodes could not be started, or was ended from outside, as the system does for want of memory.
    ///
    /// As ``outOfMemory(reason:)`` it says nothing against the content.
    case noDecoder(part: Int, reason: String)
    /// The machine has no memory for this content now; others, and the same later, may pass.
    case outOfMemory(reason: String)

    /// Who has to act, and so which exit or HTTP status a program answers with.
    public enum Kind: Sendable {
        /// The content must change.
        case input
        /// A file is missing.
        case notFound
        /// The model is damaged.
        case model
        /// The machine lacks memory, files that may be open, or the processes that decode.
        case machine
    }

    /// Who has to act.
    public var kind: Kind {
        switch self {
        case .fileNotFound: .notFound
        case .model: .model
        case .outOfMemory, .unreadableText, .noDecoder: .machine
        default: .input
        }
    }
}

extension EmbedError: CustomStringConvertible {
    /// What is wrong, in one line: the part, the value and the limit.
    public var description: String {
        switch self {
        case .noParts: "the content has no parts"
        case .emptyPart(let part): "part \(part) is empty"
        case .fileNotAllowed(let part, let path): "part \(part): the file \(path) may not be opened here"
        case .fileNotFound(let part, let path): "part \(part): \(path): no such file"
        case .fileUnreadable(let part, let path, let reason): "part \(part): \(path): \(reason)"
        case .fileTooLarge(let part, let path, let bytes, let limit):
            "part \(part): \(path) has \(bytes) bytes, the limit is \(limit)"
        case .unsupportedType(let part, let type):
            "part \(part): \(type) cannot be embedded; text, images, audio, video and PDF can"
        case .media(let part, let name, let reason):
            "part \(part)\(name.map { " (\($0))" } ?? ""): \(reason)"
        case .invalidText(let part, let name):
            "part \(part)\(name.map { " (\($0))" } ?? ""): the text is not valid UTF-8"
        case .unreadableText(let part, let reason), .noDecoder(let part, let reason): "part \(part): \(reason)"
        case .noTokens: "the content has nothing that makes a token"
        case .tooManyImages(let count, let limit): "the content has \(count) images, the limit is \(limit)"
        case .tooMuchSound(let seconds, let limit):
            "the sounds of the content are at least \(Int(seconds)) s long together, the limit is \(Int(limit)) s"
        case .tooManySounds(let count, let limit): "the content has \(count) sounds, the limit is \(limit)"
        case .tooMuchText(let limit):
            "the texts of the content have more than \(limit) bytes together, which is the limit"
        case .tooMuchMemory(let limit):
            "the parts of the content need more than \(limit) bytes of memory together, which is the limit"
        case .cancelled: "it was cancelled"
        case .tooManyVideos(let count, let limit): "the content has \(count) videos, the limit is \(limit)"
        case .tooManyDocuments(let count, let limit): "the content has \(count) documents, the limit is \(limit)"
        case .unsupportedByModel(let part, let kind): "part \(part): this model takes no \(kind)"
        case .notAVideo(let part): "part \(part) has videoMetadata and is no video"
        case .tooManyTokens(let limit):
            "the content has more tokens than the context of \(limit), and truncation is off"
        case .invalidDimensions(let value, let limit): "\(value) dimensions are outside 1...\(limit)"
        case .model(let reason), .outOfMemory(let reason): reason
        }
    }
}

/// Why a model folder cannot be opened.
public struct ModelLoadError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Whether a file of the folder is missing, rather than damaged.
    public let isMissing: Bool
    /// Whether the machine is at fault and not the folder: it lacks memory, or OpenBLAS, or computes wrongly.
    public let isMachine: Bool
    /// What is wrong, with the file's name.
    public let description: String
}

extension EmbedError {
    /// HTTP status and name of the service's error object.
    public var serviceStatus: (code: Int, name: String) {
        switch kind {
        case .input: (400, "INVALID_ARGUMENT")
        case .notFound: (404, "NOT_FOUND")
        case .model: (500, "INTERNAL")
        case .machine: (503, "UNAVAILABLE")
        }
    }
}
