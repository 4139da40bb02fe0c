import CastorNumerics

/// What an attention branch learned, and what follows from it.
struct AttentionWeights: Sendable {
    /// Queries, keys and values: one product, or three where each has bounds of its own.
    let projections: [LinearWeights]
    let output: LinearWeights
    let queryNorm: NormWeights?
    let keyNorm: NormWeights?
    let valueNorm: NormWeights?
    /// `[head size]`
    let queryScale: Matrix?
    /// For each head the row of key 0 as seen by query `before`, query `before - 1`...: `[heads * (before + 1), head size]`.
    let relativeKeys: Matrix?
}

/// Attention of one branch over a packed batch.
struct Attention {
    let spec: AttentionSpec
    let weights: AttentionWeights
    let tasks: [AttentionTask]
    let layout: PackedLayout
    /// Where the spec has rotary positions.
    let angles: RotaryAngles?
    /// Where the spec has relative biases: a row a head.
    let biases: DistanceBiases?

    /// From normed tokens to queries, keys and values, `[T, row length]`.
    func project(_ normed: Matrix, into qkv: Matrix, _ piece: RowPiece) {
        var offset = 0
        for projection in weights.projections {
            piece.linear(projection, normed, into: qkv, offset: offset)
            offset += projection.outputCount
        }
    }

    /// Norms, rotation and factors of queries, keys and values: what makes them ready for their product, in place.
    func prepare(_ qkv: Matrix, _ piece: RowPiece) {
        let (queries, keys) = (spec.queryLength, spec.keyHeads * spec.headSize)
        func columns(_ start: Int, _ count: Int) -> Block {
            Block(qkv, rows: piece.rows, columns: start..<start + count)
        }
        weights.queryNorm?.applyToHeads(columns(0, queries), count: spec.heads)
        weights.keyNorm?.applyToHeads(columns(queries, keys), count: spec.keyHeads)
        weights.valueNorm?.applyToHeads(columns(queries + keys, keys), count: spec.keyHeads)
        for row in piece.rows {
            let x = qkv.row(row)
            if let angles { turn(x, row, angles, rotate(_:heads:pairs:cosine:sine:)) }
            if let scale = weights.queryScale {
                for head in 0..<spec.heads {
                    let query = x + head * spec.headSize
                    map(query, scale.pointer, into: query, count: spec.headSize) { $0 * $1 }
                }
            }
            if let keyScale = spec.keyScale { scale(x + queries, by: keyScale, count: keys) }
        }
    }

    /// Turns pairs of some heads.
    typealias Rotation = (
        _ x: UnsafeMutablePointer<Float>, _ heads: Int, _ pairs: Int, _ cosine: UnsafePointer<Float>,
        _ sine: UnsafePointer<Float>
    ) -> Void

    /// Queries and keys lie side by side.
    func turn(
        _ x: UnsafeMutablePointer<Float>, _ row: Int, _ angles: RotaryAngles, _ rotate: Rotation
    ) {
        let (cosine, sine) = (angles.cosine.row(row), angles.sine.row(row))
        let heads = spec.heads + spec.keyHeads
        let pairs = angles.cosine.columns
        guard case .rotary(let rotary) = spec.position else { return }
        switch rotary.axes {
        case .columnHalfThenRowHalf:
            let half = spec.headSize / 2
            for head in 0..<heads {
                for side in 0..<2 {
                    rotate(
                        x + head * spec.headSize + side * half, 1, pairs / 2, cosine + side * pairs / 2,
                        sine + side * pairs / 2)
                }
            }
        case .sequence, .rowThenColumn:
            if 2 * pairs == spec.headSize {
                rotate(x, heads, pairs, cosine, sine)
            } else {
                for head in 0..<heads {
                    rotate(x + head * spec.headSize, 1, pairs, cosine, sine)
                }
            }
        }
    }

    /// softmax(scores) v of a task and head at a time, `[T, query length]`; the scores of one piece of a task's keys are all that is held.
    func mix(_ qkv: Matrix, into context: Matrix, _ pool: WorkerPool) {
        pool.run(tasks.count * spec.heads) { index, worker in
            mix(tasks[index / spec.heads], head: index % spec.heads, qkv, into: context, worker.scratch)
        }
    }

    private func mix(_ task: AttentionTask, head: Int, _ qkv: Matrix, into context: Matrix, _ scratch: Scratch) {
        let (all, size) = (Block(qkv), spec.headSize)
        let keyHead = head * spec.keyHeads / spec.heads
        let queries = all.columns(head * size..<(head + 1) * size).rows(task.queries)
        let firstKey = spec.queryLength + keyHead * size
        let firstValue = firstKey + spec.keyHeads * size
        let keys = all.columns(firstKey..<firstKey + size)
        let values = all.columns(firstValue..<firstValue + size)
        let result = Block(context).columns(head * size..<(head + 1) * size).rows(task.queries)

        let pieces = task.pieces(of: seen(by: task))
        let longest = pieces.reduce(0) { max($0, $1.count) }
        let count = task.queries.count
        let distances = weights.relativeKeys.map { $0.rows / spec.heads } ?? 0
        let room = scratch.take(
            rows: 1, columns: count * (longest + distances) + OnlineSoftmax.roomNeeded(rows: count))
        let softmax = OnlineSoftmax(rows: count, room: room.pointer + count * (longest + distances))
        let relative = Block(room, offset: count * longest, rows: count, columns: distances, stride: distances)
        if let rows = weights.relativeKeys {
            gemm(queries, .no, Block(rows[head * distances..<(head + 1) * distances]), .yes, into: relative)
        }
        for (number, piece) in pieces.enumerated() {
            let scores = Block(room, rows: count, columns: piece.count, stride: piece.count)
            gemm(queries, .no, keys.rows(piece), .yes, into: scores, alpha: spec.scale)
            adjust(scores, task, piece, head, relative)
            if isAll {
                softmax.take(scores, rescaling: result)
            } else {
                softmax.take(scores, rescaling: result) { row in
                    let seen = seen(by: task.queries.lowerBound + row, in: task.keys).clamped(to: piece)
                    return seen.lowerBound - piece.lowerBound..<seen.upperBound - piece.lowerBound
                }
            }
            gemm(scores, .no, values.rows(piece), .no, into: result, beta: number == 0 ? 0 : 1)
        }
        softmax.finish(result)
    }

    private var isAll: Bool {
        if case .all = spec.keys { true } else { false }
    }

    /// Biases, relative keys and cap of scores, where the spec has them.
    func adjust(_ scores: Block, _ task: AttentionTask, _ piece: Range<Int>, _ head: Int, _ relative: Block) {
        for row in 0..<scores.rows {
            let query = task.queries.lowerBound + row
            let x = scores.pointer + row * scores.stride
            if let biases {
                add(biases.of(head: head, query: query, firstKey: piece.lowerBound), to: x, count: piece.count)
            }
            if relative.columns > 0 {
                let seen = seen(by: query, in: task.keys).clamped(to: piece)
                let first = relative.columns - 1 - (query - seen.lowerBound)
                add(
                    relative.pointer + row * relative.stride + first, to: x + (seen.lowerBound - piece.lowerBound),
                    count: seen.count)
            }
            if let cap = spec.cap { map(x, into: x, count: piece.count) { tanh($0 * (1 / cap)) * cap } }
        }
    }

    /// Keys that some query of the task sees.
    func seen(by task: AttentionTask) -> Range<Int> {
        let first = seen(by: task.queries.lowerBound, in: task.keys)
        let last = seen(by: task.queries.upperBound - 1, in: task.keys)
        return first.lowerBound..<last.upperBound
    }

    func seen(by query: Int, in keys: Range<Int>) -> Range<Int> {
        switch spec.keys {
        case .all: keys
        case .causal: keys.lowerBound..<query + 1
        case .window(let before, let after):
            max(keys.lowerBound, query - before)..<min(keys.upperBound, query + after + 1)
        }
    }
}

/// Biases of scores by the distance of key and query, computed from a table of buckets: a row a head.
struct DistanceBiases: Sendable {
    /// `[heads, 2 reach - 1]`, the middle for distance 0.
    private let rows: Matrix
    /// Distances are `1 - reach..<reach`.
    let reach: Int

    /// - Parameters:
    ///   - table: `[buckets, heads]`
    ///   - longest: tokens of the longest sequence
    init(_ spec: RelativeBiasSpec, _ table: Matrix, longest: Int) {
        reach = max(longest, 1)
        rows = Matrix(rows: table.columns, columns: 2 * reach - 1)
        for distance in 1 - reach..<reach {
            let bucket = table.row(spec.bucket(distance))
            for head in 0..<table.columns { rows.row(head)[distance + reach - 1] = bucket[head] }
        }
    }

    /// Those of `firstKey` and the keys behind it.
    func of(head: Int, query: Int, firstKey: Int) -> UnsafePointer<Float> {
        UnsafePointer(rows.row(head) + (firstKey - query + reach - 1))
    }
}
