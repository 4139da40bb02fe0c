import Glibc
import Media

/// A part whose bytes are in memory and whose type is known: from here on nothing guesses it again.
struct PartSource: Sendable {
    enum Kind: Sendable {
        case text(String)
        case image([UInt8], ImageFormat)
        case audio([UInt8], AudioFormat)
        case video([UInt8], VideoFormat, VideoSelection)
        case document([UInt8])
    }

    private(set) var kind: Kind
    /// Counts from 1.
    let number: Int
    /// Name of the file, for messages.
    let name: String?
    /// What is odd about its name or MIME type.
    private(set) var notes: [MediaNote] = []

    var isImage: Bool { if case .image = kind { true } else { false } }
    var isVideo: Bool { if case .video = kind { true } else { false } }
    var isDocument: Bool { if case .document = kind { true } else { false } }

    var text: String? {
        get { if case .text(let text) = kind { text } else { nil } }
        set { if let newValue { kind = .text(newValue) } }
    }

    init(_ part: Part, number: Int, _ files: EmbedOptions.FileAccess, _ limits: Limits) throws(EmbedError) {
        self.number = number
        switch part {
        case .text(let text):
            name = nil
            kind = .text(text)
        case .data(let bytes, let mimeType):
            name = nil
            (kind, notes) = try Self.recognise(bytes, mimeType: mimeType, name: nil, number)
        case .file(let path, let mimeType):
            name = path
            (kind, notes) = try Self.recognise(
                try Self.read(path, number, files, limits), mimeType: mimeType, name: path, number)
        case .clip(let part, let metadata):
            let whole = try PartSource(part, number: number, files, limits)
            guard case .video(let bytes, let format, _) = whole.kind else { throw .notAVideo(part: number) }
            name = whole.name
            notes = whole.notes
            kind = .video(bytes, format, VideoSelection(metadata))
        }
    }

    private static func recognise(
        _ bytes: [UInt8], mimeType: String?, name: String?, _ number: Int
    ) throws(EmbedError) -> (Kind, [MediaNote]) {
        guard !bytes.isEmpty else {
            throw name == nil
                ? .emptyPart(part: number)
                : .media(part: number, name: name, reason: MediaError.empty.description)
        }
        if isPlainText(mimeType: mimeType, name: name) {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw .invalidText(part: number, name: name)
            }
            return (.text(text), [])
        }
        let resolution: MediaType.Resolution
        do {
            resolution = try MediaType.resolve(
                declared: try declaredType(mimeType: mimeType, name: name, number), bytes: bytes.span.bytes)
        } catch let error as MediaError {
            throw .media(part: number, name: name, reason: error.description)
        } catch let error as EmbedError {
            throw error
        } catch {
            throw .model("\(error)")
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

    private static func isPlainText(mimeType: String?, name: String?) -> Bool {
        if let mimeType { return mimeType.lowercased().hasPrefix("text/") }
        return ["txt", "text", "md"].contains(name.flatMap(fileExtension)?.lowercased())
    }

    private static func fileExtension(_ path: String) -> String? {
        guard let file = path.split(separator: "/").last, let dot = file.lastIndex(of: "."), dot != file.startIndex
        else { return nil }
        return String(file[file.index(after: dot)...])
    }

    // MARK: - Files

    private static func read(
        _ path: String, _ number: Int, _ files: EmbedOptions.FileAccess, _ limits: Limits
    ) throws(EmbedError) -> [UInt8] {
        guard case .relative(let folder) = files, !path.contains("://"), !path.utf8.contains(0) else {
            throw .fileNotAllowed(part: number, path: path)
        }
        func unreadable(_ code: Int32) -> EmbedError {
            code == ENOENT || code == ENOTDIR
                ? .fileNotFound(part: number, path: path)
                : .fileUnreadable(part: number, path: path, reason: String(cString: strerror(code)))
        }
        // Non-blocking: opening a FIFO must not wait for a writer. It has no effect on regular files.
        let descriptor = open(
            path.hasPrefix("/") ? path : "\(folder)/\(path)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable(errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let what = status.st_mode & S_IFMT == S_IFDIR ? "is a folder" : "is not a regular file"
            throw .fileUnreadable(part: number, path: path, reason: what)
        }
        let size = Int(status.st_size)
        guard size <= limits.maxFileBytes else {
            throw .fileTooLarge(part: number, path: path, bytes: size, limit: limits.maxFileBytes)
        }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got = Glibc.read(descriptor, buffer.baseAddress! + count, size - count)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { break }
                count += got
            }
        }
        guard failure == 0 else { throw unreadable(failure) }
        return bytes
    }
}

extension VideoSelection {
    init(_ metadata: VideoMetadata) {
        self.init(start: metadata.startOffset, end: metadata.endOffset, framesPerSecond: metadata.fps)
    }
}
