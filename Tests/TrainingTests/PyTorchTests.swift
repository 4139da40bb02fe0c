import CastorNumerics
import Encoder
import Testing
import Training

/// Loss, every gradient, and ten optimiser steps against PyTorch in double precision.
@Suite struct PyTorchTests {
    private static let lossTolerance = 1e-5
    /// Of the largest value of a tensor's gradient, and of its norm.
    private static let gradientTolerance = 1e-5
    /// Largest difference of a parameter after ten steps that change it by up to 5e-3.
    private static let parameterTolerance = 1e-5

    private let pool = WorkerPool(threads: 2)

    @Test func gradientsAgree() throws {
        let golden = try GoldenGradients()
        let (objective, batch) = (golden.objective, try golden.batch())
        let model = try Nano.model(pool)
        let parameters = try ParameterStore(of: model, extra: objective.parameterShapes)
        objective.initialize(parameters)
        let gradients = ParameterStore(parameters.shapes)
        let configuration = model.configuration
        let engine = GradientEngine(
            CastorTraining(
                EncoderPass(configuration: configuration, pool: pool), ModelWeights(configuration, parameters),
                into: ModelWeights(configuration, gradients)))
        let value = try engine(batch.contents) { rows, gradient in
            objective(LossBatch(batch, rows: rows), parameters, gradient: gradient, gradients, pool)
        }

        let terms = golden.description.terms
        for (name, found) in [
            ("contrastive", value.contrastive), ("teacher_cosine", value.teacherCosine),
            ("teacher_similarity", value.teacherSimilarity),
        ] {
            let expected = try #require(terms[name])
            #expect(abs(try #require(found) - expected) <= Self.lossTolerance * expected, "\(name)")
        }
        #expect(Set(golden.description.tensors.keys) == Set(gradients.tensors.map { $0.name }))
        for tensor in gradients.tensors {
            let name = tensor.name
            expectClose(
                golden.stored(name, of: tensor.values), try golden.tensor("gradient.\(name)"),
                within: Self.gradientTolerance, "gradient of \(name)")
            let expected = try #require(golden.description.tensors[name]).norm
            let norm = preciseSumOfSquares(tensor.values.pointer, count: tensor.values.count).squareRoot()
            #expect(abs(norm - expected) <= Self.gradientTolerance * expected, "norm of the gradient of \(name)")
        }
    }

    @Test func gradientsOfAModelWithPoolingLogitsAgree() throws {
        let golden = try GoldenGradients()
        let (objective, batch) = (golden.objective, try golden.batch())
        let (configuration, parameters) = try weighted(golden.description.weighted.logits, objective.parameterShapes)
        objective.initialize(parameters)
        let (loss, gradients) = try gradient(configuration, parameters, objective, batch)
        let expected = golden.description.weighted.loss
        #expect(abs(loss - expected) <= Self.lossTolerance * expected)
        // The logits count: without them the loss is another one.
        #expect(abs(golden.description.loss - expected) > 1e-3)
        for name in [
            "unified.pooling_logits", "unified.norm.weight", "image.norm.weight", "unified.modality_embedding.weight",
        ] {
            expectClose(
                gradients[name], try golden.tensor("weighted.\(name)"), within: Self.gradientTolerance,
                "gradient of \(name)")
        }
    }

    @Test func contentsOfOneModalityHaveAPlainMean() throws {
        let contents = Nano.contents(
            [
                [.text(9)], [.text(3), .text(4)], [.image(rows: 3, columns: 2)],
                [.page(rows: 5, columns: 4), .pageText(6)],
            ],
            seed: 5)
        let model = try Nano.model(pool)
        let (configuration, parameters) = try weighted([0.3, -1.2, 0.5, -0.4, 0.8], [])
        func rows(_ configuration: Configuration, _ source: ModelWeights) throws -> [Float] {
            try EncoderPass(configuration: configuration, pool: pool).forward(contents, source, PassMemory(.nothing))
                .rows.values
        }
        #expect(
            try rows(configuration, ModelWeights(configuration, parameters))
                == rows(model.configuration, ModelWeights(model.configuration, ParameterStore(of: model, extra: []))))
    }

    @Test func gradientsOfAModelWithBigramsAgree() throws {
        let golden = try GoldenGradients()
        let (objective, batch) = (golden.objective, try golden.batch())
        let names = ["text.bigram_embedding.weight", "text.bigram_projection.weight"]
        let (configuration, parameters) = try nano(objective.parameterShapes) {
            $0.text.bigramRows = golden.description.bigrams.bigramRows
            $0.text.bigramWidth = golden.description.bigrams.bigramWidth
        }
        objective.initialize(parameters)
        for name in names {
            let values = try golden.tensor("bigrams.\(name)")
            withExtendedLifetime(values) {
                parameters[name].pointer.update(from: values.pointer, count: values.count)
            }
        }
        let (loss, gradients) = try gradient(configuration, parameters, objective, batch)
        let expected = golden.description.bigrams.loss
        #expect(abs(loss - expected) <= Self.lossTolerance * expected)
        #expect(abs(golden.description.loss - expected) > 1e-3)
        for name in names + ["text.norm.weight"] {
            expectClose(
                gradients[name], try golden.tensor("bigrams.gradient.\(name)"), within: Self.gradientTolerance,
                "gradient of \(name)")
        }
    }

    @Test func gradientsOfAModelWithALexicalPartAgree() throws {
        let golden = try GoldenGradients()
        let (objective, batch) = (golden.objective, try golden.batch())
        let (configuration, parameters) = try nano(objective.parameterShapes) {
            $0.text.lexical = golden.description.lexical.part
        }
        objective.initialize(parameters)
        let rarity = parameters["text.lexical_rarity"]
        for id in 0..<rarity.count { rarity.pointer[id] = Float(id % 7) / 2 }
        let (loss, gradients) = try gradient(configuration, parameters, objective, batch)
        let expected = golden.description.lexical.loss
        #expect(abs(loss - expected) <= Self.lossTolerance * expected)
        #expect(abs(golden.description.loss - expected) > 1e-3)
        let projection = gradients["projection.weight"]
        let stored = Matrix(rows: (projection.rows + 7) / 8, columns: projection.columns)
        for row in 0..<stored.rows {
            stored.row(row).update(from: projection.row(8 * row), count: stored.columns)
        }
        for (name, found) in [
            ("projection.weight", stored), ("text.norm.weight", gradients["text.norm.weight"]),
            ("image.norm.weight", gradients["image.norm.weight"]),
        ] {
            expectClose(
                found, try golden.tensor("lexical.gradient.\(name)"), within: Self.gradientTolerance,
                "gradient of \(name)")
        }
        #expect(gradients["text.lexical_rarity"].values.allSatisfy { $0 == 0 }, "how rare a piece is is not trained")
    }

    private func gradient(
        _ configuration: Configuration, _ parameters: ParameterStore, _ objective: Objective, _ batch: PairBatch
    ) throws -> (loss: Double, gradients: ParameterStore) {
        let gradients = ParameterStore(parameters.shapes)
        let engine = GradientEngine(
            CastorTraining(
                EncoderPass(configuration: configuration, pool: pool), ModelWeights(configuration, parameters),
                into: ModelWeights(configuration, gradients)))
        let value = try engine(batch.contents) { rows, gradient in
            objective(LossBatch(batch, rows: rows), parameters, gradient: gradient, gradients, pool)
        }
        return (value.total, gradients)
    }

    /// castor-nano with another configuration: its weights, as many as there are of each, and zeros for what it does not have.
    private func nano(
        _ extra: [(name: String, shape: [Int])], _ change: (inout Configuration) -> Void
    ) throws -> (Configuration, ParameterStore) {
        let model = try Nano.model(pool)
        var configuration = model.configuration
        change(&configuration)
        let parameters = ParameterStore(configuration.tensorShapes + extra)
        for tensor in try ParameterStore(of: model, extra: extra).tensors {
            let own = parameters[tensor.name]
            own.pointer.update(from: tensor.values.pointer, count: min(own.count, tensor.values.count))
        }
        return (configuration, parameters)
    }

    /// castor-nano with pooling logits.
    private func weighted(
        _ logits: [Float], _ extra: [(name: String, shape: [Int])]
    ) throws -> (Configuration, ParameterStore) {
        let (configuration, parameters) = try nano(extra) { $0.unified.poolingLogits = true }
        parameters["unified.pooling_logits"].pointer.update(from: logits, count: logits.count)
        return (configuration, parameters)
    }

    @Test func tenStepsAgree() throws {
        let golden = try GoldenGradients()
        let model = try Nano.model(pool)
        let parameters = try ParameterStore(of: model, extra: golden.objective.parameterShapes)
        golden.objective.initialize(parameters)
        let before = ParameterStore(parameters.shapes)
        before.copy(from: parameters)
        let trainer = try Trainer(.castor(model.configuration), parameters, golden.objective, golden.options, pool)
        let batch = try golden.batch()
        for expected in golden.description.losses {
            let loss = try trainer.step([batch]).loss.total
            #expect(abs(loss - expected) <= Self.parameterTolerance * expected, "\(loss) for \(expected)")
        }
        for tensor in parameters.tensors {
            let name = tensor.name
            let change = tensor.values.copy()
            add(before[tensor.name].pointer, times: -1, to: change.pointer, count: change.count)
            let expected = try golden.tensor("change.\(name)")
            let found = golden.stored(name, of: change)
            var worst: Float = 0
            for index in 0..<expected.count { worst = max(worst, abs(found.pointer[index] - expected.pointer[index])) }
            #expect(Double(worst) <= Self.parameterTolerance, "\(name): a parameter lies \(worst) from PyTorch's")
        }
    }
}
