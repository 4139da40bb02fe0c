import CastorNumerics
import Encoder
import TestSupport
import Testing
import Training

@Suite struct TrainerTests {
    /// Of sums in f32 in another order.
    private static let rounding = 1e-6
    private static let preciseRounding = 1e-12

    private let pool = WorkerPool(threads: 2)
    private let model: Model

    init() throws {
        model = try Nano.model(pool)
    }

    private func trainer(
        averageDecay: Double? = 0.9, temperature: Double = 0.05, rate: Double = 1e-3,
        range: ClosedRange<Double> = 0.01...1, precision: ProductPrecision = .single
    ) throws -> Trainer {
        var objective = Objective(levels: [.init(size: 3072), .init(size: 256)])
        objective.contrastive?.learnsTemperature = true
        objective.contrastive?.temperature = temperature
        objective.contrastive?.temperatureRange = range
        let parameters = try ParameterStore(of: model, extra: objective.parameterShapes)
        objective.initialize(parameters)
        var options = Trainer.Options(schedule: Schedule(peak: rate, warmUpSteps: 2, totalSteps: 20))
        options.averageDecay = averageDecay
        options.precision = precision
        options.optimizer.groups = [ParameterGroup("*", method: precision == .single ? .adamW : .muon)]
        return try Trainer(.castor(model.configuration), parameters, objective, options, pool)
    }

    private func batch(_ random: inout SeededGenerator) -> PairBatch {
        Nano.mixedBatch(seed: random.next())
    }

    @Test func resumedEqualsUninterrupted() throws {
        try Folders.withTemporary { try resume(throughFileIn: $0) }
    }

    /// Rounding the factors to 8 bits moves the loss by less than that; the same steps twice have the same bits.
    @Test(.enabled(if: ProductPrecision.bfloat16.isAvailable)) func bfloat16StaysNearSinglePrecision() throws {
        let (single, rounded, again) = (
            try trainer(), try trainer(precision: .bfloat16), try trainer(precision: .bfloat16)
        )
        let batch = Nano.mixedBatch(seed: 3)
        let (expected, found) = (try single.step([batch]), try rounded.step([batch]))
        #expect(found.loss.total != expected.loss.total, "as if nothing had been rounded")
        #expect(abs(found.loss.total / expected.loss.total - 1) < 0.01, "\(found.loss.total), \(expected.loss.total)")
        #expect(abs(found.gradientNorm / expected.gradientNorm - 1) < 0.05)
        _ = try again.step([batch])
        for tensor in rounded.parameters.tensors {
            expectClose(again.parameters[tensor.name], tensor.values, within: 0, tensor.name)
        }
    }

    private func resume(throughFileIn folder: String) throws {
        let path = "\(folder)/checkpoint"
        let whole = try trainer()
        var random = SeededGenerator(seed: 9)
        for _ in 0..<8 { _ = try whole.step([batch(&random)]) }

        let first = try trainer()
        var before = SeededGenerator(seed: 9)
        for _ in 0..<3 { _ = try first.step([batch(&before)]) }
        try Checkpoint(random: before, notes: ["epoch": "2"]).write(first, to: path)

        let second = try trainer()
        let checkpoint = try Checkpoint(path, into: second)
        #expect(checkpoint.notes == ["epoch": "2"] && second.stepCount == 3)
        var after = checkpoint.random
        for _ in 0..<5 { _ = try second.step([batch(&after)]) }
        for tensor in whole.parameters.tensors {
            expectClose(second.parameters[tensor.name], tensor.values, within: 0, tensor.name)
            expectClose(
                try #require(second.average)[tensor.name], try #require(whole.average)[tensor.name], within: 0,
                "average of \(tensor.name)")
        }
    }

    @Test func aDamagedCheckpointIsRefused() throws {
        try Folders.withTemporary { folder in
            let path = "\(folder)/checkpoint"
            let trainer = try trainer()
            try Checkpoint(random: SeededGenerator(seed: 1)).write(trainer, to: path)
            try Folders.write(Array(Folders.read(path).dropLast(10)), path)
            #expect(throws: TrainingError.self) { try Checkpoint(path, into: trainer) }
            #expect(throws: TrainingError.self) { try Checkpoint("\(Folders.nano)/model.safetensors", into: trainer) }
            #expect(throws: TrainingError.model(.notFound(path: "\(path).none"))) {
                try Checkpoint("\(path).none", into: trainer)
            }
        }
    }

    /// One step of two batches follows the mean of their gradients: twice the same batch is that batch.
    @Test func accumulation() throws {
        let (one, two) = (try trainer(), try trainer())
        let batch = Nano.mixedBatch()
        let single = try one.step([batch])
        let double = try two.step([batch, batch])
        #expect(abs(single.loss.total - double.loss.total) <= Self.preciseRounding * single.loss.total)
        #expect(abs(single.gradientNorm - double.gradientNorm) <= Self.rounding * single.gradientNorm)
        for tensor in one.parameters.tensors {
            expectClose(two.parameters[tensor.name], tensor.values, within: Self.rounding, tensor.name)
        }
    }

    @Test func temperatureStaysInItsRange() throws {
        let trainer = try trainer(temperature: 0.3, rate: 1, range: 0.25...0.5)
        var random = SeededGenerator(seed: 1)
        for _ in 0..<5 {
            let temperature = try #require(try trainer.step([batch(&random)]).temperature)
            #expect(temperature >= 0.25 - Self.rounding && temperature <= 0.5 + Self.rounding)
        }
    }

    @Test func divergenceStopsBeforeTheUpdate() throws {
        let trainer = try trainer()
        let before = trainer.parameters["text.norm.weight"].values
        let patches = Matrix(rows: 1, columns: 768)
        patches.fill(.infinity)
        let grid = ImageGrid(width: 1, height: 1, maxPatches: 1)
        let bad = EncoderInput([.image(patches: patches, grid: grid)])
        #expect(throws: TrainingError.self) { try trainer.step([PairBatch(queries: [bad], positives: [bad])]) }
        #expect(trainer.parameters["text.norm.weight"].values == before && trainer.stepCount == 0)
    }

    @Test func averageFollows() throws {
        let trainer = try trainer(averageDecay: 0.5)
        let name = "projection.weight"
        let before = trainer.parameters[name].copy()
        _ = try trainer.step([Nano.mixedBatch()])
        let expected = Matrix(rows: before.rows, columns: before.columns)
        for index in 0..<before.count {
            expected.pointer[index] = (before.pointer[index] + trainer.parameters[name].pointer[index]) / 2
        }
        expectClose(try #require(trainer.average)[name], expected, within: Self.rounding, name)
    }
}
