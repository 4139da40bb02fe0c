import CastorNumerics
import Media

/// A part whose bytes are at hand and whose type is known: from here on nothing guesses it again.
struct PartSource: Sendable {
    enum Kind: Sendable {
        case text(String)
        case image(ByteSource, ImageFormat)
        case audio(ByteSource, AudioFormat)
        case video(ByteSource, VideoFormat, VideoSelection)
        case document(ByteSource)
    }

    var kind: Kind
    /// Counts from 1.
    let number: Int
    /// Name of the file, for messages.
    let name: String?
    /// What is odd about its name or MIME type.
    var notes: [MediaNote] = []

    var text: String? {
        get { if case .text(let text) = kind { text } else { nil } }
        set { if let newValue { kind = .text(newValue) } }
    }

    var isVideo: Bool { if case .video = kind { true } else { false } }

    /// Does what may find the part's bytes at fault.
    func reading<Result>(_ body: () throws(MediaError) -> Result) throws(EmbedError) -> Result {
        do { return try body() } catch { throw failure(error) }
    }

    /// What is said of the part.
    func failure(_ error: MediaError) -> EmbedError {
        switch error {
        case .cancelled: .cancelled
        // Without a bound the kernel refuses nothing: then it is a file that asks for more than a decoder may have.
        case .outOfMemory where AddressSpace.limit != nil: .outOfMemory(reason: "part \(number): \(error.description)")
        case .decoderProcess, .documentProcess: .noDecoder(part: number, reason: error.description)
        default: .media(part: number, name: name, reason: error.description)
        }
    }
}

extension [PartSource] {
    /// Makes one text of those that follow each other; it is known by the first one's number.
    mutating func joinTexts(by joint: String) {
        var joined: [PartSource] = []
        var run: [String] = []
        func close() {
            if run.count > 1 { joined[joined.count - 1].text = run.joined(separator: joint) }
            run = []
        }
        for source in self {
            guard let text = source.text else {
                close()
                joined.append(source)
                continue
            }
            if run.isEmpty { joined.append(source) } else { joined[joined.count - 1].notes += source.notes }
            run.append(text)
        }
        close()
        self = joined
    }
}

extension PartSource {
    /// What the bytes of a part are, by themselves, their MIME type and their file's name.
    init(
        _ bytes: ByteSource, mimeType: String?, name: String?, _ number: Int, _ limits: Limits
    ) throws(EmbedError) {
        let (kind, notes) = try Self.recognise(bytes, mimeType: mimeType, name: name, number, limits)
        self.init(kind: kind, number: number, name: name, notes: notes)
    }

    private static func recognise(
        _ bytes: ByteSource, mimeType: String?, name: String?, _ number: Int, _ limits: Limits
    ) throws(EmbedError) -> (Kind, [MediaNote]) {
        guard !bytes.isEmpty else {
            throw name == nil
                ? .emptyPart(part: number)
                : .media(part: number, name: name, reason: MediaError.empty.description)
        }
        if isPlainText(mimeType: mimeType, name: name) {
            guard bytes.count <= limits.maxTextBytes else { throw .tooMuchText(limit: limits.maxTextBytes) }
            let text = bytes.withUnsafeBytes { String(validating: $0, as: UTF8.self) }
            guard let text else { throw .invalidText(part: number, name: name) }
            return (.text(text), [])
        }
        let declared = try declaredType(mimeType: mimeType, name: name, number)
        let resolution: MediaType.Resolution
        do throws(MediaError) {
            resolution = try bytes.withUnsafeBytes { (bytes) throws(MediaError) in
                try MediaType.resolve(declared: declared, bytes: bytes.bytes)
            }
        } catch {
            // A program, a table, subtitles: what is of no known format and reads as text is one.
            if case .unrecognised = error, bytes.count <= limits.maxTextBytes, let text = Self.text(bytes) {
                return (.text(text), [])
            }
            throw .media(part: number, name: name, reason: error.description)
        }
        let kind: Kind =
            switch resolution.type {
            case .image(let format): .image(bytes, format)
            case .audio(let format): .audio(bytes, format)
            case .video(let format): .video(bytes, format, VideoSelection())
            case .document: .document(bytes)
            }
        return (kind, resolution.notes)
    }

    private static func declaredType(
        mimeType: String?, name: String?, _ number: Int
    ) throws(EmbedError) -> MediaType? {
        if let mimeType {
            guard let type = MediaType(mimeType: mimeType) else {
                throw .unsupportedType(part: number, type: mimeType)
            }
            return type
        }
        return name.flatMap(fileExtension).flatMap(MediaType.init(fileExtension:))
    }

    /// nil for what is not UTF-8, or has bytes that no text has.
    private static func text(_ bytes: ByteSource) -> String? {
        bytes.withUnsafeBytes { $0.hasControls ? nil : String(validating: $0, as: UTF8.self) }
    }

    private static func isPlainText(mimeType: String?, name: String?) -> Bool {
        if let mimeType { return mimeType.lowercased().hasPrefix("text/") }
        return ["txt", "text", "md"].contains(name.flatMap(fileExtension)?.lowercased())
    }

    private static func fileExtension(_ path: String) -> String? {
        guard let file = path.split(separator: "/").last, let dot = file.lastIndex(of: "."), dot != file.startIndex
        else { return nil }
        return String(file[file.index(after: dot)...])
    }
}
