import CastorNumerics
package import Encoder

/// The model that is trained, as its folder describes it: what training asks of a model of either format.
package enum Architecture: Sendable {
    /// Format castor-1: all of it is trained, from weights or from random ones.
    case castor(Configuration)
    /// Format castor-2, with its weights: an imported model, or a joined one.
    case imported(ModelSpec, SafeTensors)

    var isImported: Bool {
        if case .imported = self { true } else { false }
    }

    package var name: String {
        switch self {
        case .castor(let configuration): configuration.name
        case .imported(let spec, _): spec.name
        }
    }

    package var outputDimensions: Int {
        switch self {
        case .castor(let configuration): configuration.outputDimensions
        case .imported(let spec, _): spec.outputDimensions
        }
    }

    package var matryoshkaDimensions: [Int] {
        switch self {
        case .castor(let configuration): configuration.matryoshkaDimensions
        case .imported(let spec, _): spec.matryoshkaDimensions
        }
    }

    var parameterCount: Int {
        switch self {
        case .castor(let configuration): configuration.parameterCount
        case .imported(let spec, _): spec.parameterCount
        }
    }

    /// Of the tokens that most of the model sees.
    var width: Int {
        switch self {
        case .castor(let configuration): configuration.width
        case .imported(let spec, _):
            spec.text?.stack?.width ?? spec.text?.width ?? spec.image?.width ?? spec.outputDimensions
        }
    }

    /// Tokens of a picture, about, by which batches are made.
    var imageTokens: Int {
        switch self {
        case .castor(let configuration): configuration.image.maxPatches
        case .imported(let spec, _): spec.image?.size(width: 1, height: 1).tokenCount ?? 1
        }
    }

    var vocabularySize: Int {
        switch self {
        case .castor(let configuration): configuration.text.vocabularySize
        case .imported(let spec, _): spec.text?.vocabularySize ?? 0
        }
    }

    var bigrams: HashedBigrams? {
        switch self {
        case .castor(let configuration): configuration.text.bigrams
        case .imported: nil
        }
    }

    /// An id that stands in every text that is filled up.
    var paddingID: Int32? {
        switch self {
        case .castor: nil
        case .imported(let spec, _): spec.text?.padding?.id
        }
    }

    package var tensorShapes: [(name: String, shape: [Int])] {
        switch self {
        case .castor(let configuration): configuration.tensorShapes
        case .imported(let spec, _): spec.tensorShapes()
        }
    }

    /// The tensors that a trainer holds: of an imported model those that one of the stages trains, all of them of another.
    ///
    /// - Parameter stages: the optimisers of all stages
    func heldShapes(_ stages: [AdamW.Options]) -> [(name: String, shape: [Int])] {
        switch self {
        case .castor: tensorShapes
        case .imported: tensorShapes.filter { tensor in stages.contains { $0.trains(tensor.name) } }
        }
    }

    /// - Parameters:
    ///   - parameters: with the tensors of ``heldShapes(_:)``
    ///   - gradients: the same; nil where there is no backward pass
    func model(
        _ parameters: ParameterStore, gradients: ParameterStore?, _ options: Trainer.Options, _ pool: WorkerPool
    ) throws(Untrainable) -> any TrainedModel {
        switch self {
        case .castor(let configuration):
            let pass = EncoderPass(
                configuration: configuration, pool: pool,
                // What is evaluated is computed as it will be served.
                precision: gradients == nil ? .single : options.precision)
            return CastorTraining(
                pass, ModelWeights(configuration, parameters),
                into: gradients.map { ModelWeights(configuration, $0) }, keeping: options.engine.keeping,
                towers: options.engine.towers.intersection(Self.trainedTowers(parameters, options.optimizer)))
        case .imported(let spec, let tensors):
            let trained = try TrainedParts(spec) { gradients != nil && options.optimizer.trains($0) }
            return SpecTraining(spec, tensors, parameters, gradients: gradients, trained: trained, pool: pool)
        }
    }

    /// Towers with a tensor that is not frozen. Modality embeddings get their gradient on the way to the towers, so that
    /// all are passed while those are trained.
    private static func trainedTowers(
        _ parameters: ParameterStore, _ optimizer: AdamW.Options
    ) -> Set<Configuration.Tower> {
        if optimizer.trains("unified.modality_embedding.weight") { return Set(Configuration.Tower.allCases) }
        var towers = Set(
            Configuration.Tower.allCases.filter { tower in
                parameters.tensors.contains { $0.name.hasPrefix("\(tower.rawValue).") && optimizer.trains($0.name) }
            })
        // The time embedding gets its gradient on the way to the frames.
        let time = Configuration.timeEmbeddingName
        if parameters.index(of: time) != nil, optimizer.trains(time) { towers.insert(.image) }
        return towers
    }
}
