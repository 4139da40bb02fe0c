package import CastorNumerics
package import Encoder

/// The gradient of a loss over all rows of a batch, with memory for a chunk of it (gradient caching, arXiv 2101.06983).
///
/// Every chunk passes forward and leaves its rows only; the loss gives its gradient at the rows; then each chunk passes
/// forward again, keeping what the backward pass needs, and backward. The chunk that passed last still has it: a batch of
/// one chunk is computed once, and that is plain training. There is no other path.
package final class GradientEngine {
    package struct Options: Sendable, Equatable {
        /// Tokens of one chunk, a longer content alone. The default is 4,096.
        package var maxChunkTokens = 4_096
        /// What a chunk keeps for its backward pass. The default is everything.
        package var keeping = PassMemory.Keeping.everything
        /// Towers whose gradients are computed. The default is all.
        package var towers = Set(Configuration.Tower.allCases)

        package init() {}
    }

    package let options: Options
    private let pass: EncoderPass
    private let plain = PassMemory(.nothing)
    private let keeping: PassMemory

    package init(_ pass: EncoderPass, options: Options = Options()) {
        precondition(options.maxChunkTokens > 0 && options.keeping != .nothing)
        self.pass = pass
        self.options = options
        keeping = PassMemory(options.keeping)
    }

    /// Bytes held for passes.
    package var byteCount: Int { plain.byteCount + keeping.byteCount }

    /// Adds the gradient of `loss` by the parameters to `gradients`.
    ///
    /// - Parameter loss: (rows of `contents` `[n, D]`, their gradient `[n, D]`, zero, to be added to) -> what it likes
    package func callAsFunction<Value>(
        _ contents: [EncoderInput], _ weights: ModelWeights, into gradients: ModelWeights,
        loss: (_ rows: Matrix, _ gradient: Matrix) -> Value
    ) throws(ModelError) -> Value {
        let chunks = divide(contents)
        let rows = Matrix(rows: contents.count, columns: pass.configuration.outputDimensions)
        var last: PassRecord?
        for chunk in chunks {
            let isLast = chunk.upperBound == contents.count
            let record = try pass.forward(Array(contents[chunk]), weights, isLast ? keeping : plain)
            rows[chunk].pointer.update(from: record.rows.pointer, count: record.rows.count)
            if isLast { last = record }
        }
        let dRows = Matrix(rows: rows.rows, columns: rows.columns)
        let value = loss(rows, dRows)
        for chunk in chunks.reversed() {
            let record: PassRecord
            if let ready = last {
                record = ready
                last = nil
            } else {
                record = try pass.forward(Array(contents[chunk]), weights, keeping)
            }
            pass.backward(record, dRows[chunk], weights, into: gradients, keeping, towers: options.towers)
        }
        return value
    }

    private func divide(_ contents: [EncoderInput]) -> [Range<Int>] {
        var chunks: [Range<Int>] = []
        var (start, tokens) = (0, 0)
        for (index, content) in contents.enumerated() {
            if index > start, tokens + content.workTokenCount > options.maxChunkTokens {
                chunks.append(start..<index)
                (start, tokens) = (index, 0)
            }
            tokens += content.workTokenCount
        }
        chunks.append(start..<contents.count)
        return chunks
    }
}
