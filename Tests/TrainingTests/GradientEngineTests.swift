import CastorNumerics
import Encoder
import Testing
import Training

@Suite struct GradientEngineTests {
    private static let lossTolerance = 1e-5
    private static let gradientTolerance = 1e-4

    private let pool = WorkerPool(threads: 2)
    private let model: Model
    private let objective: Objective
    private let parameters: ParameterStore

    init() throws {
        model = try Nano.model(pool)
        var objective = Objective(levels: [.init(size: 3072), .init(size: 256)])
        objective.contrastive?.symmetric = true
        objective.contrastive?.learnsTemperature = true
        self.objective = objective
        parameters = try ParameterStore(of: model, extra: objective.parameterShapes)
        objective.initialize(parameters)
    }

    private func gradient(
        _ batch: PairBatch, _ options: GradientEngine.Options, threads: Int = 2
    ) throws -> (loss: Double, gradients: ParameterStore, engine: GradientEngine) {
        let pool = threads == 2 ? self.pool : WorkerPool(threads: threads)
        let configuration = model.configuration
        let gradients = ParameterStore(parameters.shapes)
        let engine = GradientEngine(
            CastorTraining(
                EncoderPass(configuration: configuration, pool: pool), ModelWeights(configuration, parameters),
                into: ModelWeights(configuration, gradients), keeping: options.keeping, towers: options.towers),
            maxChunkTokens: options.maxChunkTokens)
        let value = try engine(batch.contents) { rows, gradient in
            objective(LossBatch(batch, rows: rows), parameters, gradient: gradient, gradients, pool)
        }
        return (value.total, gradients, engine)
    }

    private func expectSame(_ found: ParameterStore, _ expected: ParameterStore, within tolerance: Double) {
        for tensor in expected.tensors {
            expectClose(found[tensor.name], tensor.values, within: tolerance, tensor.name)
        }
    }

    @Test(arguments: [1, 10, 30])
    func cachedEqualsPlain(maxChunkTokens: Int) throws {
        let batch = Nano.mixedBatch()
        let plain = try gradient(batch, GradientEngine.Options())
        var options = GradientEngine.Options()
        options.maxChunkTokens = maxChunkTokens
        let cached = try gradient(batch, options)
        #expect(abs(cached.loss - plain.loss) <= Self.lossTolerance * plain.loss)
        expectSame(cached.gradients, plain.gradients, within: Self.gradientTolerance)
    }

    @Test func recomputedEqualsKept() throws {
        let batch = Nano.mixedBatch()
        let kept = try gradient(batch, GradientEngine.Options())
        var options = GradientEngine.Options()
        options.keeping = .blockInputs
        let recomputed = try gradient(batch, options)
        #expect(recomputed.loss == kept.loss)
        expectSame(recomputed.gradients, kept.gradients, within: 0)
    }

    @Test(arguments: [1, 2, 3])
    func equalBitsOnRepetition(threads: Int) throws {
        // Long enough for many pieces of rows, and for a content whose attention has several tasks.
        var kinds: [[Nano.Kind]] = (0..<40).map { [.text(5 + $0 % 13)] }
        kinds.append([.text(600), .image(rows: 3, columns: 3)])
        let contents = Nano.contents(kinds, seed: 5)
        let batch = PairBatch(queries: contents, positives: contents.reversed())
        let first = try gradient(batch, GradientEngine.Options(), threads: threads)
        for _ in 0..<3 {
            let again = try gradient(batch, GradientEngine.Options(), threads: threads)
            #expect(again.loss == first.loss)
            expectSame(again.gradients, first.gradients, within: 0)
        }
    }

    @Test func aFrozenTowerGetsNoGradient() throws {
        let batch = Nano.mixedBatch()
        let whole = try gradient(batch, GradientEngine.Options())
        var options = GradientEngine.Options()
        options.towers = [.text, .unified]
        let part = try gradient(batch, options)
        for tensor in part.gradients.tensors where !tensor.name.hasPrefix("unified.modality") {
            // The time embedding of frames gets its gradient from the image tower.
            if ["image.", "audio.", "video."].contains(where: tensor.name.hasPrefix) {
                #expect(tensor.values.values.allSatisfy { $0 == 0 }, "\(tensor.name)")
            } else {
                expectClose(tensor.values, whole.gradients[tensor.name], within: 0, tensor.name)
            }
        }
    }

    /// The stated memory is an upper bound, and no idle one.
    @Test(arguments: [PassMemory.Keeping.blockInputs, .everything])
    func memoryIsStated(keeping: PassMemory.Keeping) throws {
        let contents = Nano.contents((0..<60).map { _ in [.text(25)] }, seed: 1)
        var options = GradientEngine.Options()
        options.keeping = keeping
        let found = try gradient(PairBatch(queries: contents, positives: contents), options).engine.byteCount
        let stated = PassMemory.byteCount(tokens: 3_000, keeping, model.configuration)
        #expect(found <= stated && found >= stated * 9 / 10, "\(found) bytes held, \(stated) stated")
    }
}
