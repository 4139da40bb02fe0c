import Castor

/// The body of OpenAI's `/embeddings`.
struct OpenAIEmbeddingsBody: Decodable {
    enum Encoding: String { case float, base64 }

    let model: String
    /// A text each, or the medium of a data URL.
    let inputs: [WirePart]
    let encoding: Encoding
    let dimensions: Int?
    /// What other servers of this protocol call the task: `query`, `document`.
    let task: TaskType?

    private static let schema = WireSchema(["model", "input", "encoding_format", "dimensions", "user", "input_type"])

    init(from decoder: any Decoder) throws {
        let fields = try WireObject(decoder, Self.schema)
        guard let model = try fields.string("model"), !model.isEmpty else { throw fields.failure("model is required.") }
        self.model = model
        dimensions = try fields.int32("dimensions")
        _ = try fields.string("user")
        let format = try fields.string("encoding_format") ?? "float"
        guard let encoding = Encoding(rawValue: format) else {
            throw fields.failure("encoding_format must be float or base64, not \(format.shortened).")
        }
        self.encoding = encoding
        task = try fields.string("input_type").map { name in
            guard let meaning = Self.inputTypes[name.lowercased()] else {
                throw fields.failure(
                    "input_type must be one of \(Self.inputTypes.keys.sorted().joined(separator: ", ")), not \(name.shortened)."
                )
            }
            return meaning
        }
        guard let input = try fields.value("input", Input.self) else { throw fields.failure("input is required.") }
        switch input {
        case .texts([]): throw fields.failure("input must not be empty.")
        case .texts(let texts):
            inputs = try texts.map { text in
                guard let url = DataURL(text) else { return .text(text) }
                guard let bytes = url.bytes else {
                    throw fields.failure(
                        "input: Base64 decoding failed for the data URL of type \(url.mimeType.shortened).")
                }
                return .inline(bytes: bytes, mimeType: url.mimeType)
            }
        case .tokens:
            throw fields.failure("input must be a string or a list of strings; token ids are not supported.")
        case .objects:
            throw fields.failure(
                "input must be a string or a list of strings, one vector each. A picture is such a string: "
                    + "data:image/png;base64,... Contents of several parts go to /v1beta/models/gemini-embedding-2:embedContent."
            )
        }
    }

    private static let inputTypes: [String: TaskType] = [
        "query": .retrievalQuery, "search_query": .retrievalQuery, "document": .retrievalDocument,
        "passage": .retrievalDocument, "search_document": .retrievalDocument, "classification": .classification,
        "clustering": .clustering,
    ]

    private enum Input: Decodable {
        case texts([String])
        /// Another model's numbers for pieces of text: they mean nothing here.
        case tokens
        /// Parts of a message, as of a chat: whether one vector is wanted or one for each, nothing says.
        case objects

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .texts([text])
            } else if let texts = try? container.decode([String].self) {
                self = .texts(texts)
            } else if (try? container.decode([Double].self)) != nil
                || (try? container.decode([[Double]].self)) != nil
            {
                self = .tokens
            } else {
                self = .objects
            }
        }
    }
}

/// `data:image/png;base64,iVBOR...`, which some clients send where others send a text.
private struct DataURL {
    let mimeType: String
    /// nil where they are not base64.
    let bytes: [UInt8]?

    /// nil for every other text, one about `data:` too.
    init?(_ text: String) {
        guard text.prefix(5).lowercased() == "data:" else { return nil }
        guard let comma = text.utf8.prefix(200).firstIndex(of: UInt8(ascii: ",")) else { return nil }
        let words = text[text.index(text.startIndex, offsetBy: 5)..<comma].split(separator: ";")
        guard words.count > 1, words.last?.lowercased() == "base64", let type = words.first?.lowercased(),
            ["image/", "audio/", "video/", "text/", "application/"].contains(where: type.hasPrefix)
        else { return nil }
        mimeType = type
        bytes = Base64.decode(String(text[text.index(after: comma)...]))
    }
}
