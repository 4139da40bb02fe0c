/// What one vector is made of: parts in order, text and media mixed as wanted.
///
/// ```swift
/// let content: Content = ["a sleepy kitten", .file("kitten.jpg")]
/// ```
public struct Content: Sendable, Equatable, ExpressibleByArrayLiteral {
    /// In the order in which the model sees them.
    public var parts: [Part]

    /// A content of these parts; without any it has no vector (``EmbedError/noParts``).
    public init(_ parts: [Part]) {
        self.parts = parts
    }

    /// A content of one text.
    public init(_ text: String) {
        parts = [.text(text)]
    }

    public init(arrayLiteral parts: Part...) {
        self.parts = parts
    }
}

/// One piece of a ``Content``.
public enum Part: Sendable, Equatable, ExpressibleByStringLiteral {
    /// Words in any language; of length zero it has no vector.
    case text(String)
    /// Bytes of an image, a sound, a video, a PDF document, or a plain text. The bytes themselves tell what they are; a MIME type of another
    /// kind is an error, one of another format of the same kind an ``EmbedNote``.
    case data(ByteSource, mimeType: String?)
    /// A file. Opened only where ``EmbedOptions/files`` allows it; without a MIME type its name is taken for one.
    case file(String, mimeType: String?)
    /// A part of a video: the video itself is `data` or `file`.
    indirect case clip(Part, VideoMetadata)

    public init(stringLiteral text: String) {
        self = .text(text)
    }

    /// A file whose name is taken for its MIME type.
    public static func file(_ path: String) -> Part { .file(path, mimeType: nil) }

    /// Bytes in an array; the MIME type may be nil.
    public static func data(_ bytes: [UInt8], mimeType: String?) -> Part {
        .data(ByteSource(bytes), mimeType: mimeType)
    }
}

extension Part {
    /// The part itself, without what part of it is looked at.
    public var media: Part {
        if case .clip(let part, _) = self { part.media } else { self }
    }
}
