import CastorNumerics
import Encoder
import Training

/// Time of a training step of castor-small beside the rate of sgemm.
struct StepTimes {
    private let tokensPerText: Int

    private let pool = WorkerPool(threads: BLAS.availableCores)
    private let configuration: Configuration

    init(tokensPerText: Int) throws {
        self.tokensPerText = tokensPerText
        let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
        configuration = try Model.configuration(path: "\(repository)/weights/castor-small")
    }

    /// GFLOP a processor second of the product that a step has most of.
    private func productRate() -> Double {
        let (m, n, k) = (4_096, configuration.mlpWidth, configuration.width)
        let (a, b, c) = (Matrix(rows: m, columns: k), Matrix(rows: n, columns: k), Matrix(rows: m, columns: n))
        let time = Stopwatch.fastest(8) { pool.gemm(Block(a), .no, Block(b), .yes, into: Block(c)) }
        return 2e-9 * Double(m * n * k) / time.processor
    }

    /// Multiplications and additions of forward and backward, what is computed twice counted once.
    private func operations(pairs: Int) -> Double {
        let (d, mlp) = (Double(configuration.width), Double(configuration.mlpWidth))
        let blocks = Double(configuration.text.blocks + configuration.unified.blocks)
        let (tokens, contents) = (Double(2 * pairs * tokensPerText), Double(2 * pairs))
        let perToken = blocks * (2 * (4 * d * d + 2 * d * mlp) + 4 * Double(tokensPerText) * d)
        let head = 2 * d * Double(configuration.outputDimensions)
        let cosines = 2 * Double(pairs * pairs * configuration.outputDimensions)
        return 3 * (tokens * perToken + contents * head + cosines)
    }

    private func batch(pairs: Int) -> PairBatch {
        var random = SeededGenerator(seed: 1)
        func texts() -> [EncoderInput] {
            (0..<pairs).map { _ in
                EncoderInput([
                    .text(
                        (0..<tokensPerText).map { _ in
                            Int32(random.next(below: configuration.text.vocabularySize))
                        })
                ])
            }
        }
        return PairBatch(queries: texts(), positives: texts())
    }

    func print(
        pairs: Int, maxChunkTokens: Int, keeping: PassMemory.Keeping, precision: ProductPrecision = .single
    ) throws {
        let objective = Objective(
            levels: configuration.matryoshkaDimensions.map { MatryoshkaLevel(size: $0) })
        let parameters = ParameterStore(untrained: configuration, seed: 1, extra: objective.parameterShapes)
        objective.initialize(parameters)
        var options = Trainer.Options(schedule: Schedule(peak: 1e-4, totalSteps: 100))
        options.engine.maxChunkTokens = maxChunkTokens
        options.engine.keeping = keeping
        options.precision = precision
        let trainer = try Trainer(.castor(configuration), parameters, objective, options, pool)
        let batch = batch(pairs: pairs)
        let product = productRate()
        let time = try Stopwatch.fastest(3) { _ = try trainer.step([batch]) }
        let work = operations(pairs: pairs) * 1e-9
        Swift.print(
            "\(pairs) pairs of \(tokensPerText) tokens, \(precision), chunks of \(maxChunkTokens) tokens, \(keeping): \(Int(time.seconds * 1_000)) ms,",
            "\(Int(work / time.seconds)) GFLOP/s; \(Int(work / time.processor)) GFLOP a processor second,",
            "\(Int(100 * work / time.processor / product)) % of sgemm's \(Int(product));",
            "\(trainer.engine.byteCount >> 20) MiB of passes")
    }
}
