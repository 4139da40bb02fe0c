import Castor
import FoundationEssentials

/// What is given mutated bytes.
enum Target: String, CaseIterable {
    case image, audio, video, document, text, json, weights, tokenizer
    /// Files of the library `tokenizers`.
    case tokenizerJSON = "tokenizer-json"
    /// Texts that are made rather than mutated, through tokenizer, truncation and encoder, and the same through the server.
    case embed, server

    /// Bytes of a file that are mutated, from a place drawn by lot; nil for the whole file. What is tried of a text is its bytes,
    /// characters and pieces, and those lie within a few dozen bytes; the model, which the valid ones pass, costs 5 us a byte.
    var window: Int? { self == .text ? 100 : nil }

    /// Extensions of the files that mutations start from.
    var extensions: [String] {
        switch self {
        case .image: ["jpg", "png", "webp", "gif", "bmp", "heic", "avif"]
        case .audio: ["wav", "flac", "ogg", "opus", "mp3", "aac", "m4a", "aiff", "webm", "mka"]
        case .video: ["mp4", "mov", "webm", "mkv", "mpg", "ts"]
        case .document: ["pdf"]
        case .text: ["md", "txt"]
        case .json: ["json", "jsonl"]
        case .weights: ["safetensors"]
        case .tokenizer: ["model"]
        case .tokenizerJSON: ["json"]
        case .embed, .server: []
        }
    }
}

/// A result that no input may have.
struct Finding: Error, CustomStringConvertible {
    let description: String
}

/// Runs one target on one input: a vector of unit length, or an error that blames the input.
struct Runner {
    let target: Target
    let model: String
    /// A copy of the model, one file of which is the input.
    let scratch: String
    private let embedder: Embedder
    /// That file; nil where the input is a content.
    private let modelFile: InputFile?

    init(_ target: Target, model: String, scratch: String) throws {
        self.target = target
        self.model = model
        self.scratch = scratch
        var options = Embedder.Options()
        options.threads = 1
        options.limits.maxDocumentSeconds = 5
        embedder = try Embedder(modelPath: model, options: options)
        let files = FileManager.default
        try? files.removeItem(atPath: scratch)
        try files.copyItem(atPath: model, toPath: scratch)
        let name: String? =
            switch target {
            case .weights: "model.safetensors"
            case .tokenizer: "tokenizer.model"
            default: nil
            }
        modelFile = try name.map { try InputFile("\(scratch)/\($0)") }
    }

    func run(_ input: [UInt8]) throws {
        switch target {
        case .image, .audio, .video, .document: try embed([.data(input, mimeType: nil)])
        case .text: try embed([.text(String(decoding: input, as: UTF8.self))])
        case .json:
            if let content = try? Content(json: Data(input)) { try embed(content) }
            _ = try? BatchRequest(json: Data(input))
        case .weights, .tokenizer: try open(input)
        case .tokenizerJSON: try TokenizerRun.run(input)
        case .embed, .server: break
        }
    }

    private func embed(_ content: Content) throws {
        do {
            var options = EmbedOptions()
            options.audioTrackExtraction = true
            let values = try embedder.embed(content, options: options).values
            let norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            guard abs(norm - 1) < 1e-5 else { throw Finding(description: "a vector of length \(norm)") }
        } catch let error as EmbedError {
            if error.kind == .model { throw Finding(description: "the model is blamed: \(error)") }
        }
    }

    private func open(_ input: [UInt8]) throws {
        try modelFile?.write(input)
        var options = Embedder.Options()
        options.threads = 1
        guard let embedder = try? Embedder(modelPath: scratch, options: options) else { return }
        // Weights may be anything that is finite: only a crash is a finding.
        _ = try? embedder.embed(Content("a text"))
    }
}
