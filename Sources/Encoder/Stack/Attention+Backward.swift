import CastorNumerics

extension Attention {
    /// Gradient of ``project(_:into:_:)``, ``prepare(_:_:)``, ``mix(_:into:_:)`` and of the last product: from `dY`, `[T, d]`, to that of what
    /// was read, `[T, d]`.
    ///
    /// - Parameters:
    ///   - normed: what the first product read
    ///   - raw: what it gave, before its norms, where there are any
    ///   - qkv: that, ready for the product of both
    ///   - context: what the last product read
    ///   - dBiases: `[buckets, heads]`, of relative biases; added to
    func backward(
        _ dY: Block, _ normed: Matrix, raw: Matrix?, qkv: Matrix, context: Matrix, into dNormed: Matrix,
        dBiases: Matrix?, _ backward: Backward, _ memory: StackMemory
    ) {
        let dContext = memory.take(.dContext, rows: context.rows, columns: context.columns)
        backward.linear(weights.output, dY, Block(context), into: Block(dContext))
        let dQKV = memory.take(.dQKV, rows: qkv.rows, columns: qkv.columns)
        mixBackward(dContext, qkv, into: dQKV, dBiases: dBiases, backward.pool)
        if let angles {
            backward.eachRows(dQKV.rows) { rows, _, _ in
                for row in rows {
                    turn(dQKV.row(row), row, angles, rotateBackward(_:heads:pairs:cosine:sine:))
                }
            }
        }
        if let raw {
            let (queries, keys) = (spec.queryLength, spec.keyHeads * spec.headSize)
            for (norm, start, heads) in [
                (weights.queryNorm, 0, spec.heads), (weights.keyNorm, queries, spec.keyHeads),
                (weights.valueNorm, queries + keys, spec.keyHeads),
            ] {
                guard let norm else { continue }
                let columns = start..<start + heads * spec.headSize
                let d = Block(dQKV).columns(columns)
                backward.norm(norm, d, Block(raw).columns(columns), into: d, heads: heads)
            }
        }
        backward.linear(weights.projections[0], Block(dQKV), Block(normed), into: Block(dNormed))
    }

    /// With S the scores, P = softmax(S) over the keys that a query sees, O = P v: `dv = P^T dO; dS = P * (dP - sum(P * dP)), dP = dO v^T;
    /// dq = s dS k; dk = s dS^T q`, s the scale.
    ///
    /// P is computed again, some queries at a time. One worker has all queries of a sequence and of the heads that share keys, because what
    /// they add to dk and dv adds up in a fixed order.
    private func mixBackward(
        _ dContext: Matrix, _ qkv: Matrix, into dQKV: Matrix, dBiases: Matrix?, _ pool: WorkerPool
    ) {
        let group = spec.heads / spec.keyHeads
        // Of a sequence and head, by the distance: which worker has it does not show in the sum.
        let distances = dBiases.map { _ in
            Matrix(rows: layout.count * spec.heads, columns: 2 * (biases?.reach ?? 1) - 1)
        }
        pool.run(layout.count * spec.keyHeads) { index, worker in
            let (sequence, keyHead) = (index / spec.keyHeads, index % spec.keyHeads)
            let firstKey = spec.queryLength + keyHead * spec.headSize
            let firstValue = firstKey + spec.keyHeads * spec.headSize
            for row in layout.rows(of: sequence) {
                (dQKV.row(row) + firstKey).update(repeating: 0, count: spec.headSize)
                (dQKV.row(row) + firstValue).update(repeating: 0, count: spec.headSize)
            }
            for head in keyHead * group..<(keyHead + 1) * group {
                for task in AttentionTask.divideForWholeRows(layout.rows(of: sequence)) {
                    let byDistance = distances.map { $0.row(sequence * spec.heads + head) }
                    backward(task, head, (firstKey, firstValue), dContext, qkv, dQKV, byDistance, worker.scratch)
                }
            }
        }
        guard let dBiases, let distances, let reach = biases?.reach,
            case .relativeBias(let bias) = spec.position
        else { return }
        for distance in 1 - reach..<reach {
            let bucket = dBiases.row(bias.bucket(distance))
            for row in 0..<distances.rows { bucket[row % spec.heads] += distances.row(row)[distance + reach - 1] }
        }
    }

    private func backward(
        _ task: AttentionTask, _ head: Int, _ first: (key: Int, value: Int), _ dContext: Matrix, _ qkv: Matrix,
        _ dQKV: Matrix, _ byDistance: UnsafeMutablePointer<Float>?, _ scratch: Scratch
    ) {
        let size = spec.headSize
        let range = seen(by: task)
        let (queryColumns, keyColumns) = (head * size..<(head + 1) * size, first.key..<first.key + size)
        let valueColumns = first.value..<first.value + size
        let q = Block(qkv, rows: task.queries, columns: queryColumns)
        let k = Block(qkv, rows: range, columns: keyColumns)
        let v = Block(qkv, rows: range, columns: valueColumns)
        let dO = Block(dContext, rows: task.queries, columns: queryColumns)
        let count = task.queries.count
        let both = scratch.take(rows: 2 * count, columns: range.count)
        let (p, dP) = (Block(both[0..<count]), Block(both[count..<2 * count]))

        gemm(q, .no, k, .yes, into: p, alpha: spec.scale)
        adjust(p, task, range, head, Block(both, rows: 0, columns: 0, stride: 0))
        for row in 0..<count {
            let seen = seen(by: task.queries.lowerBound + row, in: task.keys)
            let x = p.pointer + row * p.stride
            x.update(repeating: 0, count: seen.lowerBound - range.lowerBound)
            (x + (seen.upperBound - range.lowerBound)).update(repeating: 0, count: range.upperBound - seen.upperBound)
            softmaxRows(
                p.rows(row..<row + 1).columns(seen.lowerBound - range.lowerBound..<seen.upperBound - range.lowerBound))
        }
        gemm(p, .yes, dO, .no, into: Block(dQKV, rows: range, columns: valueColumns), beta: 1)
        gemm(dO, .no, v, .yes, into: dP)
        softmaxRowsBackward(p, dP)
        if let byDistance, let reach = biases?.reach {
            for row in 0..<count {
                let start = range.lowerBound - (task.queries.lowerBound + row) + reach - 1
                add(dP.pointer + row * dP.stride, to: byDistance + start, count: range.count)
            }
        }
        gemm(dP, .no, k, .no, into: Block(dQKV, rows: task.queries, columns: queryColumns), alpha: spec.scale)
        gemm(dP, .yes, q, .no, into: Block(dQKV, rows: range, columns: keyColumns), alpha: spec.scale, beta: 1)
    }
}
