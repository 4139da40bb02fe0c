import CastorNumerics

extension NormWeights {
    fileprivate var kernel: NormKernel {
        NormKernel(
            isCentered: spec.kind == .layer, weight: gain.map { UnsafePointer($0.pointer) }, epsilon: spec.epsilon)
    }
}

extension Backward {
    /// Gradient of a norm: dX, which may be dY, of each row, and added up what belongs to gain and bias.
    ///
    /// - Parameters:
    ///   - dY: `[T, heads * d]`
    ///   - x: before the norm, `[T, heads * d]`
    ///   - heads: rows of their own side by side
    func norm(_ norm: NormWeights, _ dY: Block, _ x: Block, into dX: Block, heads: Int = 1) {
        guard dY.rows > 0 else { return }
        let d = dY.columns / heads
        let (dGain, dBias) = (gradients["\(norm.name).weight"], gradients["\(norm.name).bias"])
        let sums = RowPartials(count: pieces(dY.rows).count, columns: 2 * d)
        let kernel = norm.kernel
        eachRows(dY.rows) { rows, piece, worker in
            let room = worker.scratch.take(rows: 1, columns: NormKernel.roomNeeded(columns: d))
            let (gain, bias) = (dGain.map { _ in sums.row(piece) }, dBias.map { _ in sums.row(piece) + d })
            if heads == 1 {
                kernel.backward(
                    dY.rows(rows), input: x.rows(rows), into: dX.rows(rows), room: room.pointer, dWeight: gain,
                    dBias: bias)
            } else {
                for row in rows {
                    kernel.backward(
                        dY.row(row, as: heads), input: x.row(row, as: heads), into: dX.row(row, as: heads),
                        room: room.pointer, dWeight: gain, dBias: bias)
                }
            }
        }
        if let dGain, norm.gain != nil { sums.drain(into: dGain.pointer, count: d) }
        if let dBias, norm.bias != nil { sums.drain(into: dBias.pointer, from: d, count: d) }
    }
}
