import CastorNumerics

/// One batch on its way through a model of format castor-2.
struct SpecPass {
    let spec: ModelSpec
    let weights: SpecWeights
    let rotary: RotaryTables
    let pool: WorkerPool
    let memory: SpecMemory

    /// One row a content, before normalisation.
    func rows(_ batch: [EncoderInput]) throws(ModelError) -> Matrix {
        if let body = spec.body, let weights = weights.body, let vector = self.weights.bodyVector {
            let x = try joined(batch, width: body.stack.width)
            let layout = PackedLayout(lengths: batch.map(\.tokenCount))
            run(body.stack, weights, x, TokenPlaces(layout: layout))
            return VectorPooling(weights: vector, pool: pool)(x, layout)
        }
        return try meanOfParts(batch)
    }

    // MARK: - With a body

    /// The tokens of all parts in their order, `[T, width]`.
    private func joined(_ batch: [EncoderInput], width: Int) throws(ModelError) -> Matrix {
        var texts: [TextRun] = []
        var rows: [Int] = []
        var row = 0
        for content in batch {
            let start = row
            for segment in content.segments {
                if let ids = segment.ids {
                    texts.append(TextRun(ids: ids, first: row - start))
                    rows.append(row)
                }
                row += segment.tokenCount
            }
        }
        let (own, layout) = try textTokens(texts)
        // Where there are no others, they are in their places.
        guard layout.tokenCount < row else { return own }
        let x = memory.joined.take(rows: row, columns: width)
        for (index, row) in rows.enumerated() {
            let source = layout.rows(of: index)
            x.row(row).update(from: own.row(source.lowerBound), count: source.count * width)
        }
        return x
    }

    // MARK: - Without one

    /// The vectors of the parts, each of length 1, averaged.
    private func meanOfParts(_ batch: [EncoderInput]) throws(ModelError) -> Matrix {
        var texts: [TextRun] = []
        /// Of each content, its texts.
        var parts: [[Int]] = []
        for content in batch {
            var own: [Int] = []
            var continues = false
            for segment in content.segments {
                guard let ids = segment.ids else {
                    continues = false
                    continue
                }
                if continues {
                    texts[texts.count - 1].ids += ids
                } else {
                    own.append(texts.count)
                    texts.append(TextRun(ids: ids, first: 0))
                }
                continues = true
            }
            parts.append(own)
        }
        guard let vector = weights.textVector else { preconditionFailure("texts for a model without them") }
        let (x, layout) = try textTokens(texts)
        let vectors = VectorPooling(weights: vector, pool: pool)(x, layout)
        guard parts.contains(where: { $0.count > 1 }) else { return vectors }
        let rows = Matrix(rows: batch.count, columns: vectors.columns)
        for (index, own) in parts.enumerated() {
            for part in own {
                let values = UnsafeBufferPointer(start: vectors.row(part), count: vectors.columns)
                let length = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
                add(vectors.row(part), times: Float(1 / max(length, 1e-30)), to: rows.row(index), count: rows.columns)
            }
        }
        return rows
    }

    // MARK: - Towers

    /// Ids that follow each other, and the place of the first one in its content.
    private struct TextRun {
        var ids: [Int32]
        let first: Int
    }

    /// The tokens of texts after their tower, one sequence a text.
    private func textTokens(_ texts: [TextRun]) throws(ModelError) -> (Matrix, PackedLayout) {
        guard let tower = weights.text else { preconditionFailure("texts for a model without them") }
        let layout = PackedLayout(lengths: texts.map(\.ids.count))
        var x = memory.tokens.take(rows: layout.tokenCount, columns: tower.spec.width)
        for (index, text) in texts.enumerated() {
            try tower.embed(text.ids, from: text.first, into: Block(x[layout.rows(of: index)]))
        }
        if let projection = tower.projection {
            let wider = memory.projected.take(rows: x.rows, columns: projection.outputCount)
            let piece = RowPiece(rows: 0..<x.rows, columns: .divided(pool), worker: pool.callersWorker)
            piece.linear(projection, x, into: wider)
            x = wider
        }
        if let spec = tower.spec.stack, let weights = tower.stack {
            run(spec, weights, x, TokenPlaces(layout: layout))
        }
        return (x, layout)
    }

    func run(_ spec: StackSpec, _ weights: StackWeights, _ x: Matrix, _ places: TokenPlaces) {
        Stack(spec: spec, weights: weights, rotary: rotary, pool: pool, memory: memory.stack).forward(x, places)
    }
}

/// Matrices of one pass, kept for the next.
final class SpecMemory: @unchecked Sendable {
    let tokens = Scratch()
    let projected = Scratch()
    let joined = Scratch()
    let stack = StackMemory()
}
