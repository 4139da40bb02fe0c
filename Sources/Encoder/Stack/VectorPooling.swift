import CastorNumerics

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
    /// - Parameters:
    ///   - ends: of each sequence, the place of the token that ``VectorSpec/Pooling/end`` takes
    ///   - tape: where the pass leaves what a backward pass needs
    func callAsFunction(
        _ x: Matrix, _ layout: PackedLayout, ends: [Int] = [], tape: VectorTape? = nil
    ) -> Matrix {
        tape?.start(layout, ends)
        return head(pooled(x, layout, ends: ends, tape: tape), tape)
    }

    /// What the head reads, `[n, width]`.
    func pooled(_ x: Matrix, _ layout: PackedLayout, ends: [Int] = [], tape: VectorTape? = nil) -> Matrix {
        let pooled = Matrix(rows: layout.count, columns: x.columns)
        if let attention = weights.attention {
            AttentionPooling(weights: attention, pool: pool)(x, layout, into: pooled, tape: tape)
            return pooled
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
        return pooled
    }

    func head(_ pooled: Matrix, _ tape: VectorTape?) -> Matrix {
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
            tape?.products.append((row, result))
            row = result
        }
        return row
    }
}
