package import CastorNumerics

/// A model of format castor-2 in training: the tensors that change are in memory, in single precision; the others stay in the file, mapped.
///
/// The forward pass is that of ``SpecModel``. One call at a time.
package final class SpecTraining {
    package let spec: ModelSpec
    private let tensors: SafeTensors
    private let parameters: ParameterStore
    private let gradients: ParameterStore?
    private let pool: WorkerPool
    private let rotary = RotaryTables()
    private let memory = SpecMemory()
    private let tape: SpecTape
    private let towers: LockedTowers?
    /// Small tensors that do not change.
    private var locked: [String: Matrix] = [:]
    /// The last recorded pass.
    private var pass: SpecPass?

    /// - Parameters:
    ///   - tensors: the model's file, for what `parameters` does not have
    ///   - gradients: with the names of `parameters`; nil where there is no backward pass
    package init(
        _ spec: ModelSpec, _ tensors: SafeTensors, _ parameters: ParameterStore, gradients: ParameterStore?,
        trained: TrainedParts, pool: WorkerPool
    ) {
        self.spec = spec
        self.tensors = tensors
        self.parameters = parameters
        self.gradients = gradients
        self.pool = pool
        tape = SpecTape(trained)
        towers = LockedTowers(trained, spec)
    }

    /// Bytes held for a backward pass.
    package var byteCount: Int { tape.byteCount }

    /// One row a content, `[n, output dimensions]`, before normalisation. Every value is finite.
    package func rows(_ batch: [EncoderInput]) throws(ModelError) -> Matrix {
        try run(batch, try makePass())
    }

    /// The same, and what ``backward(_:)`` needs of it is kept.
    package func recordedRows(_ batch: [EncoderInput]) throws(ModelError) -> Matrix {
        tape.start()
        var pass = try makePass()
        pass.tape = tape
        self.pass = pass
        return try run(batch, pass)
    }

    /// Adds the gradients of all trained tensors.
    ///
    /// - Parameter dRows: of what ``recordedRows(_:)`` gave last
    package func backward(_ dRows: Matrix) {
        guard let pass, let gradients else { preconditionFailure("no pass was recorded") }
        pass.backward(dRows, tape, GradientSink(store: gradients))
    }

    private func run(_ batch: [EncoderInput], _ pass: SpecPass) throws(ModelError) -> Matrix {
        guard batch.allSatisfy({ $0.tokenCount > 0 }) else { throw .noTokens }
        let rows = try pass.rows(batch)
        guard allFinite(rows.pointer, count: rows.count) else { throw .overflow(stage: "the forward pass") }
        return rows
    }

    /// With the weights as they are now: some are changed when they are put together (1 + weight).
    private func makePass() throws(ModelError) -> SpecPass {
        let source = TensorSource(
            small: { [self] (name, shape) throws(ModelError) in
                if let matrix = trained(name) { return matrix }
                if let known = locked[name] { return known }
                _ = try tensors.entry(name, shape)
                let values = Matrix(rows: shape.count == 2 ? shape[0] : 1, columns: shape[shape.count - 1])
                try tensors.copy(name, into: values)
                locked[name] = values
                return values
            },
            large: { [self] (name, shape) throws(ModelError) in
                if let matrix = trained(name) { return WeightTensor(matrix) }
                let entry = try tensors.entry(name, shape)
                return WeightTensor(
                    tensors.file, offset: entry.range.lowerBound, entry.type, rows: shape[0], columns: shape[1])
            })
        let weights = try spec.weights(source) { [self] (name, shape) throws(ModelError) in
            if let matrix = trained(name) { return EmbeddingTable(matrix) }
            _ = try tensors.entry(name, shape)
            return EmbeddingTable(name, in: tensors)
        }
        return SpecPass(spec: spec, weights: weights, rotary: rotary, pool: pool, memory: memory, locked: towers)
    }

    private func trained(_ name: String) -> Matrix? {
        parameters.index(of: name).map { parameters.tensors[$0].values }
    }
}
