import CastorNumerics
import Encoder
import Media

/// Facts about an opened model and the machine, for people and programs to look at.
public struct ModelInfo: Sendable, Equatable, Codable {
    /// What `config.json` calls it.
    public var name: String
    /// The model's folder.
    public var path: String
    /// `castor-1`, or `castor-2` for an imported checkpoint.
    public var format: String
    /// What its makers call the architecture.
    public var family: String
    /// What parts may be: `text`, `image`, `audio`, `video`, `document`.
    public var media: [String]
    /// `trained`, `untrained`, or `unknown` when the file does not say.
    public var state: String
    /// Trained numbers, all together.
    public var parameters: Int
    /// Of the format that most of the weights have in the file: `F32`, `BF16`, `F16` or `I8`.
    public var weightFormat: String
    /// Of all weights in the file.
    public var weightBytes: Int
    /// In which products with weights are computed: `single`, `bfloat16` or `int8`.
    public var precision: String
    /// Values of a token between blocks.
    public var width: Int
    /// Values in the middle of a block's feed-forward part.
    public var mlpWidth: Int
    /// Blocks of the text, image and sound towers, and the unified ones.
    public var blocks: [String: Int]
    /// Pieces that the tokenizer knows.
    public var vocabulary: Int
    /// The context: tokens of one content, by the model's own count.
    public var maxTokens: Int
    /// Values of a full vector.
    public var dimensions: Int
    /// Sizes that the model was trained for, largest first; any other from 1 on can be had, too.
    public var matryoshkaDimensions: [Int]
    /// What stands before a text, by the names that the model's makers gave; empty where the service's tasks are understood as they are.
    public var prompts: [String: String]
    /// Of one token of a text, in a short one: the model's cost.
    public var multiplyAddsPerToken: Int
    /// Threads that compute.
    public var threads: Int
    /// The BLAS library.
    public var blas: String
    /// The kernels that it runs on this processor, and who chose them.
    public var kernels: String
    /// The libraries that decode media, by name, with their versions.
    public var mediaLibraries: [String: String]
}

extension ModelInfo {
    /// Whether it is an open checkpoint of somebody else.
    public var isImported: Bool { format == ModelSpec.format }

    /// ``multiplyAddsPerToken`` as people read it: `85 million`.
    package var costPerToken: String {
        let count = multiplyAddsPerToken
        if count < 100_000 { return "\(count)" }
        return count < 10_000_000 ? "\(Double(count / 100_000) / 10) million" : "\(count / 1_000_000) million"
    }
}

extension Embedder {
    /// What model this is, and what it runs on.
    public var info: ModelInfo {
        var info =
            switch model {
            case .castor1(let model, _): ModelInfo(model)
            case .castor2(let model, _): ModelInfo(model)
            }
        info.media = Usage.Modality.allCases.filter(prepare.frontEnd.media.contains).map { $0.rawValue.lowercased() }
        info.threads = pool.threadCount
        info.precision = (pool.panelKernel?.precision ?? .single).rawValue
        return info
    }
}

extension ModelInfo {
    fileprivate init(_ model: Model) {
        let configuration = model.configuration
        self.init(
            name: configuration.name, path: model.path, format: configuration.format, family: "castor",
            state: model.state, parameters: configuration.parameterCount, width: configuration.width,
            mlpWidth: configuration.mlpWidth,
            blocks: Dictionary(
                uniqueKeysWithValues: Configuration.Tower.allCases.map { ($0.rawValue, configuration.blocks(of: $0)) }),
            vocabulary: configuration.text.vocabularySize, maxTokens: configuration.maxTokens,
            dimensions: configuration.outputDimensions, matryoshkaDimensions: configuration.matryoshkaDimensions,
            prompts: [:], weights: model.tensors,
            multiplyAdds: Self.products(configuration.tensorShapes, of: ["text.", "unified."]))
    }

    fileprivate init(_ model: SpecModel) {
        let spec = model.spec
        let stacks = [
            ("text", spec.text?.stack), ("image", spec.image?.stack), ("audio", spec.audio?.stack),
            ("body", spec.body?.stack),
        ].compactMap { name, stack in stack.map { (name, $0) } }
        let main = spec.body?.stack ?? spec.text?.stack ?? spec.image?.stack ?? spec.audio?.stack
        let mlp = main?.layers.first?.branches.lazy.compactMap { branch in
            if case .feedForward(let spec) = branch.operation { spec.hidden } else { nil }
        }.first
        self.init(
            name: spec.name, path: model.path, format: spec.format, family: spec.family,
            state: model.tensors.metadata["castor.state"], parameters: spec.parameterCount,
            width: main?.width ?? spec.text?.width ?? 0, mlpWidth: mlp ?? 0,
            blocks: Dictionary(uniqueKeysWithValues: stacks.map { ($0.0, $0.1.layers.count) }),
            vocabulary: spec.text?.vocabularySize ?? 0, maxTokens: spec.maxTokens, dimensions: spec.outputDimensions,
            matryoshkaDimensions: spec.matryoshkaDimensions, prompts: spec.prompts,
            weights: model.tensors, multiplyAdds: Self.products(spec.tensorShapes(), of: ["text.", "body."]))
    }

    /// Of the matrices that every token is multiplied with: those of stacks. Tables give a row, and heads see one row a content.
    private static func products(_ shapes: [(name: String, shape: [Int])], of stacks: [String]) -> Int {
        shapes.reduce(0) { sum, tensor in
            let isMatrix = tensor.shape.count == 2 && stacks.contains { tensor.name.hasPrefix($0) }
            let isInStack = ["layers.", "blocks.", "projection"].contains { tensor.name.contains($0) }
            return isMatrix && isInStack ? sum + tensor.shape.reduce(1, *) : sum
        }
    }

    /// Media and threads are the embedder's.
    private init(
        name: String, path: String, format: String, family: String, state: String?, parameters: Int, width: Int,
        mlpWidth: Int, blocks: [String: Int], vocabulary: Int, maxTokens: Int, dimensions: Int,
        matryoshkaDimensions: [Int], prompts: [String: String], weights: SafeTensors, multiplyAdds: Int
    ) {
        weightBytes = weights.entries.values.reduce(0) { $0 + $1.range.count }
        weightFormat = weights.mostBytes?.rawValue ?? ""
        precision = ""

        self.name = name
        self.path = path
        self.format = format
        self.family = family
        media = []
        self.state = state ?? "unknown"
        self.parameters = parameters
        self.width = width
        self.mlpWidth = mlpWidth
        self.blocks = blocks
        self.vocabulary = vocabulary
        self.maxTokens = maxTokens
        self.dimensions = dimensions
        self.matryoshkaDimensions = matryoshkaDimensions
        self.prompts = prompts
        multiplyAddsPerToken = multiplyAdds
        threads = 0
        blas = BLAS.description
        kernels = (try? OpenBLAS.choice)?.description ?? "none"
        mediaLibraries = Dictionary(uniqueKeysWithValues: MediaLibraries.versions.map { ($0.name, $0.version) })
    }
}

extension SafeTensors {
    /// The format that most of the weights have, by bytes; nil without any.
    var mostBytes: ScalarType? {
        let bytes = Dictionary(grouping: entries.values, by: \.type).mapValues { $0.reduce(0) { $0 + $1.range.count } }
        return bytes.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }?.key
    }
}
