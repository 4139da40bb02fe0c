package import CastorJSON
public import FoundationEssentials

/// The service's own JSON, in camelCase or snake_case:
/// `{"parts": [{"text": ".."}, {"inlineData": {"mimeType": "..", "data": "<base64>"}}, {"fileData": {"fileUri": ".."}}]}`.
extension Content {
    /// Reads one JSON object.
    public init(json: Data) throws(WireError) {
        do throws(JSONError) {
            self = try JSONReader.read(Array(json), .service) { (json) throws(JSONError) in
                guard let parts = try Content.parts(&json) else { throw json.failure(.missing(name: "parts")) }
                return Content(parts)
            }
        } catch { throw WireError(error) }
    }

    /// Reads the value that is due. Without parts it is an empty content, which no vector is made of.
    package init(_ json: inout JSONReader) throws(JSONError) {
        self.init(try Self.parts(&json) ?? [])
    }

    private static func parts(_ json: inout JSONReader) throws(JSONError) -> [Part]? {
        var parts: [Part]?
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "parts": parts = try json.list { (json) throws(JSONError) in try Part(&json) }
            case "role": _ = try json.wireString()
            default: try json.unknown(name)
            }
        }
        return parts
    }
}

extension Part {
    /// Reads the value that is due. A part with no data is an empty text: what no vector is made of.
    package init(_ json: inout JSONReader) throws(JSONError) {
        var (text, inline, file): (String?, Part?, Part?)
        var clip: VideoMetadata?
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "text": text = try json.wireString()
            case "inline_data": inline = try Self.inlineData(&json)
            case "file_data": file = try Self.fileData(&json)
            case "video_metadata": clip = try VideoMetadata(&json)
            // Fields that the service knows and that change nothing here.
            case "media_resolution", "part_metadata", "thought", "thought_signature": try json.skip()
            // Parts of a conversation.
            case "function_call", "function_response", "executable_code", "code_execution_result":
                throw json.failure(
                    .value("parts with \(name.text) cannot be embedded; text, inlineData and fileData can"))
            default: try json.unknown(name)
            }
        }
        switch (text, inline, file) {
        case (let text?, nil, nil): self = .text(text)
        // Beside a text `videoMetadata` means nothing.
        case (nil, let media?, nil), (nil, nil, let media?): self = clip.map { .clip(media, $0) } ?? media
        case (nil, nil, nil): self = .text("")
        default: throw json.failure(.value("needs exactly one of text, inlineData, fileData"))
        }
    }

    private static func inlineData(_ json: inout JSONReader) throws(JSONError) -> Part {
        var bytes: [UInt8] = []
        var mimeType: String?
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "mime_type": mimeType = try Self.mimeType(&json)
            case "data": bytes = try json.wireBytes()
            case "display_name": _ = try json.wireString()
            default: try json.unknown(name)
            }
        }
        return .data(bytes, mimeType: mimeType)
    }

    private static func fileData(_ json: inout JSONReader) throws(JSONError) -> Part {
        var uri = ""
        var mimeType: String?
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "mime_type": mimeType = try Self.mimeType(&json)
            case "file_uri": uri = try json.wireString()
            case "display_name": _ = try json.wireString()
            default: try json.unknown(name)
            }
        }
        guard !uri.isEmpty else { throw json.failure(.missing(name: "fileUri")) }
        return .file(uri, mimeType: mimeType)
    }

    /// An empty one is as good as none.
    private static func mimeType(_ json: inout JSONReader) throws(JSONError) -> String? {
        let text = try json.wireString()
        return text.isEmpty ? nil : text
    }

    /// Whether no vector can be made of it: a text of no letters, media of no bytes.
    package var isEmpty: Bool {
        switch self {
        case .text(let text): text.isEmpty
        case .data(let bytes, _): bytes.isEmpty
        case .file: false
        case .clip(let part, _): part.isEmpty
        }
    }
}

extension VideoMetadata {
    /// Reads `{"startOffset": "1.5s", "endOffset": "40s", "fps": 2}`; whether the video is long enough is seen when it is decoded.
    package init(_ json: inout JSONReader) throws(JSONError) {
        self.init()
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "start_offset": startOffset = try json.wireSeconds()
            case "end_offset": endOffset = try json.wireSeconds()
            case "fps":
                let rate = try json.wireDouble()
                guard rate > 0, rate <= 24 else {
                    throw json.failure(.value("must be above 0 and at most 24, not \(rate)"))
                }
                fps = rate
            default: try json.unknown(name)
            }
        }
    }
}
