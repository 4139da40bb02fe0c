import Castor
import Media

/// A piece of a file, ready for the encoder.
struct PreparedPiece: Sendable {
    var medium: Medium
    var place: Place
    var snippet: String
    var content: PreparedContent
}

/// The pieces of one file, one after the other; each is prepared where ``Piece/prepare(_:)`` is called.
final class FilePieces {
    /// A piece that costs little yet.
    enum Piece: Sendable {
        case text(TextChunks.Chunk)
        case picture(ByteSource, caption: String?)
        case page(DocumentPage, number: Int)
        /// The whole sound, or what lies between two times of it.
        case sound(AudioClip, Range<Double>?)
        case film(ByteSource, VideoFormat, Range<Double>, of: Double)
    }

    /// What the file was taken for.
    let kind: String
    private let options: PieceOptions
    private let embedder: Embedder
    private let file: FileBytes
    private let path: RawPath
    private var source: Source

    private enum Source {
        case list([Piece], next: Int)
        case pages(DocumentPages)
        case sound(SoundPieces)
    }

    /// Recognises bytes, and decodes a sound. Throws what is wrong with the file.
    ///
    /// - Parameter caption: what a file beside it says of a picture, which is one content with it
    init(
        _ file: FileBytes, path: RawPath, caption: String? = nil, embedder: Embedder, options: PieceOptions
    ) throws(Problem) {
        self.options = options
        self.embedder = embedder
        self.file = file
        self.path = path
        let data = file.source
        guard !data.isEmpty else { throw Problem(.empty, "no bytes") }
        guard let type = data.withUnsafeBytes({ MediaType.sniff($0.bytes) }) else {
            let bytes = file.bytes
            let kind = TextKind(fileExtension: path.fileExtension)
            guard let text = Self.text(bytes) else { throw Problem(.unrecognised, "") }
            try Self.require(.text, embedder)
            self.kind = "text/\(kind.rawValue)"
            let chunks = TextChunks(options.text).chunks(of: text, as: kind)
            guard !chunks.isEmpty else { throw Problem(.empty, "nothing but white space") }
            source = .list(chunks.map { .text($0) }, next: 0)
            return
        }
        kind = type.mimeType
        do {
            switch type {
            case .image:
                try Self.require(.image, embedder)
                source = .list([.picture(data, caption: caption)], next: 0)
            case .audio(let format):
                try Self.require(.audio, embedder)
                source = .sound(try SoundPieces(data, format, Self.limits(embedder, options), options))
            case .video(let format):
                try Self.require(.video, embedder)
                let seconds = Double(try embedder.length(of: data, format))
                source = .list(
                    options.windows(over: seconds).map { .film(data, format, $0, of: seconds) }, next: 0)
            case .document:
                try Self.require(.document, embedder)
                source = .pages(
                    try data.withUnsafeBytes { bytes throws(MediaError) in
                        try DocumentPages(bytes.bytes, limits: Self.limits(embedder, options))
                    })
            }
        } catch { throw file.isStill(path) ? Problem(error) : Self.changed }
    }

    private static func limits(_ embedder: Embedder, _ options: PieceOptions) -> MediaLimits {
        var limits = embedder.options.limits.media
        limits.maxAudioSeconds = options.soundStretchSeconds
        limits.maxSecondsBeforeStretch = .infinity
        limits.maxPages = options.maxPages
        limits.maxDocumentSeconds = options.maxDocumentSeconds
        return limits
    }

    private static func require(_ medium: Usage.Modality, _ embedder: Embedder) throws(Problem) {
        guard embedder.media.contains(medium) else { throw Problem(.unsupported, medium.rawValue.lowercased()) }
    }

    /// Throws `tooLarge` for what would be in memory as a whole.
    static func require(_ source: ByteSource, _ options: PieceOptions) throws(Problem) {
        let type = source.withUnsafeBytes { MediaType.sniff($0.bytes) }
        switch type {
        case .audio, .video: break
        case .image, .document, nil:
            guard source.count > options.maxWholeBytes else { return }
            // No size would make it one of those.
            if type == nil, source.withUnsafeBytes({ $0.prefix(controlledBytes).hasControls }) {
                throw Problem(.unrecognised, "")
            }
            throw Problem(.tooLarge, "\(source.count) bytes, the limit is \(options.maxWholeBytes)")
        }
    }

    /// Whether a file beside it may say what it shows.
    static func isPicture(_ source: ByteSource) -> Bool {
        if case .image = source.withUnsafeBytes({ MediaType.sniff($0.bytes) }) { true } else { false }
    }

    /// nil after the last. Throws what is wrong with the rest of the file.
    func next() throws(Problem) -> Piece? {
        let piece = try piece()
        // What was read of one that somebody changed meanwhile is neither what it was nor what it is.
        guard piece != nil || file.isStill(path) else { throw Self.changed }
        return piece
    }

    private static let changed = Problem(.changing, "it changed while it was read")

    /// What of a file that somebody changed meanwhile cannot be decoded is not damaged.
    private func problem(_ error: any Error) -> Problem { file.isStill(path) ? Problem(error) : Self.changed }

    private func piece() throws(Problem) -> Piece? {
        switch source {
        case .list(let pieces, let next):
            guard next < pieces.count else { return nil }
            source = .list(pieces, next: next + 1)
            return pieces[next]
        case .sound(let sound):
            do { return try sound.next().map { .sound($0.clip, $0.window) } } catch { throw problem(error) }
        case .pages(let pages):
            do { return try pages.next().map { .page($0, number: pages.count) } } catch { throw problem(error) }
        }
    }

    /// Tokens of a piece; two of a film that is heard.
    func prepare(_ piece: Piece) throws(Problem) -> [PreparedPiece] {
        do {
            switch piece {
            case .text(let chunk):
                var how = EmbedOptions()
                if embedder.info.isImported { how.task = .retrievalDocument }
                let content = try embedder.prepare(Content(chunk.text), how)
                return [PreparedPiece(medium: .text, place: chunk.place, snippet: snippet(chunk.own), content: content)]
            case .picture(let bytes, let caption):
                let parts = [Part.data(bytes, mimeType: nil)] + (caption.map { [.text($0)] } ?? [])
                let content = try embedder.prepare(Content(parts), EmbedOptions())
                return [
                    PreparedPiece(
                        medium: .image, place: .whole, snippet: snippet(caption ?? ""), content: content)
                ]
            case .page(let page, let number):
                let content = try embedder.prepare(page)
                return [
                    PreparedPiece(
                        medium: .document, place: .page(number), snippet: snippet(page.text), content: content)
                ]
            case .sound(let clip, let window):
                let content = try embedder.prepare(clip)
                let place: Place = window.map { .seconds($0) } ?? .whole
                return [PreparedPiece(medium: .audio, place: place, snippet: "", content: content)]
            case .film(let bytes, let format, let window, let length):
                return try film(bytes, format, window, length)
            }
        } catch { throw problem(error) }
    }

    private func film(
        _ bytes: ByteSource, _ format: VideoFormat, _ window: Range<Double>, _ length: Double
    ) throws(EmbedError) -> [PreparedPiece] {
        let isWhole = window.lowerBound == 0 && window.upperBound == length
        let selection =
            isWhole
            ? VideoSelection() : VideoSelection(start: window.lowerBound, end: window.upperBound, framesPerSecond: nil)
        let hears = embedder.media.contains(.audio)
        let place: Place = isWhole ? .whole : .seconds(window)
        let film = try embedder.prepare(bytes, format, selection, sound: hears)
        var pieces = [PreparedPiece(medium: .video, place: place, snippet: "", content: film.pictures)]
        if let sound = film.sound, Self.isHeard(sound) {
            pieces.append(
                PreparedPiece(
                    medium: .video, place: place, snippet: Self.soundSnippet, content: try embedder.prepare(sound)))
        }
        return pieces
    }

    /// What is shown of an item that is the sound of a film.
    static let soundSnippet = "(its sound)"

    /// Of silence there is nothing to be found by.
    private static func isHeard(_ sound: AudioClip) -> Bool {
        sound.samples.count > AudioClip.sampleRate / 10 && sound.samples.contains { abs($0) > 1e-3 }
    }

    /// The longest of emoji have fewer.
    private static let scalarsOfCharacter = 16

    /// The beginning, on one line.
    private func snippet(_ text: String) -> String {
        var result = ""
        var isSpace = true
        for character in text {
            if result.count >= options.snippetLength { return result + "…" }
            if character.isWhitespace {
                if !isSpace { result.append(" ") }
                isSpace = true
            } else {
                // A letter with as many marks above it as somebody liked is one character.
                result.unicodeScalars.append(contentsOf: character.unicodeScalars.prefix(Self.scalarsOfCharacter))
                isSpace = false
            }
        }
        return result.trimmingSpaces
    }

    /// UTF-8, UTF-16 with its mark, or Windows-1252 (Latin-1 and a little more), which is told by what it is not; nil for bytes that are no text.
    static func text(_ bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            let isLittle = bytes[0] == 0xFF
            guard bytes.count % 2 == 0 else { return nil }
            let units = stride(from: 2, to: bytes.count, by: 2).map {
                UInt16(bytes[$0 + (isLittle ? 1 : 0)]) << 8 | UInt16(bytes[$0 + (isLittle ? 0 : 1)])
            }
            return String(validating: units, as: UTF16.self)
        }
        // What is no text has bytes that none has, mostly at once.
        guard !bytes.prefix(controlledBytes).hasControls else { return nil }
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        guard let text = String(validating: bytes[start...], as: UTF8.self) else { return western(bytes) }
        return text.utf8.contains(0) ? nil : text
    }

    /// Letters beyond ASCII are few in what Western Europe writes; where they are many, it is another encoding, or no text.
    private static func western(_ bytes: [UInt8]) -> String? {
        let letters = bytes.count { $0 >= 128 }
        guard letters * 4 <= bytes.count, !bytes.hasControls else { return nil }
        return String(
            String.UnicodeScalarView(
                bytes.map { (128..<160).contains($0) ? windows[Int($0) - 128] : Unicode.Scalar($0) }))
    }

    /// Bytes 128 to 159 of Windows-1252 (WHATWG, Encoding).
    private static let windows = Array(
        "\u{20ac}\u{81}\u{201a}\u{192}\u{201e}\u{2026}\u{2020}\u{2021}\u{2c6}\u{2030}\u{160}\u{2039}\u{152}\u{8d}\u{17d}\u{8f}\u{90}\u{2018}\u{2019}\u{201c}\u{201d}\u{2022}\u{2013}\u{2014}\u{2dc}\u{2122}\u{161}\u{203a}\u{153}\u{9d}\u{17e}\u{178}"
            .unicodeScalars)

    private static let controlledBytes = 1 << 16
}

extension Problem: Error {
    /// What is wrong with a file, or with the machine.
    init(_ error: any Error) {
        switch error {
        case let error as Problem: self = error
        case let error as EmbedError:
            switch error {
            case .unsupportedByModel(_, let kind): self = Problem(.unsupported, kind)
            case .media(_, _, let reason): self = Problem(.damaged, reason)
            case .noTokens: self = Problem(.empty, error.description)
            default: self = Problem(error.kind == .machine ? .machine : .damaged, error.description)
            }
        case let error as MediaError:
            switch error {
            case .empty, .noSamples: self = Problem(.empty, error.description)
            case .audioTooLong, .tooManyPages, .videoTooLong: self = Problem(.tooLong, error.description)
            case .imageTooLarge, .documentTooCostly: self = Problem(.tooLarge, error.description)
            case .outOfMemory, .decoderProcess, .documentProcess: self = Problem(.machine, error.description)
            default: self = Problem(.damaged, error.description)
            }
        default: self = Problem(.damaged, "\(error)")
        }
    }
}
