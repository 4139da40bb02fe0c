package import CastorNumerics
package import Encoder

/// Changes the parameters of a model, a step at a time.
///
/// ```swift
/// let trainer = try Trainer(.castor(configuration), parameters, objective, options, pool)
/// for batch in batches { print(try trainer.step([batch]).loss.total) }
/// ```
///
/// Equal parameters, batches, options and threads give equal bits.
package final class Trainer {
    package struct Options: Sendable, Equatable {
        package var optimizer = AdamW.Options()
        package var schedule: Schedule
        package var engine = GradientEngine.Options()
        /// Decay of the exponential moving average of the parameters; the default, nil, keeps none.
        package var averageDecay: Double?
        /// Of the products with the blocks' matrices, forward and backward, and of Muon's. The default is single.
        package var precision = ProductPrecision.single

        package init(schedule: Schedule) {
            self.schedule = schedule
        }
    }

    /// What happened in a step.
    package struct Report: Sendable, Equatable {
        /// Counts from 1.
        package let step: Int
        /// Mean over the batches.
        package let loss: Objective.Value
        /// Of the gradient, before it was clipped.
        package let gradientNorm: Double
        package let rate: Double
        package let temperature: Double?
        package let tokens: Int
        package let contents: Int
    }

    package let architecture: Architecture
    package let options: Options
    package let objective: Objective
    /// The model's tensors, then those of the objective.
    package let parameters: ParameterStore
    /// The moving average of `parameters`, if one is kept.
    package let average: ParameterStore?
    package let optimizer: AdamW
    package let engine: GradientEngine
    private let gradients: ParameterStore
    private var touched: TouchedRows
    /// nil where nothing is exchanged.
    private let bigrams: HashedBigrams?
    private var touchedBigrams: TouchedRows
    private let ranks: any Ranks
    private let pool: WorkerPool

    /// - Parameters:
    ///   - parameters: the tensors that the model has in memory and the objective's; changed by every step
    ///   - ranks: processes that make the same steps together, on the same batches
    /// - Throws: ``Untrainable`` where what is to be trained has no backward pass
    package init(
        _ architecture: Architecture, _ parameters: ParameterStore, _ objective: Objective, _ options: Options,
        _ pool: WorkerPool, ranks: any Ranks = LoneRank()
    ) throws(Untrainable) {
        self.architecture = architecture
        self.parameters = parameters
        self.objective = objective
        self.options = options
        self.ranks = ranks
        self.pool = pool
        optimizer = AdamW(parameters, options: options.optimizer, precision: options.precision, pool: pool)
        gradients = ParameterStore(parameters.shapes)
        engine = GradientEngine(
            try architecture.model(parameters, gradients: gradients, options, pool),
            maxChunkTokens: options.engine.maxChunkTokens, ranks: ranks)
        touched = TouchedRows(rowCount: architecture.vocabularySize, always: architecture.paddingID)
        bigrams = ranks.count > 1 ? architecture.bigrams : nil
        touchedBigrams = TouchedRows(rowCount: bigrams?.rows ?? 0)
        average = options.averageDecay.map { _ in ParameterStore(parameters.shapes) }
        average?.copy(from: parameters)
    }

    /// Steps done.
    package var stepCount: Int { optimizer.stepCount }

    /// One update by the mean gradient of `batches`. Several batches save memory; they are not one larger contrastive
    /// batch, because no content of one is a negative for another.
    ///
    /// Throws before any parameter changes when the loss or the gradient is not finite.
    package func step(_ batches: [PairBatch]) throws(TrainingError) -> Report {
        precondition(!batches.isEmpty)
        clearGradients()
        var loss = Objective.Value()
        var (tokens, contents) = (0, 0)
        let share = 1 / Double(batches.count)
        for batch in batches {
            let inputs = batch.contents
            touched.insert(inputs)
            if let bigrams { touchedBigrams.insert(inputs, bigrams) }
            tokens += inputs.reduce(0) { $0 + $1.tokenCount }
            contents += inputs.count
            loss.add(try gradient(batch, inputs), times: share)
        }
        let number = stepCount + 1
        guard loss.total.isFinite else { throw .diverged(step: number, what: "the loss is \(loss.total)") }
        sumGradients()
        let norm = share * optimizer.norm(gradients, touched)
        guard norm.isFinite else { throw .diverged(step: number, what: "the gradient's norm is \(norm)") }
        let rate = options.schedule.rate(at: stepCount)
        optimizer.update(gradients, touched, norm: norm, rate: rate, gradientScale: share)
        objective.clamp(parameters)
        updateAverage()
        return Report(
            step: number, loss: loss, gradientNorm: norm, rate: rate, temperature: objective.temperature(parameters),
            tokens: tokens, contents: contents)
    }

    private func gradient(
        _ batch: PairBatch, _ inputs: [EncoderInput]
    ) throws(TrainingError) -> Objective.Value {
        do {
            return try engine(inputs) { rows, dRows in
                objective(LossBatch(batch, rows: rows), parameters, gradient: dRows, gradients, pool)
            }
        } catch { throw .model(error) }
    }

    /// Those of the weights: the objective's own are of all rows in every process. Of tables only rows that the batches' texts have: the others
    /// are zero everywhere, and most of what there is.
    private func sumGradients() {
        guard ranks.count > 1 else { return }
        let own = Set(objective.parameterShapes.map(\.name))
        for tensor in gradients.tensors where !own.contains(tensor.name) {
            switch tensor.name {
            case "text.embedding.weight": sum(touched.rows, of: tensor.values)
            case Configuration.bigramEmbeddingName where bigrams != nil: sum(touchedBigrams.rows, of: tensor.values)
            default: ranks.sum(UnsafeMutableBufferPointer(start: tensor.values.pointer, count: tensor.values.count))
            }
        }
    }

    private func sum(_ rows: [Int], of values: Matrix) {
        let packed = Matrix(rows: rows.count, columns: values.columns)
        for (place, row) in rows.enumerated() {
            packed.row(place).update(from: values.row(row), count: values.columns)
        }
        ranks.sum(UnsafeMutableBufferPointer(start: packed.pointer, count: packed.count))
        for (place, row) in rows.enumerated() {
            values.row(row).update(from: packed.row(place), count: values.columns)
        }
    }

    private func clearGradients() {
        let embedding = gradients.index(of: "text.embedding.weight")
        for (index, tensor) in gradients.tensors.enumerated() {
            if index == embedding {
                for row in touched.rows { tensor.values[row..<row + 1].fill(0) }
            } else {
                tensor.values.fill(0)
            }
        }
        touched.clear()
        touchedBigrams.clear()
    }

    private func updateAverage() {
        guard let average, let decay = options.averageDecay else { return }
        let factor = Float(1 - decay)
        pool.run(parameters.tensors.count) { index, _ in
            let (p, a) = (parameters.tensors[index].values, average.tensors[index].values)
            moveToward(p.pointer, by: factor, a.pointer, count: p.count)
        }
    }
}

extension Objective.Value {
    mutating func add(_ other: Objective.Value, times factor: Double) {
        func sum(_ a: Double?, _ b: Double?) -> Double? { b.map { (a ?? 0) + $0 * factor } ?? a }
        contrastive = sum(contrastive, other.contrastive)
        teacherCosine = sum(teacherCosine, other.teacherCosine)
        teacherSimilarity = sum(teacherSimilarity, other.teacherSimilarity)
    }
}
