package import Castor

/// `{"parts": [..], "role": ".."}` as a client sends it; files are not yet looked up.
package struct WireContent: Decodable {
    package var parts: [WirePart]

    private static let schema = WireSchema(["parts", "role"])

    package init(from decoder: any Decoder) throws {
        let fields = try WireObject(decoder, Self.schema)
        _ = try fields.string("role")
        parts = try fields.value("parts", [WirePart].self) ?? []
    }

    package init(parts: [WirePart]) {
        self.parts = parts
    }
}

/// One part; exactly one kind of data.
package enum WirePart: Decodable, Sendable {
    case text(String)
    case inline(bytes: [UInt8], mimeType: String?)
    case file(uri: String, mimeType: String?)
    /// A part of a video.
    indirect case clip(WirePart, VideoMetadata)
    /// A part with no data: an empty part in the service's words.
    case empty

    /// Whether no vector can be made of it. A text of no letters and media of no bytes are empty, too.
    package var isEmpty: Bool {
        switch self {
        case .empty: true
        case .text(let text): text.isEmpty
        case .inline(let bytes, _): bytes.isEmpty
        case .file: false
        case .clip(let part, _): part.isEmpty
        }
    }

    private static let schema = WireSchema([
        "text", "inline_data", "file_data", "video_metadata", "media_resolution", "part_metadata", "thought",
        "thought_signature", "function_call", "function_response", "executable_code", "code_execution_result",
    ])
    /// Parts of a conversation, which no vector is made of.
    private static let unembeddable = [
        "function_call", "function_response", "executable_code", "code_execution_result",
    ]

    package init(from decoder: any Decoder) throws {
        let fields = try WireObject(decoder, Self.schema)
        if let name = Self.unembeddable.first(where: fields.has) {
            throw fields.failure("Parts with \(name) cannot be embedded; text, inline_data and file_data can.")
        }
        let text = try fields.string("text")
        let inline = try fields.value("inline_data", InlineData.self)
        let file = try fields.value("file_data", FileData.self)
        let clip = try fields.value("video_metadata", WireVideoMetadata.self)?.metadata
        switch (text, inline, file) {
        case (let text?, nil, nil): self = .text(text)
        case (nil, let inline?, nil): self = .inline(bytes: inline.bytes, mimeType: inline.mimeType)
        case (nil, nil, let file?): self = .file(uri: file.uri, mimeType: file.mimeType)
        case (nil, nil, nil): self = .empty
        default: throw fields.failure("A part must have exactly one of text, inline_data and file_data.")
        }
        // Beside a text it means nothing.
        if let clip, inline != nil || file != nil { self = .clip(self, clip) }
    }

    private struct InlineData: Decodable {
        let mimeType: String?
        let bytes: [UInt8]

        static let schema = WireSchema(["mime_type", "data", "display_name"])

        init(from decoder: any Decoder) throws {
            let fields = try WireObject(decoder, Self.schema)
            mimeType = try fields.mimeType()
            _ = try fields.string("display_name")
            let data = try fields.string("data") ?? ""
            guard let bytes = Base64.decode(data) else {
                var reason = "Base64 decoding failed for \"\(data.shortened)\""
                if data.hasPrefix("data:"), let comma = data.prefix(200).firstIndex(of: ",") {
                    reason += "; leave out what is before the base64, \"\(data[...comma])\""
                }
                throw fields.failure("data", "TYPE_BYTES", reason)
            }
            self.bytes = bytes
        }
    }

    private struct FileData: Decodable {
        let mimeType: String?
        let uri: String

        static let schema = WireSchema(["mime_type", "file_uri", "display_name"])

        init(from decoder: any Decoder) throws {
            let fields = try WireObject(decoder, Self.schema)
            mimeType = try fields.mimeType()
            _ = try fields.string("display_name")
            uri = try fields.string("file_uri") ?? ""
            guard !uri.isEmpty else { throw fields.failure("file_data needs a file_uri.") }
        }
    }
}

/// `{"startOffset": "1.5s", "endOffset": "40s", "fps": 2}`; whether the video is long enough is seen when it is decoded.
private struct WireVideoMetadata: Decodable {
    let metadata: VideoMetadata

    private static let schema = WireSchema(["start_offset", "end_offset", "fps"])

    init(from decoder: any Decoder) throws {
        let fields = try WireObject(decoder, Self.schema)
        metadata = VideoMetadata(
            startOffset: try fields.duration("start_offset"), endOffset: try fields.duration("end_offset"),
            fps: try fields.double("fps"))
        if let fps = metadata.fps, !(fps > 0 && fps <= 24) {
            throw fields.failure("fps must be above 0 and at most 24, not \(fps).")
        }
    }
}

extension WireObject {
    /// An empty one is as good as none.
    fileprivate func mimeType() throws -> String? {
        try string("mime_type").flatMap { $0.isEmpty ? nil : $0 }
    }
}
