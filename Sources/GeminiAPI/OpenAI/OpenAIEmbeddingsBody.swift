/// The body of OpenAI's `/embeddings`.
struct OpenAIEmbeddingsBody: Decodable {
    enum Encoding: String { case float, base64 }

    let model: String
    let inputs: [String]
    let encoding: Encoding
    let dimensions: Int?

    private static let schema = WireSchema(["model", "input", "encoding_format", "dimensions", "user"])

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
        guard let input = try fields.value("input", Input.self) else { throw fields.failure("input is required.") }
        guard case .texts(let texts) = input else {
            throw fields.failure("input must be a string or a list of strings; token ids are not supported.")
        }
        guard !texts.isEmpty else { throw fields.failure("input must not be empty.") }
        inputs = texts
    }

    private enum Input: Decodable {
        case texts([String])
        /// Another model's numbers for pieces of text: they mean nothing here.
        case tokens

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .texts([text])
            } else if let texts = try? container.decode([String].self) {
                self = .texts(texts)
            } else {
                self = .tokens
            }
        }
    }
}
