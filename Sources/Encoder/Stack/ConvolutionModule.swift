import CastorNumerics

struct ConvolutionWeights: Sendable {
    /// Values and their gates, `[2 d, d]`
    let start: LinearWeights
    /// `[kernel, d]`, the row of the token itself last
    let kernel: Matrix
    let norm: NormWeights
    /// `[d, d]`
    let end: LinearWeights
}

/// The convolution module of a Conformer.
struct ConvolutionModule {
    let spec: ConvolutionSpec
    let weights: ConvolutionWeights

    /// The gated linear unit, `[T, d]`: the first half of the product times the sigmoid of the second.
    func open(_ normed: Matrix, product: Matrix, into values: Matrix, _ piece: RowPiece) {
        let width = values.columns
        piece.linear(weights.start, normed, into: product, ranges: 2) { part in
            for row in piece.rows {
                let x = product.row(row) + part.lowerBound
                map(x, x + width, into: values.row(row) + part.lowerBound, count: part.count) { $0 * sigmoid($1) }
            }
        }
    }

    /// `output[t] = sum of kernel[k] * values[t - kernel + 1 + k]`, a sequence at a time; before its start there are zeros.
    func convolve(_ values: Matrix, into output: Matrix, _ layout: PackedLayout, _ pool: WorkerPool) {
        let width = values.columns
        pool.run(layout.count) { sequence, _ in
            let rows = layout.rows(of: sequence)
            for row in rows {
                let y = output.row(row)
                y.update(repeating: 0, count: width)
                for tap in 0..<spec.kernel {
                    let source = row - (spec.kernel - 1) + tap
                    guard source >= rows.lowerBound else { continue }
                    let (x, weight) = (values.row(source), weights.kernel.row(tap))
                    var index = 0
                    while index + 8 <= width {
                        (Lanes(load: y + index) + Lanes(load: x + index) * Lanes(load: weight + index)).store(y + index)
                        index += 8
                    }
                    while index < width {
                        y[index] += x[index] * weight[index]
                        index += 1
                    }
                }
            }
        }
    }

    /// Norm and activation, in place; the last product follows.
    func close(_ values: Matrix, _ piece: RowPiece) {
        let rows = Block(values[piece.rows])
        weights.norm.apply(rows, into: rows)
        for row in piece.rows { spec.activation.apply(values.row(row), into: values.row(row), count: values.columns) }
    }
}
