package import CastorNumerics
import Synchronization

/// The forward pass: front-ends, towers, unified blocks, mean pooling, projection head (docs/model.md sections 4 to 6).
///
/// One batch is one packed `[T, d]` matrix. Safe to call from many threads; calls take turns, each using all workers.
package final class MultimodalEncoder: Sendable {
    package let model: Model
    package let pool: WorkerPool
    private let shape: BlockShape
    private let rotary: [Configuration.Tower: RotaryTable]
    private let workspace = Mutex(Workspace())

    package init(model: Model, pool: WorkerPool) {
        self.model = model
        self.pool = pool
        let configuration = model.configuration
        shape = BlockShape(configuration)
        let pairs = shape.headSize / 2
        rotary = [
            .text: RotaryTable(pairs: pairs, base: configuration.text.ropeBase),
            .image: RotaryTable(pairs: pairs / 2, base: configuration.image.ropeBase),
            .audio: RotaryTable(pairs: pairs, base: configuration.audio.ropeBase),
            .unified: RotaryTable(pairs: pairs, base: configuration.unified.ropeBase),
        ]
    }

    /// Reads the weights that a content with these modalities needs, so that the first call does not wait for them.
    package func load(_ modalities: Set<Modality>) throws(ModelError) {
        _ = try model.unified()
        if modalities.contains(.text) { _ = try model.text() }
        if modalities.contains(.image) { _ = try model.image() }
        if modalities.contains(.audio) { _ = try model.audio() }
    }

    /// One row a content, `[n, output dimensions]`, before normalisation. Every value is finite.
    ///
    /// - Precondition: every content has at least one token.
    package func encode(_ batch: [EncoderInput]) throws(ModelError) -> Matrix {
        let result: Result<Matrix, ModelError> = workspace.withLock { workspace in
            do throws(ModelError) { return .success(try forward(batch, workspace)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func forward(_ batch: [EncoderInput], _ workspace: Workspace) throws(ModelError) -> Matrix {
        precondition(batch.allSatisfy { $0.tokenCount > 0 }, "a content without tokens has no vector")
        let layout = PackedLayout(lengths: batch.map(\.tokenCount))
        let x = workspace.joined.take(rows: layout.tokenCount, columns: shape.width)
        let unified = try model.unified()

        for tower in [Configuration.Tower.text, .image, .audio] {
            let placed = Self.place(batch, layout, tower)
            guard !placed.isEmpty else { continue }
            let (tokens, weights) = try frontEnd(tower, placed, workspace)
            let towerLayout = PackedLayout(lengths: placed.map(\.segment.tokenCount))
            run(tokens, towerLayout, angles(tower, placed, workspace), weights, workspace)
            for (index, part) in placed.enumerated() {
                let rows = part.row..<part.row + part.segment.tokenCount
                rmsNormRows(
                    Block(tokens[towerLayout.rows(of: index)]), weight: weights.norm.pointer, epsilon: shape.epsilon,
                    into: Block(x[rows]))
                let modality = unified.modality.row(part.segment.modality.rawValue)
                for row in rows { add(modality, to: x.row(row), count: shape.width) }
            }
        }
        run(x, layout, sequentialAngles(.unified, layout.lengths, workspace), unified.tower, workspace)
        return try head(x, layout, unified)
    }

    // MARK: - Front-ends

    /// A part and its first row in the joined matrix.
    private struct PlacedSegment {
        let segment: EncoderInput.Segment
        let row: Int
    }

    private static func place(
        _ batch: [EncoderInput], _ layout: PackedLayout, _ tower: Configuration.Tower
    ) -> [PlacedSegment] {
        var placed: [PlacedSegment] = []
        for (content, start) in zip(batch, layout.starts) {
            var row = start
            for segment in content.segments {
                if segment.tower == tower { placed.append(PlacedSegment(segment: segment, row: row)) }
                row += segment.tokenCount
            }
        }
        return placed
    }

    /// The parts of one tower as tokens, packed, `[T, d]`.
    private func frontEnd(
        _ tower: Configuration.Tower, _ placed: [PlacedSegment], _ workspace: Workspace
    ) throws(ModelError) -> (tokens: Matrix, weights: TowerWeights) {
        let count = placed.reduce(0) { $0 + $1.segment.tokenCount }
        let tokens = workspace.tower.take(rows: count, columns: shape.width)
        if tower == .text {
            let text = try model.text()
            var row = 0
            for case .text(let ids) in placed.lazy.map(\.segment) {
                for id in ids {
                    try text.embedding.copyRow(Int(id), into: tokens.row(row))
                    row += 1
                }
            }
            return (tokens, text.tower)
        }
        let weights = try tower == .image ? model.image() : model.audio()
        var row = 0
        for part in placed {
            switch part.segment {
            case .text: preconditionFailure("a text in the \(tower.rawValue) tower")
            case .image(let patches, _), .audio(let patches):
                embed(patches, weights, into: tokens[row..<row + patches.rows])
                row += patches.rows
            }
        }
        return (tokens, weights.tower)
    }

    /// `tokens = patches W^T + bias`
    private func embed(_ patches: Matrix, _ weights: PatchWeights, into tokens: Matrix) {
        let pieces = pool.ranges(patches.rows, minimum: 32)
        pool.run(pieces.count) { index, _ in
            let rows = pieces[index]
            for row in rows { tokens.row(row).update(from: weights.bias.pointer, count: shape.width) }
            linear(Block(patches[rows]), weights.embedding, into: tokens, rows: rows, .whole, beta: 1)
        }
    }

    // MARK: - Positions

    private func angles(
        _ tower: Configuration.Tower, _ placed: [PlacedSegment], _ workspace: Workspace
    ) -> RotaryAngles {
        guard tower == .image else {
            return sequentialAngles(tower, placed.map(\.segment.tokenCount), workspace)
        }
        let count = placed.reduce(0) { $0 + $1.segment.tokenCount }
        let angles = workspace.angles(rows: count, pairs: shape.headSize / 2)
        let table = rotary[.image]!.rows(positions: model.configuration.image.maxPatches)
        let half = shape.headSize / 4
        var row = 0
        for case .image(let patches, let grid) in placed.lazy.map(\.segment) {
            for patch in 0..<patches.rows {
                let (y, x) = (patch / grid.columns, patch % grid.columns)
                angles.cosine.row(row).update(from: table.cosine.row(y), count: half)
                (angles.cosine.row(row) + half).update(from: table.cosine.row(x), count: half)
                angles.sine.row(row).update(from: table.sine.row(y), count: half)
                (angles.sine.row(row) + half).update(from: table.sine.row(x), count: half)
                row += 1
            }
        }
        return angles
    }

    /// Positions that count from 0 in each sequence.
    private func sequentialAngles(
        _ tower: Configuration.Tower, _ lengths: [Int], _ workspace: Workspace
    ) -> RotaryAngles {
        let pairs = shape.headSize / 2
        let angles = workspace.angles(rows: lengths.reduce(0, +), pairs: pairs)
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
        _ x: Matrix, _ layout: PackedLayout, _ angles: RotaryAngles, _ weights: TowerWeights, _ workspace: Workspace
    ) {
        let pass = BlockPass(shape: shape, tasks: AttentionTask.divide(layout), angles: angles, pool: pool)
        let activations = workspace.activations(rows: x.rows, model.configuration)
        for block in weights.blocks { pass.forward(x, block, activations) }
    }

    /// Final norm, mean over the tokens of each content, projection.
    private func head(_ x: Matrix, _ layout: PackedLayout, _ weights: UnifiedWeights) throws(ModelError) -> Matrix {
        let d = shape.width
        let pooled = Matrix(rows: layout.count, columns: d)
        pool.run(layout.count) { sequence, worker in
            let rows = layout.rows(of: sequence)
            let tokens = Block(x[rows])
            rmsNormRows(tokens, weight: weights.tower.norm.pointer, epsilon: shape.epsilon, into: tokens)
            let partial = worker.scratch.take(rows: 1, columns: d)
            meanOfRows(tokens, partial: partial.pointer, into: pooled.row(sequence))
        }
        let result = Matrix(rows: layout.count, columns: model.configuration.outputDimensions)
        linear(Block(pooled), weights.projection, into: result, rows: 0..<layout.count, .divided(pool))
        guard allFinite(result.pointer, count: result.count) else { throw .overflow(stage: "the forward pass") }
        return result
    }
}

extension EncoderInput.Segment {
    fileprivate var tower: Configuration.Tower {
        switch self {
        case .text: .text
        case .image: .image
        case .audio: .audio
        }
    }
}

extension PackedLayout {
    fileprivate var lengths: [Int] { (0..<count).map { rows(of: $0).count } }
}

/// Memory that one forward pass after the other reuses. It grows to the largest batch.
private final class Workspace: @unchecked Sendable {
    let joined = Scratch()
    let tower = Scratch()
    private let cosine = Scratch()
    private let sine = Scratch()
    private let normed = Scratch()
    private let qkv = Scratch()
    private let context = Scratch()
    private let hidden = Scratch()

    func angles(rows: Int, pairs: Int) -> RotaryAngles {
        RotaryAngles(cosine: cosine.take(rows: rows, columns: pairs), sine: sine.take(rows: rows, columns: pairs))
    }

    /// Both norms share memory, and GELU is computed in place: nothing is kept for a backward pass.
    func activations(rows: Int, _ configuration: Configuration) -> BlockActivations {
        let d = configuration.width
        let normed = normed.take(rows: rows, columns: d)
        let hidden = hidden.take(rows: rows, columns: configuration.mlpWidth)
        return BlockActivations(
            normed: normed, qkv: qkv.take(rows: rows, columns: 3 * d), context: context.take(rows: rows, columns: d),
            mlpNormed: normed, up: hidden, hidden: hidden)
    }
}
