import CastorNumerics
import Encoder
import FoundationEssentials
import Testing
import Training

/// The gradient of every parameter tensor against central differences of the loss, over contents with text, images and sound.
@Suite struct FiniteDifferenceTests {
    /// Of the directional derivative.
    private static let tolerance = 1e-3
    /// Noise of a difference of two losses in f32, divided by the step.
    private static let noise = 2e-5
    /// A smaller gradient would not be told from none.
    private static let leastNorm = 1e-6

    private let pool = WorkerPool(threads: 2)
    private let bench: Bench

    init() throws {
        bench = try Bench(pool)
    }

    /// A loss of the parameters and its gradient.
    struct Bench {
        let parameters: ParameterStore
        let gradients: ParameterStore
        private let weights: ModelWeights
        private let pass: EncoderPass
        private let objective: Objective
        private let batch = Nano.mixedBatch()
        private let pool: WorkerPool
        private let contents: [EncoderInput]
        private let configuration: Configuration

        init(_ pool: WorkerPool) throws {
            self.pool = pool
            var objective = Objective(levels: [.init(size: 3072), .init(size: 128, weight: 0.5), .init(size: 700)])
            objective.contrastive?.symmetric = true
            objective.contrastive?.learnsTemperature = true
            objective.contrastive?.temperature = 0.2
            self.objective = objective
            let model = try Nano.model(pool)
            configuration = model.configuration
            parameters = try ParameterStore(of: model, extra: objective.parameterShapes)
            objective.initialize(parameters)
            gradients = ParameterStore(parameters.shapes)
            weights = ModelWeights(configuration, parameters)
            pass = EncoderPass(configuration: configuration, pool: pool)
            contents = batch.contents
            _ = try loss(gradients)
        }

        func loss(_ gradients: ParameterStore) throws -> Double {
            let model = CastorTraining(pass, weights, into: ModelWeights(configuration, gradients))
            return try GradientEngine(model)(contents) { rows, gradient in
                objective(LossBatch(batch, rows: rows), parameters, gradient: gradient, gradients, pool).total
            }
        }
    }

    @Test func everyTensor() throws {
        let ignored = ParameterStore(bench.parameters.shapes)
        var random = SeededGenerator(seed: 3)
        for tensor in bench.parameters.tensors {
            let gradient = bench.gradients[tensor.name]
            let norm = preciseSumOfSquares(gradient.pointer, count: gradient.count).squareRoot()
            #expect(norm > Self.leastNorm, "\(tensor.name) has no gradient")
            // The gradient's own direction, and two that share half of it with random ones: noise is least where the loss
            // changes most.
            for mixed in gradient.count > 1 ? [0.0, 1, 1] : [0] {
                let direction = Matrix(rows: 1, columns: gradient.count)
                let noise = Matrix.random(rows: 1, columns: gradient.count, &random)
                let noiseNorm = preciseSumOfSquares(noise.pointer, count: noise.count).squareRoot()
                var expected = 0.0
                for index in 0..<gradient.count {
                    let own = Double(gradient.pointer[index]) / norm
                    let value = own + mixed * Double(noise.pointer[index]) / noiseNorm
                    direction.pointer[index] = Float(value)
                    expected += Double(direction.pointer[index]) * Double(gradient.pointer[index])
                }
                let found = try derivative(tensor.values, direction, gradients: ignored, step: 0.02 / max(norm, 1))
                #expect(
                    abs(found - expected) <= Self.tolerance * abs(expected),
                    "\(tensor.name): \(found) by differences, \(expected) by the backward pass")
            }
        }
    }

    /// Single values, those with the largest gradients of each tensor.
    @Test func singleValues() throws {
        let ignored = ParameterStore(bench.parameters.shapes)
        for tensor in bench.parameters.tensors {
            let gradient = bench.gradients[tensor.name]
            let largest = (0..<gradient.count).sorted { abs(gradient.pointer[$0]) > abs(gradient.pointer[$1]) }
            let norm = Double(abs(gradient.pointer[largest[0]]))
            for index in largest.prefix(3) {
                let direction = Matrix(rows: 1, columns: gradient.count)
                direction.pointer[index] = 1
                let expected = Double(gradient.pointer[index])
                let found = try derivative(tensor.values, direction, gradients: ignored, step: 0.02 / max(norm, 0.5))
                #expect(
                    abs(found - expected) <= Self.tolerance * abs(expected) + Self.noise,
                    "\(tensor.name)[\(index)]: \(found) by differences, \(expected) by the backward pass")
            }
        }
    }

    /// Central differences at h and 2h, extrapolated: the error is of fourth order, so that h may be large against the
    /// rounding of f32.
    private func derivative(
        _ values: Matrix, _ direction: Matrix, gradients: ParameterStore, step: Double
    ) throws -> Double {
        let original = values.copy()
        func loss(at distance: Double) throws -> Double {
            for index in 0..<values.count {
                values.pointer[index] = Float(
                    Double(original.pointer[index]) + distance * Double(direction.pointer[index]))
            }
            return try bench.loss(gradients)
        }
        defer { values.pointer.update(from: original.pointer, count: values.count) }
        let near = try (loss(at: step) - loss(at: -step)) / (2 * step)
        let far = try (loss(at: 2 * step) - loss(at: -2 * step)) / (4 * step)
        return (4 * near - far) / 3
    }
}
