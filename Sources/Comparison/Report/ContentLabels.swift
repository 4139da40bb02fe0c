import Castor
import Encoder
import Media

/// What the keys of a comparison stand for, from the batch file that was embedded: for people to look at.
package struct ContentLabels: Sendable {
    private let contents: [RecordKey: Content]
    private let folder: String

    private static let longestText = 200
    private static let side = 96
    private static let maxFileBytes = 64 << 20

    package static let none = ContentLabels(contents: [:], folder: ".")

    private init(contents: [RecordKey: Content], folder: String) {
        (self.contents, self.folder) = (contents, folder)
    }

    /// Reads `{"key": .., "request": {"content": ..}}` lines; those that cannot be read have no label.
    package init(path: String) throws(ComparisonError) {
        let file: MappedFile
        do { file = try MappedFile(path: path) } catch {
            if case .notFound = error { throw .notFound(path: path) }
            throw .unreadable(path: path, reason: error.description)
        }
        var contents: [RecordKey: Content] = [:]
        RecordedVectors.forEachLine(file.bytes) { number, bytes in
            guard let line = try? BatchRequest(json: Array(bytes)) else { return }
            contents[RecordKey(line.key ?? "\(number)")] = line.content
        }
        withExtendedLifetime(file) {}
        guard !contents.isEmpty else {
            throw .unreadable(
                path: path, reason: "has no line of the form {\"key\": .., \"request\": {\"content\": ..}}")
        }
        self.contents = contents
        folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    package enum Piece: Sendable, Equatable {
        case text(String)
        /// JPEG bytes.
        case picture([UInt8], name: String)
    }

    /// The key itself where the content is not known.
    package func callAsFunction(_ key: String) -> [Piece] {
        guard let content = contents[RecordKey(key)] else { return [.text(key)] }
        return content.parts.map { part in
            switch part.media {
            case .text(let text): return .text(Self.shortened(text))
            // `media` looks behind it.
            case .clip: return .text("a clip")
            case .data(let bytes, _): return Self.picture(bytes.array, "picture") ?? .text("\(bytes.count) bytes")
            case .file(let path, _):
                let name = path.split(separator: "/").last.map(String.init) ?? path
                // As in embedding: nothing outside of the batch file's folder.
                let isInside = !path.hasPrefix("/") && !path.split(separator: "/").contains("..")
                guard isInside, let file = try? MappedFile(path: "\(folder)/\(path)"),
                    file.bytes.count <= Self.maxFileBytes
                else { return .text(name) }
                return Self.picture(Array(file.bytes), name) ?? .text(name)
            }
        }
    }

    private static func shortened(_ text: String) -> String {
        text.count <= longestText ? text : text.prefix(longestText) + "..."
    }

    private static func picture(_ bytes: [UInt8], _ name: String) -> Piece? {
        guard case .image(let format)? = MediaType.sniff(bytes.span.bytes),
            let image = try? ImageDecoder.decode(bytes.span.bytes, format: format, target: { fitted($0) }).image
        else { return nil }
        let size = fitted(image.size)
        let small = PixelImage(
            size: size,
            pixels: Resize.triangle(image, to: size).map { UInt8(min(max($0.rounded(), 0), 255)) })
        return JPEGEncoder.encode(small).map { .picture($0, name: name) }
    }

    private static func fitted(_ size: ImageSize) -> ImageSize {
        let longest = max(size.width, size.height, 1)
        guard longest > side else { return size }
        return ImageSize(
            width: max(1, size.width * side / longest), height: max(1, size.height * side / longest))
    }
}
