import CastorNumerics

/// One batch on its way through a model of format castor-2.
struct SpecPass {
    let spec: ModelSpec
    let weights: SpecWeights
    let rotary: RotaryTables
    let pool: WorkerPool
    let memory: SpecMemory
    /// Where the pass leaves what a backward pass needs, of a model without a body.
    var tape: SpecTape?
    /// What is known of towers that do not change.
    var locked: LockedTowers?

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
        var pictures: [PatchedPicture] = []
        var sounds = SoundRuns()
        /// Where each begins among all tokens.
        var (textRows, pictureRows, soundRows): ([Int], [Int], [Int]) = ([], [], [])
        var row = 0
        for content in batch {
            let start = row
            for segment in content.segments {
                if let ids = segment.ids {
                    texts.append(TextRun(ids: ids, first: row - start))
                    textRows.append(row)
                } else if case .picture(let picture) = segment {
                    pictures.append(picture)
                    pictureRows.append(row)
                } else if case .sound(let frames) = segment {
                    sounds.add(frames)
                    soundRows.append(row)
                }
                row += segment.tokenCount
            }
        }
        let (own, layout) = try textTokens(texts)
        // Where there are no others, they are in their places.
        guard layout.tokenCount < row else { return own }
        let x = memory.joined.take(rows: row, columns: width)
        func place(_ tokens: Matrix, _ layout: PackedLayout, at rows: [Int]) {
            for (index, row) in rows.enumerated() {
                let source = layout.rows(of: index)
                x.row(row).update(from: tokens.row(source.lowerBound), count: source.count * width)
            }
        }
        place(own, layout, at: textRows)
        if !pictures.isEmpty {
            let (tokens, layout) = try pictureTokens(pictures)
            place(tokens, layout, at: pictureRows)
        }
        if !sounds.isEmpty {
            let (tokens, layout) = try tokens(of: sounds)
            place(tokens, layout, at: soundRows)
        }
        return x
    }

    // MARK: - Without one

    /// The parts of a batch, by their medium.
    private struct Parts {
        var texts: [TextRun] = []
        var pictures: [PatchedPicture] = []
        var sounds = SoundRuns()
        /// Of each content.
        var contents: [[SpecPart]] = []

        init(_ batch: [EncoderInput]) {
            for content in batch {
                var own: [SpecPart] = []
                var continues = false
                for segment in content.segments {
                    if let ids = segment.ids, continues {
                        texts[texts.count - 1].ids += ids
                    } else if let ids = segment.ids {
                        own.append(.text(texts.count))
                        texts.append(TextRun(ids: ids, first: 0))
                    } else if case .picture(let picture) = segment {
                        own.append(.picture(pictures.count))
                        pictures.append(picture)
                    } else if case .sound(let frames) = segment {
                        own.append(.sound(sounds.runs.count))
                        sounds.add(frames)
                    }
                    continues = segment.ids != nil
                }
                contents.append(own)
            }
        }
    }

    /// The vectors of the parts, each of length 1 where there are several, averaged.
    private func meanOfParts(_ batch: [EncoderInput]) throws(ModelError) -> Matrix {
        let parts = Parts(batch)
        let texts = parts.texts.isEmpty ? nil : try textVectors(parts.texts)
        let pictures = parts.pictures.isEmpty ? nil : try pictureVectors(parts.pictures)
        let sounds = parts.sounds.isEmpty ? nil : try soundVectors(parts.sounds)
        tape?.join(parts.contents, texts, pictures, sounds)
        let rows = Matrix(rows: batch.count, columns: spec.outputDimensions)
        for (index, own) in parts.contents.enumerated() {
            for part in own {
                let vector: UnsafeMutablePointer<Float>
                switch part {
                case .text(let text): vector = texts!.row(text)
                case .picture(let picture): vector = pictures!.row(picture)
                case .sound(let sound): vector = sounds!.row(sound)
                }
                var factor: Float = 1
                if own.count > 1 {
                    let values = UnsafeBufferPointer(start: vector, count: rows.columns)
                    let length = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
                    factor = Float(1 / (Double(own.count) * max(length, 1e-30)))
                }
                add(vector, times: factor, to: rows.row(index), count: rows.columns)
            }
        }
        return rows
    }

    private func textVectors(_ texts: [TextRun]) throws(ModelError) -> Matrix {
        guard let vector = weights.textVector else { preconditionFailure("texts for a model without them") }
        var texts = texts
        if let padding = spec.text?.padding {
            for index in texts.indices { texts[index].ids = padding.filled(texts[index].ids) }
        }
        let (x, layout) = try textTokens(texts)
        let ends = vector.spec.pooling == .end ? texts.map { vector.spec.end(of: $0.ids) } : []
        return VectorPooling(weights: vector, pool: pool)(x, layout, ends: ends, tape: tape?.text?.vector)
    }

    // MARK: - Towers

    /// Ids that follow each other, and the place of the first one in its content.
    private struct TextRun {
        var ids: [Int32]
        let first: Int
    }

    /// The tokens of texts after their tower, one sequence a text.
    private func textTokens(_ texts: [TextRun]) throws(ModelError) -> (Matrix, PackedLayout) {
        let layout = PackedLayout(lengths: texts.map(\.ids.count))
        guard !texts.isEmpty else { return (memory.tokens.take(rows: 0, columns: 0), layout) }
        guard let tower = weights.text else { preconditionFailure("texts for a model without them") }
        var x = memory.tokens.take(rows: layout.tokenCount, columns: tower.spec.width)
        let tape = tape?.startTexts(texts.map(\.ids), layout, hasNorm: tower.norm != nil, width: x.columns)
        for (index, text) in texts.enumerated() {
            let rows = layout.rows(of: index)
            try tower.embed(text.ids, from: text.first, into: x[rows], keptIn: tape?.entered?[rows])
        }
        if let projection = tower.projection {
            let wider = memory.projected.take(rows: x.rows, columns: projection.outputCount)
            let piece = RowPiece(rows: 0..<x.rows, columns: .divided(pool), worker: pool.callersWorker)
            piece.linear(projection, x, into: wider)
            tape?.narrow = x.copy()
            x = wider
        }
        if let spec = tower.spec.stack, let weights = tower.stack {
            run(spec, weights, x, TokenPlaces(layout: layout), tape: tape?.stack)
        }
        return (x, layout)
    }

    func run(
        _ spec: StackSpec, _ weights: StackWeights, _ x: Matrix, _ places: TokenPlaces, tape: StackTape? = nil
    ) {
        stack(spec, weights).forward(x, places, tape: tape)
    }

    func stack(_ spec: StackSpec, _ weights: StackWeights) -> Stack {
        Stack(spec: spec, weights: weights, rotary: rotary, pool: pool, memory: memory.stack)
    }
}

/// A part of a content, by its number among those of its medium.
enum SpecPart {
    case text(Int)
    case picture(Int)
    case sound(Int)
}

/// Matrices of one pass, kept for the next.
final class SpecMemory: @unchecked Sendable {
    let tokens = Scratch()
    let projected = Scratch()
    let joined = Scratch()
    let patches = Scratch()
    let pictures = Scratch()
    let projectedPictures = Scratch()
    let sounds = SoundMemory()
    let dTokens = Scratch()
    let stack = StackMemory()
}
