package import CastorNumerics
package import Encoder

/// A model as training sees it: contents to rows, and the gradient of rows back to that of the weights.
package protocol TrainedModel: AnyObject {
    var outputDimensions: Int { get }
    /// Bytes held for passes.
    var byteCount: Int { get }

    /// One row a content, before normalisation, good until the next pass.
    func rows(_ batch: [EncoderInput]) throws(ModelError) -> Matrix
    /// The same, and what ``backward(_:)`` needs is kept, until the next recorded pass.
    func recordedRows(_ batch: [EncoderInput]) throws(ModelError) -> Matrix
    /// Adds the gradients of the weights, by that of the rows that were recorded last.
    func backward(_ dRows: Matrix)
}

/// A model of format castor-1.
package final class CastorTraining: TrainedModel {
    private let pass: EncoderPass
    private let weights: ModelWeights
    private let gradients: ModelWeights?
    private let towers: Set<Configuration.Tower>
    private let plain = PassMemory(.nothing)
    private let keeping: PassMemory
    private var record: PassRecord?

    /// - Parameters:
    ///   - gradients: nil where there is no backward pass
    ///   - keeping: what a recorded pass keeps: not nothing
    ///   - towers: those whose gradients are wanted
    package init(
        _ pass: EncoderPass, _ weights: ModelWeights, into gradients: ModelWeights?,
        keeping: PassMemory.Keeping = .everything,
        towers: Set<Configuration.Tower> = Set(Configuration.Tower.allCases)
    ) {
        precondition(keeping != .nothing)
        self.pass = pass
        self.weights = weights
        self.gradients = gradients
        self.towers = towers
        self.keeping = PassMemory(keeping)
    }

    package var outputDimensions: Int { pass.configuration.outputDimensions }
    package var byteCount: Int { plain.byteCount + keeping.byteCount }

    package func rows(_ batch: [EncoderInput]) throws(ModelError) -> Matrix {
        try pass.forward(batch, weights, plain).rows
    }

    package func recordedRows(_ batch: [EncoderInput]) throws(ModelError) -> Matrix {
        let record = try pass.forward(batch, weights, keeping)
        self.record = record
        return record.rows
    }

    package func backward(_ dRows: Matrix) {
        guard let record, let gradients else { preconditionFailure("no pass was recorded") }
        pass.backward(record, dRows, weights, into: gradients, keeping, towers: towers)
    }
}

extension SpecTraining: TrainedModel {
    package var outputDimensions: Int { spec.outputDimensions }
}
