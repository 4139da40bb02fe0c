import Castor
import CastorJSON

/// The body of OpenAI's `/embeddings`.
struct OpenAIEmbeddingsBody: WireBody {
    enum Encoding: String { case float, base64 }

    let model: String
    let inputs: [String]
    let encoding: Encoding
    let dimensions: Int?

    init(_ json: inout JSONReader) throws(JSONError) {
        var (model, input): (String?, Input?)
        var format = "float"
        var dimensions: Int?
        try json.startObject()
        while let name = try json.nextField() {
            switch name {
            case "model": model = try json.wireString()
            case "input": input = try Input(&json)
            case "encoding_format": format = try json.wireString()
            case "dimensions": dimensions = try json.wireInt32()
            case "user": _ = try json.wireString()
            default: try json.unknown(name)
            }
        }
        guard let model, !model.isEmpty else { throw json.failure(.value("model is required.")) }
        guard let encoding = Encoding(rawValue: format) else {
            throw json.failure(.value("encoding_format must be float or base64, not \(format.shortened)."))
        }
        guard let input else { throw json.failure(.value("input is required.")) }
        guard case .texts(let texts) = input else {
            throw json.failure(.value("input must be a string or a list of strings; token ids are not supported."))
        }
        guard !texts.isEmpty else { throw json.failure(.value("input must not be empty.")) }
        self.model = model
        self.encoding = encoding
        self.dimensions = dimensions
        inputs = texts
    }

    private enum Input {
        case texts([String])
        /// Another model's numbers for pieces of text: they mean nothing here.
        case tokens

        init(_ json: inout JSONReader) throws(JSONError) {
            var texts: [String] = []
            var isText = true
            try json.startRepeated()
            while try json.nextItem() {
                if try json.kind() == .string { texts.append(try json.string()) } else { isText = false }
            }
            self = isText ? .texts(texts) : .tokens
        }
    }
}
