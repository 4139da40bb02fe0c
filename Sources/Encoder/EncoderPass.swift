package import CastorNumerics

/// The forward pass: front-ends, towers, unified blocks, mean pooling, projection head (docs/model.md sections 4 to 6).
///
/// One batch is one packed `[T, d]` matrix. Serving and training run this code; they differ in what ``PassMemory`` keeps.
package struct EncoderPass: Sendable {
    package let configuration: Configuration
    package let pool: WorkerPool
    let shape: BlockShape
    private let rotary: [Configuration.Tower: RotaryTable]

    /// - Parameter precision: of the products with the blocks' matrices; vectors that people get are computed in single precision
    package init(configuration: Configuration, pool: WorkerPool, precision: ProductPrecision = .single) {
        self.configuration = configuration
        self.pool = pool
        shape = BlockShape(configuration, precision: precision)
        let pairs = shape.headSize / 2
        rotary = [
            .text: RotaryTable(pairs: pairs, base: configuration.text.ropeBase),
            .image: RotaryTable(pairs: pairs / 2, base: configuration.image.ropeBase),
            .audio: RotaryTable(pairs: pairs, base: configuration.audio.ropeBase),
            .unified: RotaryTable(pairs: pairs, base: configuration.unified.ropeBase),
        ]
    }

    /// One row a content, `[n, output dimensions]`, before normalisation, every value finite, and what led to it. The
    /// record is good for a backward pass if the memory keeps something, until the memory's next pass.
    ///
    /// - Throws: ``ModelError/noTokens`` for a content without a token
    package func forward(
        _ batch: [EncoderInput], _ source: some WeightSource, _ memory: PassMemory
    ) throws(ModelError) -> PassRecord {
        guard batch.allSatisfy({ $0.tokenCount > 0 }) else { throw .noTokens }
        memory.start()
        let layout = PackedLayout(lengths: batch.map(\.tokenCount))
        do throws(OutOfMemory) {
            try memory.reserve(joined: layout.tokenCount, tower: Self.mostTowerTokens(batch), configuration)
        } catch { throw .outOfMemory(error) }
        let x = memory.joined(rows: layout.tokenCount, columns: shape.width)
        let unified = try source.unified()

        var towers: [TowerRecord] = []
        for tower in [Configuration.Tower.text, .image, .audio] {
            let placed = Self.place(batch, layout, tower)
            guard !placed.isEmpty else { continue }
            let (tokens, weights) = try frontEnd(tower, placed, source, memory)
            let towerLayout = PackedLayout(lengths: placed.flatMap(\.segment.towerLengths))
            let stack = run(tokens, towerLayout, angles(tower, placed, memory), weights, memory)
            join(placed, stack.output, weights, unified, into: x)
            towers.append(TowerRecord(tower: tower, placed: placed, stack: stack))
        }
        let stack = run(x, layout, sequentialAngles(.unified, layout.lengths, memory), unified.tower, memory)
        let pooling = zip(batch, layout.starts).map {
            Pooling($0, firstRow: $1, unified.poolingLogits, width: shape.width)
        }
        let pooled = meanPool(stack.output, pooling, unified.tower, memory)
        let projected = Matrix(rows: layout.count, columns: configuration.projectedDimensions)
        linear(
            Block(pooled), unified.projection, into: projected, rows: 0..<layout.count, .divided(pool),
            kernel: pool.singleKernel)
        var rows = projected
        if configuration.text.lexical != nil {
            rows = Matrix(rows: layout.count, columns: configuration.outputDimensions)
            let hasTexts = towers.contains { $0.tower == .text }
            joinLexical(projected, batch, hasTexts ? try source.text().lexical : nil, into: rows)
        }
        guard allFinite(rows.pointer, count: rows.count) else { throw .overflow(stage: "the forward pass") }
        return PassRecord(rows: rows, towers: towers, unified: stack, pooling: pooling, pooled: pooled)
    }

    /// A tower's output to its parts' rows of the joined matrix: norm, pooling, embeddings of time and modality.
    private func join(
        _ placed: [PlacedSegment], _ output: Matrix, _ weights: TowerWeights, _ unified: UnifiedWeights, into x: Matrix
    ) {
        for part in placed {
            if let pooled = part.segment.pooled {
                pool.run(pooled.pictureCount) { picture, worker in
                    let source = part.towerRow + picture * pooled.patchesPerPicture
                    let normed = worker.scratch.take(rows: pooled.patchesPerPicture, columns: shape.width)
                    rmsNormRows(
                        Block(output[source..<source + pooled.patchesPerPicture]), weight: weights.norm.pointer,
                        epsilon: shape.epsilon, into: Block(normed))
                    pooled.forward(picture, normed, into: x, firstRow: part.row)
                }
            } else {
                rmsNormRows(
                    Block(output[part.towerRows]), weight: weights.norm.pointer, epsilon: shape.epsilon,
                    into: Block(x[part.rows]))
            }
            let modality = unified.modality.row(part.segment.modality.rawValue)
            for row in part.rows { add(modality, to: x.row(row), count: shape.width) }
            if let time = unified.time, case .video(let frames, let times) = part.segment {
                let features = timeFeatures(times)
                let embeddings = Matrix(rows: features.rows, columns: shape.width)
                linear(
                    Block(features), time, into: embeddings, rows: 0..<features.rows, .whole,
                    kernel: pool.singleKernel)
                for (index, row) in part.rows.enumerated() {
                    add(embeddings.row(index / frames.tokensPerPicture), to: x.row(row), count: shape.width)
                }
            }
        }
    }

    /// `[frames, time features]` of docs/model.md section 5.
    func timeFeatures(_ times: [Double]) -> Matrix {
        guard let video = configuration.video else { preconditionFailure("a model without video") }
        return videoTimeFeatures(times, count: video.timeFeatures, base: video.timeBase)
    }

    // MARK: - Front-ends

    private static func mostTowerTokens(_ batch: [EncoderInput]) -> Int {
        let segments = batch.flatMap(\.segments)
        return [Configuration.Tower.text, .image, .audio].map { tower in
            segments.reduce(0) { $0 + ($1.tower == tower ? $1.towerTokenCount : 0) }
        }.max() ?? 0
    }

    private static func place(
        _ batch: [EncoderInput], _ layout: PackedLayout, _ tower: Configuration.Tower
    ) -> [PlacedSegment] {
        var placed: [PlacedSegment] = []
        var towerRow = 0
        for (content, start) in zip(batch, layout.starts) {
            var row = start
            for segment in content.segments {
                if segment.tower == tower {
                    placed.append(PlacedSegment(segment: segment, row: row, towerRow: towerRow))
                    towerRow += segment.towerTokenCount
                }
                row += segment.tokenCount
            }
        }
        return placed
    }

    /// The parts of one tower as tokens, packed, `[T, d]`.
    private func frontEnd(
        _ tower: Configuration.Tower, _ placed: [PlacedSegment], _ source: some WeightSource, _ memory: PassMemory
    ) throws(ModelError) -> (tokens: Matrix, weights: TowerWeights) {
        let count = placed.reduce(0) { $0 + $1.segment.towerTokenCount }
        let tokens = memory.tokens(rows: count, columns: shape.width)
        if tower == .text {
            let text = try source.text()
            var row = 0
            for ids in placed.lazy.compactMap(\.segment.ids) {
                for id in ids {
                    try text.embedding.copyRow(Int(id), into: tokens.row(row))
                    row += 1
                }
            }
            if let bigrams = text.bigrams {
                let rows = try gather(bigrams, placed, count)
                linear(
                    Block(rows), bigrams.projection, into: tokens, rows: 0..<count, .divided(pool), beta: 1,
                    kernel: pool.singleKernel)
            }
            return (tokens, text.tower)
        }
        let weights = try tower == .image ? source.image() : source.audio()
        for part in placed {
            guard let patches = part.segment.patches else {
                preconditionFailure("a text in the \(tower.rawValue) tower")
            }
            embed(patches, weights, into: tokens[part.towerRows])
        }
        return (tokens, weights.tower)
    }

    /// Rows of the table for each token of texts, `[T, w]`.
    func gather(_ bigrams: BigramWeights, _ placed: [PlacedSegment], _ count: Int) throws(ModelError) -> Matrix {
        let rows = Matrix(rows: count, columns: bigrams.table.columns)
        var row = 0
        for ids in placed.lazy.compactMap(\.segment.ids) {
            for bigram in bigrams.hashing.rows(of: ids) {
                try bigrams.table.copyRow(bigram, into: rows.row(row))
                row += 1
            }
        }
        return rows
    }

    /// `tokens = patches W^T + bias`
    private func embed(_ patches: Matrix, _ weights: PatchWeights, into tokens: Matrix) {
        let pieces = pool.ranges(patches.rows, minimum: 32)
        pool.run(pieces.count) { index, _ in
            let rows = pieces[index]
            for row in rows { tokens.row(row).update(from: weights.bias.pointer, count: shape.width) }
            linear(
                Block(patches[rows]), weights.embedding, into: tokens, rows: rows, .whole, beta: 1,
                kernel: pool.singleKernel)
        }
    }

    // MARK: - Positions

    private func angles(
        _ tower: Configuration.Tower, _ placed: [PlacedSegment], _ memory: PassMemory
    ) -> RotaryAngles {
        guard tower == .image else {
            return sequentialAngles(tower, placed.map(\.segment.tokenCount), memory)
        }
        let count = placed.reduce(0) { $0 + $1.segment.towerTokenCount }
        let angles = memory.angles(rows: count, pairs: shape.headSize / 2)
        let table = rotary[.image]!.rows(positions: configuration.largestPictureGrid)
        for part in placed {
            switch part.segment {
            case .text, .pageText, .audio, .picture, .sound: preconditionFailure("no picture in the image tower")
            case .image(let patches, let grid): axialAngles(grid, patches.rows, table, angles, from: part.towerRow)
            case .video(let pictures, _), .page(let pictures):
                for picture in 0..<pictures.pictureCount {
                    let row = part.towerRow + picture * pictures.patchesPerPicture
                    axialAngles(pictures.grid, pictures.patchesPerPicture, table, angles, from: row)
                }
            }
        }
        return angles
    }

    /// Of a picture's first `count` patches: the row turns one half of the pairs, the column the other.
    private func axialAngles(
        _ grid: ImageGrid, _ count: Int, _ table: RotaryTable.Rows, _ angles: RotaryAngles, from firstRow: Int
    ) {
        let half = shape.headSize / 4
        for patch in 0..<count {
            let (y, x) = grid.cell(ofPatch: patch)
            let row = firstRow + patch
            angles.cosine.row(row).update(from: table.cosine.row(y), count: half)
            (angles.cosine.row(row) + half).update(from: table.cosine.row(x), count: half)
            angles.sine.row(row).update(from: table.sine.row(y), count: half)
            (angles.sine.row(row) + half).update(from: table.sine.row(x), count: half)
        }
    }

    /// Positions that count from 0 in each sequence.
    private func sequentialAngles(
        _ tower: Configuration.Tower, _ lengths: [Int], _ memory: PassMemory
    ) -> RotaryAngles {
        let pairs = shape.headSize / 2
        let angles = memory.angles(rows: lengths.reduce(0, +), pairs: pairs)
        let table = rotary[tower]!.rows(positions: lengths.max() ?? 0)
        var row = 0
        for length in lengths where length > 0 {
            angles.cosine.row(row).update(from: table.cosine.pointer, count: length * pairs)
            angles.sine.row(row).update(from: table.sine.pointer, count: length * pairs)
            row += length
        }
        return angles
    }

    // MARK: - Blocks and head

    private func run(
        _ x: Matrix, _ layout: PackedLayout, _ angles: RotaryAngles, _ weights: TowerWeights, _ memory: PassMemory
    ) -> StackRecord {
        let pass = BlockPass(shape: shape, layout: layout, angles: angles, pool: pool)
        var (x, blocks) = (x, [BlockActivations]())
        for block in weights.blocks {
            let activations = memory.activations(x, mlp: block.up.rows)
            pass.forward(block, activations)
            blocks.append(activations)
            x = activations.output
        }
        return StackRecord(pass: pass, blocks: blocks, output: x)
    }

    /// Final norm, and mean over the tokens of each content, `[n, d]`.
    private func meanPool(
        _ x: Matrix, _ contents: [Pooling], _ weights: TowerWeights, _ memory: PassMemory
    ) -> Matrix {
        let pooled = Matrix(rows: contents.count, columns: shape.width)
        let normed = memory.headNormed(x)
        pool.run(contents.count) { index, worker in
            let rows = contents[index].rows
            rmsNormRows(
                Block(x[rows]), weight: weights.norm.pointer, epsilon: shape.epsilon, into: Block(normed[rows]))
            contents[index].forward(normed, into: pooled.row(index), worker.scratch)
        }
        return pooled
    }
}

/// A part, and its first rows in the joined matrix and in its tower's.
struct PlacedSegment: Sendable {
    let segment: EncoderInput.Segment
    let row: Int
    let towerRow: Int

    var rows: Range<Int> { row..<row + segment.tokenCount }
    var towerRows: Range<Int> { towerRow..<towerRow + segment.towerTokenCount }
}

/// What a forward pass computed: its rows, and the way to them.
package struct PassRecord: Sendable {
    /// `[n, output dimensions]`, before normalisation
    package let rows: Matrix
    let towers: [TowerRecord]
    let unified: StackRecord
    let pooling: [Pooling]
    /// Mean of the normed tokens of each content, `[n, d]`
    let pooled: Matrix
}

struct TowerRecord: Sendable {
    let tower: Configuration.Tower
    let placed: [PlacedSegment]
    let stack: StackRecord
}

/// A stack of blocks that a packed batch went through.
struct StackRecord: Sendable {
    let pass: BlockPass
    let blocks: [BlockActivations]
    /// Before the norm that ends the stack, `[T, d]`
    let output: Matrix
}
