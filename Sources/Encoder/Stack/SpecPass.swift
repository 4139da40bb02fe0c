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
        var sounds = SoundRuns()
        var soundRows: [Int] = []
        var row = 0
        for content in batch {
            let start = row
            for segment in content.segments {
                if let ids = segment.ids {
                    texts.append(TextRun(ids: ids, first: row - start))
                    rows.append(row)
                } else if case .sound(let frames) = segment {
                    sounds.add(frames)
                    soundRows.append(row)
                }
                row += segment.tokenCount
            }
        }
        // Where there are no others, they are in their places.
        if sounds.isEmpty { return try textTokens(texts).0 }
        let x = memory.joined.take(rows: row, columns: width)
        if !texts.isEmpty {
            let (own, layout) = try textTokens(texts)
            for (index, row) in rows.enumerated() {
                let source = layout.rows(of: index)
                x.row(row).update(from: own.row(source.lowerBound), count: source.count * width)
            }
        }
        if !sounds.isEmpty {
            let (own, layout) = try tokens(of: sounds)
            for (index, row) in soundRows.enumerated() {
                let source = layout.rows(of: index)
                x.row(row).update(from: own.row(source.lowerBound), count: source.count * width)
            }
        }
        return x
    }

    // MARK: - Without one

    /// A part's vector among those of its medium.
    private enum PartRow {
        case text(Int)
        case sound(Int)
    }

    /// The vector of the only part, or of all parts, each of length 1, their mean.
    private func meanOfParts(_ batch: [EncoderInput]) throws(ModelError) -> Matrix {
        var texts: [TextRun] = []
        var sounds = SoundRuns()
        var parts: [[PartRow]] = []
        for content in batch {
            var own: [PartRow] = []
            // Texts that follow each other are one.
            var continues = false
            for segment in content.segments {
                if let ids = segment.ids {
                    if continues {
                        texts[texts.count - 1].ids += ids
                    } else {
                        own.append(.text(texts.count))
                        texts.append(TextRun(ids: ids, first: 0))
                    }
                    continues = true
                    continue
                }
                continues = false
                if case .sound(let frames) = segment {
                    own.append(.sound(sounds.runs.count))
                    sounds.add(frames)
                }
            }
            parts.append(own)
        }
        let textVectors = texts.isEmpty ? nil : pool(try textTokens(texts), weights.textVector)
        let soundVectors = sounds.isEmpty ? nil : pool(try tokens(of: sounds), weights.audioVector)
        let rows = Matrix(rows: batch.count, columns: spec.outputDimensions)
        for (index, own) in parts.enumerated() {
            for part in own {
                let vector =
                    switch part {
                    case .text(let row): textVectors?.row(row)
                    case .sound(let row): soundVectors?.row(row)
                    }
                guard let vector else { preconditionFailure("a part without a vector") }
                let factor = own.count == 1 ? 1 : Float(1 / max(length(of: vector, rows.columns), 1e-30))
                add(vector, times: factor, to: rows.row(index), count: rows.columns)
            }
        }
        return rows
    }

    private func pool(_ tokens: (x: Matrix, layout: PackedLayout), _ weights: VectorWeights?) -> Matrix {
        guard let weights else { preconditionFailure("a tower without a vector") }
        return VectorPooling(weights: weights, pool: pool)(tokens.x, tokens.layout)
    }

    private func length(of vector: UnsafePointer<Float>, _ count: Int) -> Double {
        UnsafeBufferPointer(start: vector, count: count).reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
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
    let sounds = SoundMemory()
    let stack = StackMemory()
}
