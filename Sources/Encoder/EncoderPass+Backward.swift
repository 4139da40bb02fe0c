package import CastorNumerics

extension EncoderPass {
    /// Gradient of ``forward(_:_:_:)``: adds the gradient of every parameter that the batch used to `gradients`.
    ///
    /// Sums run in a fixed order: equal arguments and an equal number of threads give equal bits.
    ///
    /// - Parameters:
    ///   - record: the last pass of `memory`, which keeps block inputs or everything
    ///   - dRows: `[n, output dimensions]`
    ///   - towers: those whose gradients are wanted; a frozen tower costs nothing when left out
    package func backward(
        _ record: PassRecord, _ dRows: Matrix, _ weights: ModelWeights, into gradients: ModelWeights,
        _ memory: PassMemory, towers: Set<Configuration.Tower> = Set(Configuration.Tower.allCases)
    ) {
        precondition(memory.keeping != .nothing, "nothing was kept for a backward pass")
        let tokens = record.unified.output.rows
        let dx = memory.dJoined(rows: tokens, columns: shape.width)
        headBackward(record, dRows, weights.unifiedWeights, gradients.unifiedWeights, into: dx)
        backward(record.unified, dx, weights.unifiedWeights.tower, gradients.unifiedWeights.tower, memory)
        for tower in record.towers where towers.contains(tower.tower) {
            towerBackward(tower, dx, weights, gradients, memory)
        }
    }

    /// Projection, mean, and final norm: `[n, output dimensions]` to the gradient of the unified stack's output.
    private func headBackward(
        _ record: PassRecord, _ dRows: Matrix, _ weights: UnifiedWeights, _ gradients: UnifiedWeights, into dx: Matrix
    ) {
        let dPooled = Matrix(rows: record.pooling.count, columns: shape.width)
        let projected = weights.projection.rows
        let dRows = projected < dRows.columns ? lexicalBackward(record.rows, dRows, projected: projected) : dRows
        pool.gemm(Block(dRows), .no, Block(weights.projection), .no, into: Block(dPooled))
        pool.gemm(Block(dRows), .yes, Block(record.pooled), .no, into: Block(gradients.projection), beta: 1)

        let (d, modalities) = (shape.width, Modality.allCases.count)
        let pieces = pool.ranges(record.pooling.count, minimum: 1, perWorker: 4)
        let sums = RowPartials(count: pieces.count, columns: d + modalities)
        pool.run(pieces.count) { index, worker in
            for content in pieces[index] {
                let pooling = record.pooling[content]
                let dMean = dPooled.row(content)
                pooling.backward(dMean, mean: record.pooled.row(content), count: d, dLogits: sums.row(index) + d)
                dx[pooling.rows].fill(0)
                for part in pooling.parts {
                    let dToken = worker.scratch.take(rows: 1, columns: d)
                    dToken.pointer.update(from: dMean, count: d)
                    scale(dToken.pointer, by: part.share / Float(part.rows.count), count: d)
                    for row in part.rows {
                        rmsNormRowsBackward(
                            Block(dToken), input: Block(record.unified.output[row..<row + 1]),
                            weight: weights.tower.norm.pointer, epsilon: shape.epsilon, into: Block(dx[row..<row + 1]),
                            dWeight: sums.row(index))
                    }
                }
            }
        }
        sums.drain(into: gradients.tower.norm.pointer, count: d)
        if let dLogits = gradients.poolingLogits { sums.drain(into: dLogits.pointer, from: d, count: modalities) }
    }

    /// The blocks of a stack, last to first; dx changes from the gradient of the output to that of the input.
    private func backward(
        _ stack: StackRecord, _ dx: Matrix, _ weights: TowerWeights, _ gradients: TowerWeights, _ memory: PassMemory
    ) {
        guard let mlp = weights.blocks.first?.up.rows else { return }
        let scratch = memory.gradients(rows: dx.rows, width: dx.columns, mlp: mlp)
        for index in stack.blocks.indices.reversed() {
            if memory.keeping == .blockInputs {
                stack.pass.forward(weights.blocks[index], stack.blocks[index], .upToHidden)
            }
            stack.pass.backward(dx, weights.blocks[index], stack.blocks[index], into: gradients.blocks[index], scratch)
        }
    }

    /// Modality embedding, norm, blocks and front-end of one tower.
    private func towerBackward(
        _ record: TowerRecord, _ dJoined: Matrix, _ weights: ModelWeights, _ gradients: ModelWeights,
        _ memory: PassMemory
    ) {
        let (stack, d) = (record.stack, shape.width)
        let (tower, dTower) = (weights.tower(record.tower), gradients.tower(record.tower))
        let dx = memory.dTokens(rows: stack.pass.layout.tokenCount, columns: d)
        let modalities = gradients.unifiedWeights.modality
        let pieces = pool.ranges(record.placed.count, minimum: 1, perWorker: 4)
        let sums = RowPartials(count: pieces.count, columns: d + modalities.count)
        pool.run(pieces.count) { index, worker in
            for part in pieces[index] {
                let placed = record.placed[part]
                joinBackward(placed, dJoined, stack.output, tower, into: dx, dWeight: sums.row(index), worker.scratch)
                let dModality = sums.row(index) + d + placed.segment.modality.rawValue * d
                for row in placed.rows { add(dJoined.row(row), to: dModality, count: d) }
            }
        }
        sums.drain(into: dTower.norm.pointer, count: d)
        sums.drain(into: modalities.pointer, from: d, count: modalities.count)
        if let dTime = gradients.unifiedWeights.time { timeBackward(record.placed, dJoined, dTime) }
        backward(stack, dx, tower, dTower, memory)
        frontEndBackward(record, dx, weights, gradients)
    }

    /// Pooling and norm of one part, from its rows of the joined matrix to its rows of the tower's output.
    private func joinBackward(
        _ placed: PlacedSegment, _ dJoined: Matrix, _ output: Matrix, _ tower: TowerWeights, into dx: Matrix,
        dWeight: UnsafeMutablePointer<Float>, _ scratch: Scratch
    ) {
        func normBackward(_ dOutput: Block, _ rows: Range<Int>) {
            dx[rows].fill(0)
            rmsNormRowsBackward(
                dOutput, input: Block(output[rows]), weight: tower.norm.pointer, epsilon: shape.epsilon,
                into: Block(dx[rows]), dWeight: dWeight)
        }
        guard let pooled = placed.segment.pooled else {
            return normBackward(Block(dJoined[placed.rows]), placed.towerRows)
        }
        let dNormed = scratch.take(rows: pooled.patchesPerPicture, columns: shape.width)
        for picture in 0..<pooled.pictureCount {
            pooled.backward(picture, dJoined, firstRow: placed.row, into: dNormed)
            let start = placed.towerRow + picture * pooled.patchesPerPicture
            normBackward(Block(dNormed), start..<start + pooled.patchesPerPicture)
        }
    }

    /// `dW += dframes^T features`, where a frame's gradient is the sum over its tokens.
    private func timeBackward(_ placed: [PlacedSegment], _ dJoined: Matrix, _ dTime: Matrix) {
        for part in placed {
            guard case .video(let frames, let times) = part.segment else { continue }
            let dFrames = Matrix(rows: times.count, columns: shape.width)
            for (index, row) in part.rows.enumerated() {
                add(dJoined.row(row), to: dFrames.row(index / frames.tokensPerPicture), count: shape.width)
            }
            let features = timeFeatures(times)
            pool.gemm(Block(dFrames), .yes, Block(features), .no, into: Block(dTime), beta: 1)
        }
    }

    private func frontEndBackward(
        _ record: TowerRecord, _ dTokens: Matrix, _ weights: ModelWeights, _ gradients: ModelWeights
    ) {
        switch record.tower {
        case .text:
            embeddingBackward(record.placed, dTokens, gradients.textWeights.embedding)
            if let bigrams = weights.textWeights.bigrams, let dBigrams = gradients.textWeights.bigrams {
                bigramsBackward(record.placed, dTokens, bigrams, dBigrams)
            }
        case .image: patchesBackward(record.placed, dTokens, gradients.imageWeights)
        case .audio: patchesBackward(record.placed, dTokens, gradients.audioWeights)
        case .unified: preconditionFailure("the unified encoder has no front-end")
        }
    }

    /// `dtable[id] += dtoken` for each token, in order; the columns are divided among the workers.
    private func embeddingBackward(_ placed: [PlacedSegment], _ dTokens: Matrix, _ dTable: EmbeddingTable) {
        let pieces = pool.ranges(shape.width, minimum: 64)
        pool.run(pieces.count) { index, _ in
            let columns = pieces[index]
            var row = 0
            for ids in placed.lazy.compactMap(\.segment.ids) {
                for id in ids {
                    add(
                        dTokens.row(row) + columns.lowerBound, to: dTable.row(Int(id)) + columns.lowerBound,
                        count: columns.count)
                    row += 1
                }
            }
        }
    }

    /// `dP += dtokens^T rows` and `dtable[row] += dtoken P` for each token, in order.
    private func bigramsBackward(
        _ placed: [PlacedSegment], _ dTokens: Matrix, _ bigrams: BigramWeights, _ gradients: BigramWeights
    ) {
        // In memory, where reading a row does not fail.
        guard let rows = try? gather(bigrams, placed, dTokens.rows) else { preconditionFailure("a table in a file") }
        pool.gemm(Block(dTokens), .yes, Block(rows), .no, into: Block(gradients.projection), beta: 1)
        let dRows = Matrix(rows: rows.rows, columns: rows.columns)
        pool.gemm(Block(dTokens), .no, Block(bigrams.projection), .no, into: Block(dRows))
        var row = 0
        for ids in placed.lazy.compactMap(\.segment.ids) {
            for bigram in bigrams.hashing.rows(of: ids) {
                add(dRows.row(row), to: gradients.table.row(bigram), count: dRows.columns)
                row += 1
            }
        }
    }

    /// `dW += dtokens^T patches`, `dbias += sum of dtokens`; the rows of dW are divided among the workers.
    private func patchesBackward(_ placed: [PlacedSegment], _ dTokens: Matrix, _ gradients: PatchWeights) {
        let pieces = pool.ranges(shape.width, minimum: 16)
        pool.run(pieces.count) { index, _ in
            let outputs = pieces[index]
            for row in 0..<dTokens.rows {
                add(
                    dTokens.row(row) + outputs.lowerBound, to: gradients.bias.pointer + outputs.lowerBound,
                    count: outputs.count)
            }
            for part in placed {
                guard let patches = part.segment.patches else { preconditionFailure("a text in a tower of patches") }
                let dY = Block(dTokens[part.towerRows]).columns(outputs)
                gemm(dY, .yes, Block(patches), .no, into: Block(gradients.embedding[outputs]), beta: 1)
            }
        }
    }
}

extension ModelWeights {
    fileprivate func tower(_ kind: Configuration.Tower) -> TowerWeights {
        switch kind {
        case .text: textWeights.tower
        case .image: imageWeights.tower
        case .audio: audioWeights.tower
        case .unified: unifiedWeights.tower
        }
    }
}
