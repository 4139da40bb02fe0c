/// How to embed a content.
public struct EmbedOptions: Sendable, Equatable {
    /// Values of the vector, 1 to the model's own number. The default, nil, is the model's own number, 3,072.
    public var dimensions: Int?
    /// Puts the task's prompt in front of the first text. The default is none.
    public var task: TaskType?
    /// The document's title, for ``TaskType/retrievalDocument``.
    public var title: String?
    /// Whether a content longer than the context is cut at its end (and says so) rather than refused. The default is true.
    public var autoTruncate = true
    /// Whether the audio track of a video is embedded, too. The default is false.
    public var audioTrackExtraction = false
    /// Whether the text of PDF pages that have none is read by OCR. The default is false.
    public var documentOCR = false
    /// Which files the content may name. The default is none.
    public var files = FileAccess.none
    /// Tokens beyond which the content counts as too long, where that is less than the context. The default is none.
    package var maxTokens: Int?

    /// The defaults.
    public init() {}

    /// Which files a content may name.
    public enum FileAccess: Sendable, Equatable {
        /// No file: a content that names one is refused with ``EmbedError/fileNotAllowed(part:path:)``.
        case none
        /// Paths that are not absolute are relative to this folder.
        case relative(to: String)
    }
}

/// A vector and what it was made of.
public struct Embedding: Sendable, Equatable {
    /// Unit length, every value finite.
    public let values: [Float]
    /// Tokens that the model saw.
    public let tokenCount: Int
    /// Tokens as the service counts them.
    public let usage: Usage
    /// Whether the content was longer than the context, and its end is not in the vector.
    public let truncated: Bool
    /// What is odd about its parts, in their order; empty for nearly every content.
    public let notes: [EmbedNote]
}

/// Tokens of a content by the service's rules: 258 an image or page, 25 a second of sound, 66 a frame of video, text by the model's
/// own vocabulary. Text on a document's pages counts as the document's.
public struct Usage: Sendable, Equatable {
    /// What tokens are counted for; the raw values are the service's.
    public enum Modality: String, Sendable, CaseIterable {
        /// Texts, and text files.
        case text = "TEXT"
        /// Pictures.
        case image = "IMAGE"
        /// Sounds, and the audio track of a video where that is embedded.
        case audio = "AUDIO"
        /// Frames of videos.
        case video = "VIDEO"
        /// Pages of PDF documents, with their text.
        case document = "DOCUMENT"
    }

    /// Tokens of one modality.
    public struct Detail: Sendable, Equatable {
        /// What they are of.
        public var modality: Modality
        /// How many.
        public var tokenCount: Int
    }

    /// One entry a modality present, in the order of ``Modality``.
    public private(set) var details: [Detail] = []

    /// No tokens.
    public init() {}

    init(_ count: Int, _ modality: Modality) {
        add(count, modality)
    }

    /// Tokens of all modalities.
    public var promptTokenCount: Int { details.reduce(0) { $0 + $1.tokenCount } }

    /// Tokens of one modality; 0 where there are none.
    subscript(_ modality: Modality) -> Int { details.first { $0.modality == modality }?.tokenCount ?? 0 }

    static let tokensPerImage = 258
    static let tokensPerPage = 258
    static let tokensPerFrame = 66
    static let tokensPerSecondOfAudio = 25.0

    /// Counts tokens of one modality, beside those that are counted already.
    public mutating func add(_ count: Int, _ modality: Modality) {
        if let index = details.firstIndex(where: { $0.modality == modality }) {
            details[index].tokenCount += count
        } else {
            details.append(Detail(modality: modality, tokenCount: count))
            let order = Modality.allCases
            details.sort { order.firstIndex(of: $0.modality)! < order.firstIndex(of: $1.modality)! }
        }
    }

    /// Tokens of two contents together.
    public static func + (left: Usage, right: Usage) -> Usage {
        var sum = left
        for detail in right.details { sum.add(detail.tokenCount, detail.modality) }
        return sum
    }
}
