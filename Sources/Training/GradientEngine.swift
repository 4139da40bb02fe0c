package import CastorNumerics
package import Encoder

/// The gradient of a loss over all rows of a batch, with memory for a chunk of it (gradient caching, arXiv 2101.06983).
///
/// Every chunk passes forward and leaves its rows only; the loss gives its gradient at the rows; then each chunk passes
/// forward again, keeping what the backward pass needs, and backward. The chunk that passed last still has it: a batch of
/// one chunk is computed once, and that is plain training. There is no other path.
///
/// Of several processes each has chunks of its own stretch of the contents; the rows of all are gathered for the loss, and
/// the gradients that a process adds are those of its stretch.
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

    private let model: any TrainedModel
    private let maxChunkTokens: Int
    private let ranks: any Ranks

    package init(
        _ model: any TrainedModel, maxChunkTokens: Int = Options().maxChunkTokens, ranks: any Ranks = LoneRank()
    ) {
        precondition(maxChunkTokens > 0)
        self.model = model
        self.maxChunkTokens = maxChunkTokens
        self.ranks = ranks
    }

    /// Bytes held for passes.
    package var byteCount: Int { model.byteCount }

    /// Adds the gradient of `loss` by the weights to the model's gradients.
    ///
    /// - Parameter loss: (rows of `contents` `[n, D]`, their gradient `[n, D]`, zero, to be added to) -> what it likes
    package func callAsFunction<Value>(
        _ contents: [EncoderInput], loss: (_ rows: Matrix, _ gradient: Matrix) -> Value
    ) throws(ModelError) -> Value {
        let stretches = Self.stretches(contents.map(\.workTokenCount), count: ranks.count)
        let stretch = stretches[ranks.index]
        let chunks = divide(contents, stretch)
        let rows = Matrix(rows: contents.count, columns: model.outputDimensions)
        for chunk in chunks {
            let batch = Array(contents[chunk])
            let own = try chunk.upperBound == stretch.upperBound ? model.recordedRows(batch) : model.rows(batch)
            rows[chunk].pointer.update(from: own.pointer, count: own.count)
        }
        ranks.gather(rows, stretches)
        let dRows = Matrix(rows: rows.rows, columns: rows.columns)
        let value = loss(rows, dRows)
        var isRecorded = true
        for chunk in chunks.reversed() {
            if !isRecorded { _ = try model.recordedRows(Array(contents[chunk])) }
            isRecorded = false
            model.backward(dRows[chunk])
        }
        return value
    }

    private func divide(_ contents: [EncoderInput], _ stretch: Range<Int>) -> [Range<Int>] {
        guard !stretch.isEmpty else { return [] }
        var chunks: [Range<Int>] = []
        var (start, tokens) = (stretch.lowerBound, 0)
        for index in stretch {
            let count = contents[index].workTokenCount
            if index > start, tokens + count > maxChunkTokens {
                chunks.append(start..<index)
                (start, tokens) = (index, 0)
            }
            tokens += count
        }
        chunks.append(start..<stretch.upperBound)
        return chunks
    }

    /// Contents of each of `count` processes, one after the other, with about as many tokens each. The same in every process.
    package static func stretches(_ tokens: [Int], count: Int) -> [Range<Int>] {
        let total = tokens.reduce(0, +)
        var (stretches, start, sum): ([Range<Int>], Int, Int) = ([], 0, 0)
        for number in 1...count {
            var end = start
            // A content belongs where more than half of it lies.
            while end < tokens.count, number == count || (2 * sum + tokens[end]) * count < 2 * total * number {
                sum += tokens[end]
                end += 1
            }
            stretches.append(start..<end)
            start = end
        }
        return stretches
    }
}
