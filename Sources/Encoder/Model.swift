package import CastorNumerics
import FoundationEssentials
import Synchronization

/// A model folder, opened: configuration, tokenizer, and weights that are read when the first content needs them.
package final class Model: WeightSource {
    package static let configurationName = "config.json"
    package static let weightsName = "model.safetensors"
    package static let tokenizerName = "tokenizer.model"

    package let path: String
    package let configuration: Configuration
    package let tokenizer: Tokenizer
    package let tensors: SafeTensors
    private let loader: WeightLoader
    private let loaded = Mutex(Loaded())

    private struct Loaded {
        var text: TextWeights?
        var image: PatchWeights?
        var audio: PatchWeights?
        var unified: UnifiedWeights?
    }

    /// Opens a folder and checks that configuration, tensors and tokenizer belong together. Weights are not read yet.
    package init(path: String, pool: WorkerPool) throws(ModelError) {
        self.path = path
        configuration = try Self.configuration(path: path)
        tensors = try SafeTensors(path: "\(path)/\(Self.weightsName)")
        for (name, shape) in configuration.tensorShapes {
            guard !Configuration.tables.contains(name) || tensors.entries[name]?.type != .i8 else {
                _ = try tensors.scales(of: name, shape)
                continue
            }
            _ = try tensors.entry(name, shape)
        }
        tokenizer = try Tokenizer(
            path: "\(path)/\(Self.tokenizerName)", splitsIdentifiers: configuration.text.splitIdentifiers ?? false)
        guard tokenizer.pieceCount == configuration.text.vocabularySize else {
            throw .configuration(
                key: "text.vocabulary_size",
                reason: "is \(configuration.text.vocabularySize), the tokenizer has \(tokenizer.pieceCount) pieces")
        }
        loader = WeightLoader(configuration: configuration, tensors: tensors, pool: pool)
    }

    /// The configuration of a folder that may have no weights yet.
    package static func configuration(path: String) throws(ModelError) -> Configuration {
        let file = try MappedFile(path: "\(path)/\(configurationName)")
        guard file.bytes.count <= 1 << 20 else {
            throw .configuration(key: "(whole file)", reason: "is larger than 1 MiB")
        }
        return try Configuration(json: Data(file.bytes))
    }

    /// What the file says about its training: "trained" or "untrained"; nil when it says nothing.
    package var state: String? { tensors.metadata["castor.state"] }

    package func text() throws(ModelError) -> TextWeights {
        try weights(\.text) { () throws(ModelError) in try loader.text() }
    }

    package func image() throws(ModelError) -> PatchWeights {
        try weights(\.image) { () throws(ModelError) in try loader.patches(.image) }
    }

    package func audio() throws(ModelError) -> PatchWeights {
        try weights(\.audio) { () throws(ModelError) in try loader.patches(.audio) }
    }

    package func unified() throws(ModelError) -> UnifiedWeights {
        try weights(\.unified) { () throws(ModelError) in try loader.unified() }
    }

    private func weights<Weights: Sendable>(
        _ place: any WritableKeyPath<Loaded, Weights?> & Sendable, _ load: () throws(ModelError) -> Weights
    ) throws(ModelError) -> Weights {
        let result: Result<Weights, ModelError> = loaded.withLock { loaded in
            if let weights = loaded[keyPath: place] { return .success(weights) }
            do throws(ModelError) {
                let weights = try load()
                loaded[keyPath: place] = weights
                return .success(weights)
            } catch { return .failure(error) }
        }
        return try result.get()
    }
}
