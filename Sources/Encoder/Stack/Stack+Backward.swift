import CastorNumerics

extension Stack {
    /// Gradient of ``forward(_:_:tape:)``, from the last layer to the first that the tape has.
    ///
    /// - Parameter dx: of the output, `[T, width]`; becomes that of what entered the first layer of the tape
    func backward(_ dx: Matrix, _ tape: StackTape, _ gradients: GradientSink) {
        guard dx.rows > 0 else { return }
        let run = StackBackward(stack: self, backward: Backward(pool: pool, gradients: gradients), dx: dx)
        if let norm = weights.finalNorm, let before = tape.beforeNorm {
            run.backward.norm(norm, Block(dx), Block(before), into: Block(dx))
        }
        for (layer, kept) in zip(tape.first..<spec.layers.count, tape.layers).reversed() {
            run.layer(spec.layers[layer], weights.layers[layer], kept)
        }
    }
}

private struct StackBackward {
    let stack: Stack
    let backward: Backward
    let dx: Matrix

    func layer(_ spec: LayerSpec, _ weights: StackWeights.Layer, _ kept: StackTape.Layer) {
        if let factor = weights.scale, let x = kept.beforeScale {
            if let gradient = backward.gradients["\(weights.name).scale"] {
                // Row by row, so that the order of the sum does not depend on threads.
                for row in 0..<dx.rows { gradient.pointer[0] += dot(dx.row(row), x.row(row), count: dx.columns) }
            }
            scale(dx.pointer, by: factor, count: dx.count)
        }
        if let norm = weights.norm, let x = kept.beforeNorm {
            backward.norm(norm, Block(dx), Block(x), into: Block(dx))
        }
        for index in kept.branches.indices.reversed() {
            branch(spec.branches[index], weights.branches[index], kept.branches[index])
        }
    }

    /// Of `x = after(x + factor * gain * outputNorm(operation(norm(x))))`.
    private func branch(_ spec: BranchSpec, _ weights: StackWeights.Branch, _ kept: StackTape.Branch) {
        if let after = weights.after, let sum = kept.sum {
            backward.norm(after, Block(dx), Block(sum), into: Block(dx))
        }
        let dResult = result(spec, weights, kept)
        let dNormed = take(.dNormed, dx.columns)
        switch (spec.operation, weights.operation, kept.operation) {
        case (.feedForward(let spec), .feedForward(let own), .feedForward(let up, let hidden)?):
            FeedForward(spec: spec, weights: own).backward(
                Block(dResult), kept.normed, up: up, hidden: hidden, into: dNormed, backward, stack.memory)
        case (.attention, .attention, .attention(let attention, let raw, let qkv, let context)?):
            let biases = "\(stack.weights.name).relative_bias.weight"
            attention.backward(
                Block(dResult), kept.normed, raw: raw, qkv: qkv, context: context, into: dNormed,
                dBiases: attention.biases.flatMap { _ in backward.gradients[biases] }, backward, stack.memory)
        default: preconditionFailure("an operation without backward was let in")
        }
        if let norm = weights.norm { backward.norm(norm, Block(dNormed), Block(kept.input), into: Block(dNormed)) }
        backward.eachRows(dx.rows) { rows, _, _ in
            let start = rows.lowerBound
            add(dNormed.row(start), to: dx.row(start), count: rows.count * dx.columns)
        }
    }

    /// Gradient of what the operation gave, by that of what was added: factor, gain, norm.
    private func result(_ spec: BranchSpec, _ weights: StackWeights.Branch, _ kept: StackTape.Branch) -> Matrix {
        guard let (raw, normed) = kept.result else { return dx }
        let d = take(.dProjected, dx.columns)
        let dGain = weights.gain.flatMap { _ in backward.gradients["\(weights.name).gain"] }
        let factor = spec.factor ?? 1
        let sums = RowPartials(count: backward.pieces(dx.rows).count, columns: dx.columns)
        backward.eachRows(dx.rows) { rows, piece, _ in
            for row in rows {
                let y = d.row(row)
                map(dx.row(row), into: y, count: dx.columns) { $0 * factor }
                guard let gain = weights.gain else { continue }
                if dGain != nil {
                    let sum = sums.row(piece)
                    for column in 0..<dx.columns { sum[column] += y[column] * normed.row(row)[column] }
                }
                map(y, gain.pointer, into: y, count: dx.columns) { $0 * $1 }
            }
        }
        if let dGain { sums.drain(into: dGain.pointer) }
        if let norm = weights.outputNorm { backward.norm(norm, Block(d), Block(raw), into: Block(d)) }
        return d
    }

    private func take(_ place: StackMemory.Place, _ columns: Int) -> Matrix {
        stack.memory.take(place, rows: dx.rows, columns: columns)
    }
}
