import CastorNumerics

/// Token ids to tokens: rows of a table and what is added to them (``TextSpec``).
struct TextTower: Sendable {
    let spec: TextSpec
    let table: EmbeddingTable
    /// `[positions, width]`
    let positions: EmbeddingTable?
    /// `[width]`
    let tokenType: Matrix?
    let norm: NormWeights?
    let projection: LinearWeights?
    let stack: StackWeights?

    /// Tokens of one text, `[ids, width]`, each at its place in the content.
    ///
    /// - Parameter first: place of the first id
    func embed(_ ids: [Int32], from first: Int, into tokens: Block) throws(ModelError) {
        let position = FloatBuffer(count: spec.width)
        // A pointer does not keep its memory alive.
        try withExtendedLifetime(position) { () throws(ModelError) in
            for (index, id) in ids.enumerated() {
                let token = tokens.pointer + index * tokens.stride
                try table.copyRow(Int(id), into: token)
                if let factor = spec.scale { scale(token, by: factor, count: spec.width) }
                if let tokenType { add(tokenType.pointer, to: token, count: spec.width) }
                if let positions {
                    try positions.copyRow(first + index + (spec.firstPosition ?? 0), into: position.pointer)
                    add(position.pointer, to: token, count: spec.width)
                }
            }
        }
        norm?.apply(tokens, into: tokens)
    }
}

struct VectorWeights: Sendable {
    let spec: VectorSpec
    let attention: AttentionPoolWeights?
    let head: [LinearWeights]
}

/// From a content's tokens to its row.
struct VectorPooling {
    let weights: VectorWeights
    let pool: WorkerPool

    /// One row a sequence, `[n, output dimensions]`.
    ///
    /// - Parameter ends: of each sequence, the place of the token that ``VectorSpec/Pooling/end`` takes
    func callAsFunction(_ x: Matrix, _ layout: PackedLayout, ends: [Int] = []) -> Matrix {
        let pooled = Matrix(rows: layout.count, columns: x.columns)
        if let attention = weights.attention {
            AttentionPooling(weights: attention, pool: pool)(x, layout, into: pooled)
            return head(pooled)
        }
        pool.run(layout.count) { sequence, worker in
            let rows = layout.rows(of: sequence)
            let target = pooled.row(sequence)
            switch weights.spec.pooling {
            case .first: target.update(from: x.row(rows.lowerBound), count: x.columns)
            case .last: target.update(from: x.row(rows.upperBound - 1), count: x.columns)
            case .end: target.update(from: x.row(rows.lowerBound + ends[sequence]), count: x.columns)
            case .attention: preconditionFailure("attention without its weights")
            case .mean:
                let partial = worker.scratch.take(rows: 1, columns: x.columns)
                meanOfRows(Block(x[rows]), partial: partial.pointer, into: target)
            }
        }
        return head(pooled)
    }

    private func head(_ pooled: Matrix) -> Matrix {
        var row = pooled
        for (dense, weights) in zip(weights.spec.head, weights.head) {
            let result = Matrix(rows: row.rows, columns: dense.outputs)
            let piece = RowPiece(rows: 0..<row.rows, columns: .divided(pool), worker: pool.callersWorker)
            piece.linear(weights, row, into: result) { part in
                guard dense.function == .tanh else { return }
                for index in 0..<result.rows {
                    let y = result.row(index) + part.lowerBound
                    map(y, into: y, count: part.count) { tanh($0) }
                }
            }
            row = result
        }
        return row
    }
}

extension VectorSpec {
    /// The place of the token that ``Pooling/end`` takes: the last where the id is not there.
    func end(of ids: [Int32]) -> Int {
        ids.firstIndex(of: endID ?? ids.max() ?? 0) ?? ids.count - 1
    }
}
