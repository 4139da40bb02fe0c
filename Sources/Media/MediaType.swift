/// Still image formats that are decoded.
package enum ImageFormat: String, Sendable, CaseIterable {
    case jpeg, png, webp, bmp, gif, heic, avif
}

/// Sound formats that are decoded. `ogg` covers Vorbis, Opus, FLAC and Speex in Ogg; `weba` and `mka` are WebM and Matroska without
/// pictures.
package enum AudioFormat: String, Sendable, CaseIterable {
    case wav, mp3, flac, ogg, aac, m4a, aiff, weba, mka

    /// As its files are called.
    var name: String { self == .weba ? "webm" : rawValue }
}

/// Video formats that are recognised.
package enum VideoFormat: String, Sendable, CaseIterable {
    case mp4, mov, mpeg, webm, mkv
}

/// What a piece of media is, found from its bytes, its MIME type or its file name.
package enum MediaType: Sendable, Hashable {
    case image(ImageFormat)
    case audio(AudioFormat)
    case video(VideoFormat)
    /// PDF.
    case document
}

extension MediaType {
    /// The format's short name, such as `jpeg` or `pdf`.
    package var name: String {
        switch self {
        case .image(let format): format.rawValue
        case .audio(let format): format.rawValue
        case .video(let format): format.rawValue
        case .document: "pdf"
        }
    }

    /// As its files are called, for messages.
    var nameOfFiles: String {
        if case .audio(let format) = self { format.name } else { name }
    }

    /// The canonical MIME type.
    package var mimeType: String {
        switch self {
        case .image(let format): "image/\(format.rawValue)"
        case .audio(.mp3): "audio/mpeg"
        case .audio(.m4a): "audio/mp4"
        case .audio(.weba): "audio/webm"
        case .audio(.mka): "audio/x-matroska"
        case .audio(let format): "audio/\(format.rawValue)"
        case .video(.mov): "video/quicktime"
        case .video(.mkv): "video/x-matroska"
        case .video(let format): "video/\(format.rawValue)"
        case .document: "application/pdf"
        }
    }

    /// Upper and lower case are the same, and parameters after `;` are ignored. Nil for types that are not known here.
    package init?(mimeType: String) {
        let name = mimeType.prefix { $0 != ";" }.filter { !$0.isWhitespace }.lowercased()
        switch name {
        case "image/jpeg", "image/jpg", "image/pjpeg", "image/jpe", "image/x-jpeg": self = .image(.jpeg)
        case "image/png", "image/x-png", "image/apng": self = .image(.png)
        case "image/webp", "image/x-webp": self = .image(.webp)
        case "image/bmp", "image/x-bmp", "image/x-ms-bmp", "image/x-windows-bmp": self = .image(.bmp)
        case "image/gif": self = .image(.gif)
        case "image/heic", "image/heif", "image/heic-sequence", "image/heif-sequence": self = .image(.heic)
        case "image/avif", "image/avif-sequence": self = .image(.avif)
        case "audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave", "audio/x-pn-wav": self = .audio(.wav)
        case "audio/mpeg", "audio/mp3", "audio/mpeg3", "audio/x-mp3", "audio/x-mpeg", "audio/x-mpeg-3", "audio/mpga":
            self = .audio(.mp3)
        case "audio/flac", "audio/x-flac": self = .audio(.flac)
        case "audio/ogg", "audio/opus", "audio/vorbis", "audio/x-ogg", "audio/x-vorbis+ogg", "audio/x-opus+ogg",
            "application/ogg", "application/x-ogg":
            self = .audio(.ogg)
        case "audio/aac", "audio/aacp", "audio/x-aac", "audio/x-hx-aac-adts": self = .audio(.aac)
        case "audio/mp4", "audio/m4a", "audio/x-m4a", "audio/x-mp4", "audio/mp4a-latm": self = .audio(.m4a)
        case "audio/aiff", "audio/x-aiff", "audio/aif", "audio/x-aifc", "audio/aifc": self = .audio(.aiff)
        case "video/mp4", "video/x-m4v", "application/mp4": self = .video(.mp4)
        case "video/quicktime", "video/mov": self = .video(.mov)
        case "video/mpeg", "video/mpg", "video/x-mpeg", "video/mp2t", "video/mpegps", "video/mp2p": self = .video(.mpeg)
        case "audio/webm", "audio/x-webm": self = .audio(.weba)
        case "audio/x-matroska", "audio/matroska", "audio/mka": self = .audio(.mka)
        case "video/webm": self = .video(.webm)
        case "video/x-matroska", "video/matroska", "video/mkv": self = .video(.mkv)
        case "application/pdf", "application/x-pdf": self = .document
        default: return nil
        }
    }

    /// With or without the leading dot; upper and lower case are the same.
    package init?(fileExtension: String) {
        let name = (fileExtension.first == "." ? fileExtension.dropFirst() : fileExtension[...]).lowercased()
        switch name {
        case "jpg", "jpeg", "jpe", "jfif": self = .image(.jpeg)
        case "png", "apng": self = .image(.png)
        case "webp": self = .image(.webp)
        case "bmp", "dib": self = .image(.bmp)
        case "gif": self = .image(.gif)
        case "heic", "heif", "hif": self = .image(.heic)
        case "avif": self = .image(.avif)
        case "wav", "wave": self = .audio(.wav)
        case "mp3", "mpga", "mp2": self = .audio(.mp3)
        case "flac": self = .audio(.flac)
        case "ogg", "oga", "opus", "spx": self = .audio(.ogg)
        case "aac", "adts": self = .audio(.aac)
        case "m4a", "m4b": self = .audio(.m4a)
        case "aif", "aiff", "aifc": self = .audio(.aiff)
        case "weba": self = .audio(.weba)
        case "mka": self = .audio(.mka)
        case "mp4", "m4v": self = .video(.mp4)
        case "mov", "qt": self = .video(.mov)
        case "mpeg", "mpg", "m2v", "ts", "m2ts", "mts": self = .video(.mpeg)
        case "webm": self = .video(.webm)
        case "mkv": self = .video(.mkv)
        case "pdf": self = .document
        default: return nil
        }
    }
}

extension MediaType {
    /// Whether `found` is what this type's name promises.
    ///
    /// Containers of one family agree, because files of both kinds carry either name in practice: HEIF brands (HEIC and
    /// AVIF share the `mif1` brand), MP4 and QuickTime, Matroska and WebM, all with or without pictures. Anything else must be equal.
    package func agrees(with found: MediaType) -> Bool {
        self == found || family.map { $0 == found.family } ?? false
    }

    private enum Family {
        case heif, isoMedia, matroska
    }

    private var family: Family? {
        switch self {
        case .image(.heic), .image(.avif): .heif
        case .audio(.m4a), .video(.mp4), .video(.mov): .isoMedia
        case .audio(.weba), .audio(.mka), .video(.webm), .video(.mkv): .matroska
        default: nil
        }
    }

    private enum Kind {
        case image, audio, video, document
    }

    private var kind: Kind {
        switch self {
        case .image: .image
        case .audio: .audio
        case .video: .video
        case .document: .document
        }
    }

    /// The type of bytes, and what is odd about what they are declared to be.
    package struct Resolution: Sendable, Equatable {
        package var type: MediaType
        package var notes: [MediaNote]

        package init(type: MediaType, notes: [MediaNote] = []) {
            self.type = type
            self.notes = notes
        }
    }

    var isImage: Bool { kind == .image }

    /// What bytes are. Labels are often wrong about the format (a PNG file named `.jpg`): that is worth a note. Whoever takes a
    /// video for a picture has mistaken the file: that is an error.
    ///
    /// Throws `empty`, `unrecognised` (nothing declared) or `mismatch`.
    package static func resolve(declared: MediaType?, bytes: RawSpan) throws(MediaError) -> Resolution {
        guard !bytes.isEmpty else { throw .empty }
        let found = sniff(bytes)
        guard let declared else {
            guard let found else { throw .unrecognised }
            return Resolution(type: found)
        }
        if declared == .image(.jpeg), found?.kind != .image,
            let start = bytes.withUnsafeBytes({ JPEG.start(of: $0) }), start > 0
        {
            return Resolution(type: declared, notes: [.junkBefore(declared, bytes: start)])
        }
        guard let found else { throw .mismatch(declared: declared, found: nil) }
        if declared.agrees(with: found) {
            // Of a damaged file, the label alone tells whether there are pictures.
            let isUnsure = [.audio(.mka), .audio(.weba)].contains(declared) && found.kind == .video
            let showsTracks = !isUnsure || bytes.withUnsafeBytes { Matroska.showsTracks($0) }
            return Resolution(type: showsTracks ? found : declared)
        }
        guard declared.kind == found.kind else { throw .mismatch(declared: declared, found: found) }
        return Resolution(type: found, notes: [.mislabelled(declared: declared, found: found)])
    }
}
