import CastorNumerics
import Encoder

/// Contents to rows, as many tokens at a time as training takes.
struct BatchEncoder {
    private let pass: EncoderPass
    private let weights: ModelWeights
    private let memory = PassMemory(.nothing)
    private static let maxTokens = 4_096

    init(_ configuration: Configuration, _ weights: ModelWeights, _ pool: WorkerPool) {
        pass = EncoderPass(configuration: configuration, pool: pool)
        self.weights = weights
    }

    func callAsFunction(_ contents: [EncoderInput]) throws(ModelError) -> Matrix {
        let rows = Matrix(rows: contents.count, columns: pass.configuration.outputDimensions)
        var start = 0
        while start < contents.count {
            var (end, tokens) = (start, 0)
            while end < contents.count, end == start || tokens + contents[end].workTokenCount <= Self.maxTokens {
                tokens += contents[end].workTokenCount
                end += 1
            }
            let record = try pass.forward(Array(contents[start..<end]), weights, memory)
            rows.row(start).update(from: record.rows.pointer, count: record.rows.count)
            start = end
        }
        return rows
    }
}
