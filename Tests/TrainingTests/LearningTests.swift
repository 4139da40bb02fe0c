import CastorNumerics
import Encoder
import Testing
import Training

/// From random weights, castor-nano learns that two languages describe the same pictures.
@Suite struct LearningTests {
    private static let colours = [
        ("red", "rouge"), ("green", "vert"), ("blue", "bleu"), ("yellow", "jaune"), ("black", "noir"),
        ("white", "blanc"), ("pink", "rose"), ("purple", "violet"),
    ]
    private static let shapes = [
        ("circle", "cercle"), ("square", "carre"), ("star", "etoile"), ("cross", "croix"), ("ring", "anneau"),
        ("heart", "coeur"), ("arrow", "fleche"), ("moon", "lune"),
    ]
    private static let grounds = [
        ("grass", "herbe"), ("sand", "sable"), ("snow", "neige"), ("water", "eau"), ("stone", "pierre"),
        ("wood", "bois"), ("paper", "papier"), ("glass", "verre"),
    ]

    private let pool = WorkerPool(threads: 2)

    private struct Example {
        let query: EncoderInput
        let positive: EncoderInput
    }

    private func examples(_ tokenizer: Tokenizer) throws -> [Example] {
        func input(_ text: String) throws -> EncoderInput {
            EncoderInput([.text(try tokenizer.encode(text, limit: 64).ids)])
        }
        return try Self.colours.flatMap { colour in
            try Self.shapes.flatMap { shape in
                try Self.grounds.map { ground in
                    Example(
                        query: try input("a \(colour.0) \(shape.0) on \(ground.0)"),
                        positive: try input("sur \(ground.1), \(shape.1) \(colour.1)"))
                }
            }
        }
    }

    /// Share of queries whose own positive is the nearest.
    private func recall(_ examples: [Example], _ configuration: Configuration, _ parameters: ParameterStore) throws
        -> Double
    {
        let pass = EncoderPass(configuration: configuration, pool: pool)
        let rows = try pass.forward(
            examples.map(\.query) + examples.map(\.positive), ModelWeights(configuration, parameters),
            PassMemory(.nothing)
        ).rows
        let n = examples.count
        let right = (0..<n).count { i in
            func score(_ j: Int) -> Float {
                let p = rows.row(n + j)
                return dot(rows.row(i), p, count: rows.columns) / sumOfSquares(p, count: rows.columns).squareRoot()
            }
            let own = score(i)
            return (0..<n).allSatisfy { $0 == i || score($0) < own }
        }
        return Double(right) / Double(n)
    }

    @Test func unseenCombinationsAreFound() throws {
        let model = try Nano.model(pool)
        var objective = Objective(levels: [.init(size: 3072), .init(size: 256)])
        objective.contrastive?.symmetric = true
        objective.contrastive?.learnsTemperature = true
        let parameters = ParameterStore(untrained: model.configuration, seed: 1, extra: objective.parameterShapes)
        objective.initialize(parameters)

        var random = SeededGenerator(seed: 2)
        var all = try examples(model.tokenizer).shuffled(using: &random)
        let held = Array(all.suffix(100))
        all.removeLast(100)
        let before = try recall(held, model.configuration, parameters)

        let steps = 120
        let trainer = try Trainer(
            .castor(model.configuration), parameters, objective,
            Trainer.Options(schedule: Schedule(peak: 5e-3, warmUpSteps: 10, totalSteps: steps)), pool)
        for _ in 0..<steps {
            let chosen = (0..<64).map { _ in all[random.next(below: all.count)] }
            _ = try trainer.step([PairBatch(queries: chosen.map(\.query), positives: chosen.map(\.positive))])
        }
        let after = try recall(held, model.configuration, parameters)
        #expect(before < 0.2, "R@1 of random weights is \(before)")
        #expect(after > 0.95, "R@1 after \(steps) steps is \(after)")
    }
}
