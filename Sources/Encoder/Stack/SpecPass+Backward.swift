import CastorNumerics

extension SpecPass {
    /// Gradient of ``rows(_:)`` of a model without a body: adds that of every trained tensor that the batch used to `gradients`.
    ///
    /// - Parameter dRows: `[n, output dimensions]`
    func backward(_ dRows: Matrix, _ tape: SpecTape, _ gradients: GradientSink) {
        let parts = PartGradients(tape, dRows)
        if let d = parts.text, let record = tape.text { textBackward(d, record, tape.trained.text, gradients) }
        if let d = parts.picture, tape.trained.image.isTrained {
            var start = 0
            for group in tape.pictures {
                let own = d[start..<start + group.pictures.count]
                pictureBackward(own, group, tape.trained.image, gradients)
                start += group.pictures.count
            }
        }
        if let d = parts.sound, tape.trained.audio.isTrained, let vector = weights.audioVector {
            VectorPooling(weights: vector, pool: pool).backward(d, tape.sounds, into: nil, gradients)
        }
    }

    private func textBackward(
        _ dVectors: Matrix, _ tape: SpecTape.Text, _ trained: TrainedParts.Tower, _ gradients: GradientSink
    ) {
        guard trained.isTrained, let tower = weights.text, let vector = weights.textVector else { return }
        let width = tower.spec.stack?.width ?? tower.spec.projection?.outputs ?? tower.spec.width
        let dx = trained.firstLayer.map { _ in memory.dTokens.take(rows: tape.layout.tokenCount, columns: width) }
        VectorPooling(weights: vector, pool: pool).backward(dVectors, tape.vector, into: dx, gradients)
        guard let dx else { return }
        if let spec = tower.spec.stack, let weights = tower.stack, let kept = tape.stack {
            stack(spec, weights).backward(dx, kept, gradients)
        }
        if trained.front { tower.backward(dx, tape, Backward(pool: pool, gradients: gradients)) }
    }

    private func pictureBackward(
        _ dVectors: Matrix, _ tape: SpecTape.Pictures, _ trained: TrainedParts.Tower, _ gradients: GradientSink
    ) {
        guard let tower = weights.image, let vector = weights.imageVector else { return }
        let dx = trained.firstLayer.map { _ in
            memory.dTokens.take(rows: tape.layout.tokenCount, columns: tower.spec.width)
        }
        VectorPooling(weights: vector, pool: pool).backward(dVectors, tape.vector, into: dx, gradients)
        guard let dx else { return }
        if let kept = tape.stack { stack(tower.spec.stack, tower.stack).backward(dx, kept, gradients) }
        if trained.front { tower.backward(dx, tape, Backward(pool: pool, gradients: gradients)) }
    }
}

/// Gradients of the parts' vectors, by those of the contents': a content of one part has its vector, one of several the mean of theirs, each
/// brought to length 1 before.
private struct PartGradients {
    private(set) var text: Matrix?
    private(set) var picture: Matrix?
    private(set) var sound: Matrix?

    init(_ tape: SpecTape, _ dRows: Matrix) {
        func like(_ vectors: Matrix?) -> Matrix? { vectors.map { Matrix(rows: $0.rows, columns: $0.columns) } }
        text = like(tape.vectors.text)
        picture = like(tape.vectors.picture)
        sound = like(tape.vectors.sound)
        for (content, parts) in tape.contents.enumerated() {
            for part in parts {
                let (vectors, gradients, index) =
                    switch part {
                    case .text(let index): (tape.vectors.text, text, index)
                    case .picture(let index): (tape.vectors.picture, picture, index)
                    case .sound(let index): (tape.vectors.sound, sound, index)
                    }
                guard let vectors, let gradients else { continue }
                Self.part(
                    vectors.row(index), dRows.row(content), of: parts.count, into: gradients.row(index),
                    count: dRows.columns)
            }
        }
    }

    /// `dv = (dy - u (u dy)) / (parts |v|)`, u = v / |v|
    private static func part(
        _ v: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, of parts: Int, into dv: UnsafeMutablePointer<Float>,
        count: Int
    ) {
        guard parts > 1 else { return dv.update(from: dy, count: count) }
        var (square, product) = (0.0, 0.0)
        for index in 0..<count {
            square += Double(v[index]) * Double(v[index])
            product += Double(v[index]) * Double(dy[index])
        }
        let length = max(square.squareRoot(), 1e-30)
        let factor = 1 / (Double(parts) * length)
        for index in 0..<count {
            let along = Double(v[index]) * product / (length * length)
            dv[index] = Float((Double(dy[index]) - along) * factor)
        }
    }
}
