import Castor
import CastorJSON

/// The body of OpenAI's `/embeddings`.
struct OpenAIEmbeddingsBody: Sendable {
    enum Encoding: String { case float, base64 }

    let model: String
    /// A text each, or the medium of a data URL.
    let inputs: [Part]
    let encoding: Encoding
    let dimensions: Int?
    /// What other servers of this protocol call the task: `query`, `document`.
    let task: TaskType?

    init(_ json: inout JSONReader, maxInputs: Int) throws(JSONError) {
        var (model, input): (String?, Input?)
        var format = "float"
        var dimensions: Int?
        var task: TaskType?
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "model": model = try json.wireString()
            case "input": input = try Input(&json, atMost: maxInputs)
            case "encoding_format": format = try json.wireString()
            case "dimensions": dimensions = try json.wireInt32()
            case "input_type": task = try Self.task(&json)
            case "user": _ = try json.wireString()
            default: try json.unknown(name)
            }
        }
        guard let model, !model.isEmpty else { throw json.failure(.value("model is required.")) }
        guard let encoding = Encoding(rawValue: format) else {
            throw json.failure(.value("encoding_format must be float or base64, not \(format.shortened)."))
        }
        self.model = model
        self.encoding = encoding
        self.dimensions = dimensions
        self.task = task
        switch input {
        case nil: throw json.failure(.value("input is required."))
        case .texts([]): throw json.failure(.value("input must not be empty."))
        case .texts(let texts):
            var inputs: [Part] = []
            for text in texts { inputs.append(try Self.part(text, &json)) }
            self.inputs = inputs
        case .tokens:
            throw json.failure(.value("input must be a string or a list of strings; token ids are not supported."))
        case .objects:
            throw json.failure(
                .value(
                    "input must be a string or a list of strings, one vector each. A picture is such a string: "
                        + "data:image/png;base64,... Contents of several parts go to /v1beta/models/gemini-embedding-2:embedContent."
                ))
        }
    }

    private static func part(_ text: String, _ json: inout JSONReader) throws(JSONError) -> Part {
        guard let url = DataURL(text) else { return .text(text) }
        guard let bytes = url.bytes else {
            throw json.failure(
                .value("input: Base64 decoding failed for the data URL of type \(url.mimeType.shortened)."))
        }
        return .data(bytes, mimeType: url.mimeType)
    }

    private static func task(_ json: inout JSONReader) throws(JSONError) -> TaskType {
        let name = try json.wireString()
        guard let task = inputTypes[name.lowercased()] else {
            let names = inputTypes.keys.sorted().joined(separator: ", ")
            throw json.failure(.value("input_type must be one of \(names), not \(name.shortened)"))
        }
        return task
    }

    private static let inputTypes: [String: TaskType] = [
        "query": .retrievalQuery, "search_query": .retrievalQuery, "document": .retrievalDocument,
        "passage": .retrievalDocument, "search_document": .retrievalDocument, "classification": .classification,
        "clustering": .clustering,
    ]

    private enum Input {
        case texts([String])
        /// Another model's numbers for pieces of text: they mean nothing here.
        case tokens
        /// Parts of a message, as of a chat: whether one vector is wanted or one for each, nothing says.
        case objects

        init(_ json: inout JSONReader, atMost limit: Int) throws(JSONError) {
            var texts: [String] = []
            var (hasTokens, hasObjects) = (false, false)
            try json.startRepeated()
            while try json.nextItem() {
                switch try json.kind() {
                case .string:
                    guard texts.count < limit else {
                        throw json.failure(.tooMany(limit: limit, complaint: BatchEmbedRequestBody.complaint(limit)))
                    }
                    texts.append(try json.string())
                case .number, .list: hasTokens = true
                case .object, .flag, .null: hasObjects = true
                }
            }
            self = hasObjects ? .objects : hasTokens ? .tokens : .texts(texts)
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
