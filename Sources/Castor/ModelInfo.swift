import CastorNumerics
import Encoder
import Media

/// Facts about an opened model and the machine, for people and programs to look at.
public struct ModelInfo: Sendable, Equatable, Codable {
    public var name: String
    public var path: String
    /// `trained`, `untrained`, or `unknown` when the file does not say.
    public var state: String
    public var parameters: Int
    public var width: Int
    public var mlpWidth: Int
    /// Blocks of the text, image and sound towers, and the unified ones.
    public var blocks: [String: Int]
    public var vocabulary: Int
    public var maxTokens: Int
    public var dimensions: Int
    public var matryoshkaDimensions: [Int]
    public var threads: Int
    /// The BLAS library.
    public var blas: String
    /// The kernels that it runs on this processor, and who chose them.
    public var kernels: String
    /// The libraries that decode media, by name, with their versions.
    public var mediaLibraries: [String: String]
}

extension Embedder {
    public var info: ModelInfo { ModelInfo(model, threads: pool.threadCount) }
}

extension ModelInfo {
    fileprivate init(_ model: Model, threads: Int) {
        let configuration = model.configuration
        self.init(
            name: configuration.name, path: model.path, state: model.state ?? "unknown",
            parameters: configuration.parameterCount, width: configuration.width,
            mlpWidth: configuration.mlpWidth,
            blocks: Dictionary(
                uniqueKeysWithValues: Configuration.Tower.allCases.map { ($0.rawValue, configuration.blocks(of: $0)) }),
            vocabulary: configuration.text.vocabularySize, maxTokens: configuration.maxTokens,
            dimensions: configuration.outputDimensions, matryoshkaDimensions: configuration.matryoshkaDimensions,
            threads: threads, blas: BLAS.description,
            kernels: (try? OpenBLAS.choice)?.description ?? "none",
            mediaLibraries: Dictionary(uniqueKeysWithValues: MediaLibraries.versions.map { ($0.name, $0.version) }))
    }
}
