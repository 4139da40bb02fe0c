import Encoder
import FoundationEssentials

/// The PyTorch reference's answers (tools/reference/make_fixtures.py).
package struct Golden: Sendable {
    package struct Case: Sendable, CustomStringConvertible {
        package let id: String
        package let parts: [Part]
        /// Tokens of the whole content.
        package let tokens: Int
        /// One list a part, where the case is short text only.
        package let ids: [[Int32]]?
        /// Of a video's frames, where the case is one video.
        package let times: [Double]?
        /// Texts of the pages, where the case is one document.
        package let pages: [String]?

        package var description: String { id }

        /// Cases with colored edges that versions of libswscale enlarge differently.
        package var dependsOnChroma: Bool {
            parts.contains {
                guard case .file(let path, _, _) = $0 else { return false }
                return path.hasSuffix(".mp4") || path.hasSuffix(".webm")
            }
        }

        /// Cases whose pixels depend on the version of a lossy decoder, or of a renderer.
        package var dependsOnDecoder: Bool {
            if id.hasSuffix(".heic") || id.hasSuffix(".avif") { return true }
            return parts.contains {
                guard case .file(let path, _, _) = $0 else { return false }
                return [".mp4", ".webm", ".pdf"].contains { path.hasSuffix($0) }
            }
        }
    }

    package enum Part: Sendable {
        case text(String)
        /// Relative to `Tests/Fixtures`.
        case file(path: String, mimeType: String?, video: VideoMetadata?)
    }

    /// What part of a video, and how densely, in the service's words.
    package struct VideoMetadata: Decodable, Sendable {
        package let startOffset: String?
        package let endOffset: String?
        package let fps: Double?
    }

    package let cases: [Case]
    private let tensors: SafeTensors

    package static let shared: Golden = {
        do { return try Golden() } catch { fatalError("Tests/Fixtures: \(error)") }
    }()

    private init() throws {
        let file = try JSONDecoder().decode(File.self, from: Data(Folders.read("\(Folders.fixtures)/golden.json")))
        cases = try file.cases.map { item in
            Case(
                id: item.id, parts: try item.content.parts.map { try $0.part }, tokens: item.tokens, ids: item.ids,
                times: item.times, pages: item.pages)
        }
        tensors = try SafeTensors(path: "\(Folders.fixtures)/golden.safetensors")
    }

    package subscript(id: String) -> Case { cases.first { $0.id == id }! }

    /// The content's vector.
    package func vector(_ id: String) -> [Float] { floats(id)! }

    /// A tensor such as `ID.samples`; nil where there is none.
    package func floats(_ name: String) -> [Float]? {
        bytes(name)?.bindMemory(to: Float.self).map { $0 }
    }

    package func pixels(_ id: String) -> (pixels: [UInt8], height: Int, width: Int)? {
        guard let entry = tensors.entries["\(id).pixels"], let bytes = bytes("\(id).pixels") else { return nil }
        return (Array(bytes), entry.shape[0], entry.shape[1])
    }

    /// The pictures of one video, `[h, w, 3]` each.
    package func frames(_ id: String) -> (frames: [[UInt8]], height: Int, width: Int)? {
        guard let entry = tensors.entries["\(id).frames"], let bytes = bytes("\(id).frames") else { return nil }
        let size = entry.shape[1] * entry.shape[2] * 3
        return ((0..<entry.shape[0]).map { Array(bytes[$0 * size..<($0 + 1) * size]) }, entry.shape[1], entry.shape[2])
    }

    /// The picture of one page of a document, `[h, w, 3]`.
    package func page(_ id: String, _ number: Int) -> (pixels: [UInt8], height: Int, width: Int)? {
        let name = "\(id).page.\(number)"
        guard let entry = tensors.entries[name], let bytes = bytes(name) else { return nil }
        return (Array(bytes), entry.shape[0], entry.shape[1])
    }

    private func bytes(_ name: String) -> UnsafeRawBufferPointer? {
        tensors.entries[name].map { UnsafeRawBufferPointer(rebasing: tensors.file.bytes[$0.range]) }
    }

    private struct File: Decodable {
        struct Item: Decodable {
            let id: String
            let content: Content
            let tokens: Int
            let ids: [[Int32]]?
            let times: [Double]?
            let pages: [String]?
        }
        struct Content: Decodable { let parts: [RawPart] }
        struct UnknownPart: Error {}
        struct RawPart: Decodable {
            struct FileData: Decodable {
                let mimeType: String?
                let fileUri: String
            }
            let text: String?
            let fileData: FileData?
            let videoMetadata: VideoMetadata?
            let `repeat`: String?
            let count: Int?

            var part: Part {
                get throws {
                    if let text { return .text(text) }
                    if let unit = `repeat`, let count { return .text(String(repeating: unit, count: count)) }
                    if let fileData {
                        return .file(path: fileData.fileUri, mimeType: fileData.mimeType, video: videoMetadata)
                    }
                    throw UnknownPart()
                }
            }
        }
        let cases: [Item]
    }
}
