public import FoundationEssentials

/// The service's own JSON, in camelCase or snake_case:
/// `{"parts": [{"text": ".."}, {"inlineData": {"mimeType": "..", "data": "<base64>"}}, {"fileData": {"fileUri": ".."}}]}`.
extension Content: Decodable {
    public init(from decoder: any Decoder) throws {
        let fields = try Fields(decoder, known: ["parts", "role"])
        guard let parts = try fields.value("parts", [Part].self) else { throw fields.failure("lacks \"parts\"") }
        self.init(parts)
    }

    /// Reads one JSON object.
    public init(json: Data) throws(WireError) {
        do {
            self = try JSONDecoder().decode(Content.self, from: json)
        } catch {
            throw WireError(error)
        }
    }
}

extension Part: Decodable {
    /// Fields that the service knows and that change nothing here.
    private static let ignored: Set = [
        "mediaresolution", "partmetadata", "thought", "thoughtsignature",
    ]

    public init(from decoder: any Decoder) throws {
        let fields = try Fields(
            decoder, known: Self.ignored.union(["text", "inlinedata", "filedata", "videometadata"]))
        let text = try fields.value("text", String.self)
        let inline = try fields.value("inlinedata", InlineData.self)
        let file = try fields.value("filedata", FileData.self)
        switch (text, inline, file) {
        case (let text?, nil, nil): self = .text(text)
        case (nil, let inline?, nil): self = .data(inline.bytes, mimeType: inline.mimeType)
        case (nil, nil, let file?): self = .file(file.uri, mimeType: file.mimeType)
        default: throw fields.failure("needs exactly one of text, inlineData, fileData")
        }
        if let metadata = try fields.value("videometadata", VideoMetadata.self), text == nil {
            self = .clip(self, metadata)
        }
    }
}

private struct InlineData: Decodable {
    let mimeType: String?
    let bytes: [UInt8]

    init(from decoder: any Decoder) throws {
        let fields = try Fields(decoder, known: ["mimetype", "data", "displayname"])
        mimeType = try fields.value("mimetype")
        guard let bytes = try Base64.decode(fields.value("data", String.self) ?? "") else {
            throw fields.failure("data is not base64")
        }
        self.bytes = bytes
    }
}

private struct FileData: Decodable {
    let mimeType: String?
    let uri: String

    init(from decoder: any Decoder) throws {
        let fields = try Fields(decoder, known: ["mimetype", "fileuri", "displayname"])
        mimeType = try fields.value("mimetype")
        guard let uri = try fields.value("fileuri", String.self), !uri.isEmpty else {
            throw fields.failure("lacks \"fileUri\"")
        }
        self.uri = uri
    }
}
