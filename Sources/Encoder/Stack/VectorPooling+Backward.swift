import CastorNumerics

extension VectorPooling {
    /// Gradient of ``callAsFunction(_:_:ends:tape:)``.
    ///
    /// - Parameters:
    ///   - dRows: `[n, output dimensions]`
    ///   - dx: of the tokens, `[T, width]`, overwritten; nil where nobody wants it
    func backward(_ dRows: Matrix, _ tape: VectorTape, into dx: Matrix?, _ gradients: GradientSink) {
        let backward = Backward(pool: pool, gradients: gradients)
        var d = dRows
        for index in weights.head.indices.reversed() {
            let (input, output) = tape.products[index]
            if weights.spec.head[index].function == .tanh {
                let product = Matrix(rows: d.rows, columns: d.columns)
                map(d.pointer, output.pointer, into: product.pointer, count: d.count) { $0 * (1 - $1 * $1) }
                d = product
            }
            let isWanted = index > 0 || dx != nil || weights.attention != nil
            let below = Matrix(rows: isWanted ? d.rows : 0, columns: isWanted ? input.columns : 0)
            backward.linear(weights.head[index], Block(d), Block(input), into: isWanted ? Block(below) : nil)
            d = below
        }
        if let attention = weights.attention, let kept = tape.attention {
            AttentionPooling(weights: attention, pool: pool).backward(d, tape.layout, kept, into: dx, backward)
            return
        }
        guard let dx else { return }
        spread(d, tape, into: dx)
    }

    private func spread(_ dPooled: Matrix, _ tape: VectorTape, into dx: Matrix) {
        pool.run(tape.layout.count) { sequence, _ in
            let rows = tape.layout.rows(of: sequence)
            let d = dPooled.row(sequence)
            dx[rows].fill(0)
            switch weights.spec.pooling {
            case .first: dx.row(rows.lowerBound).update(from: d, count: dx.columns)
            case .last: dx.row(rows.upperBound - 1).update(from: d, count: dx.columns)
            case .end: dx.row(rows.lowerBound + tape.ends[sequence]).update(from: d, count: dx.columns)
            case .attention: preconditionFailure("attention without its weights")
            case .mean: for row in rows { add(d, times: 1 / Float(rows.count), to: dx.row(row), count: dx.columns) }
            }
        }
    }
}
