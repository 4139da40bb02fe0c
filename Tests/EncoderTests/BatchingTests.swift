import CastorNumerics
import Encoder
import TestSupport
import Testing

@Suite struct BatchingTests {
    private static let models = [1, 2, 3, 8].map { threads in
        let pool = WorkerPool(threads: threads)
        return MultimodalEncoder(model: try! Model(path: Folders.nano, pool: pool), pool: pool)
    }

    private func randomInput(_ random: inout SeededRandom) -> EncoderInput {
        EncoderInput(
            (0...Int.random(in: 0...2, using: &random)).map { _ in
                switch Int.random(in: 0...5, using: &random) {
                case 0:
                    let grid = ImageGrid(
                        width: Int.random(in: 1...500, using: &random), height: Int.random(in: 1...500, using: &random),
                        maxPatches: 64)
                    let count = grid.rows * grid.columns
                    return .image(
                        patches: Matrix(rows: count, columns: 768, values: random.floats(count * 768)), grid: grid)
                case 2:
                    let frames = Int.random(in: 1...9, using: &random)
                    return .video(
                        frames: pictures(frames, side: 2, &random), times: (0..<frames).map { Double($0) * 0.75 })
                case 3: return .page(pictures(1, side: 3, &random))
                case 1:
                    let count = Int.random(in: 1...60, using: &random)
                    return .audio(patches: Matrix(rows: count, columns: 640, values: random.floats(count * 640)))
                default:
                    let count = [1, 7, 40, 300, 1_500][Int.random(in: 0...4, using: &random)]
                    return .text((0..<count).map { _ in Int32.random(in: 0..<1_000, using: &random) })
                }
            })
    }

    private func pictures(_ count: Int, side: Int, _ random: inout SeededRandom) -> PooledPictures {
        let grid = ImageGrid(
            width: Int.random(in: 1...500, using: &random), height: Int.random(in: 1...500, using: &random),
            maxPatches: 24)
        let patches = count * grid.rows * grid.columns
        return PooledPictures(
            patches: Matrix(rows: patches, columns: 768, values: random.floats(patches * 768)), grid: grid,
            pooledSide: side)
    }

    private func rows(_ matrix: Matrix) -> [[Float]] {
        (0..<matrix.rows).map { row in
            let values = matrix[row..<row + 1].values
            let norm = sumOfSquares(values, count: values.count).squareRoot()
            return values.map { $0 / norm }
        }
    }

    /// Random contents in random batches on 1 to 8 threads give what each gives alone.
    @Test(arguments: 0..<6) func aContentHasOneVectorWhateverItIsBatchedWith(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(100 + seed))
        let inputs = (0..<12).map { _ in randomInput(&random) }
        let alone = try inputs.map { rows(try Self.models[0].encode([$0]))[0] }
        for encoder in Self.models {
            let order = inputs.indices.shuffled(using: &random)
            var start = 0
            while start < order.count {
                let batch = order[start..<min(start + Int.random(in: 1...12, using: &random), order.count)]
                let together = rows(try encoder.encode(batch.map { inputs[$0] }))
                for (index, vector) in zip(batch, together) {
                    expectClose(
                        vector, alone[index], .batchInvariance, "seed \(seed), \(encoder.pool.threadCount) threads")
                }
                start = batch.endIndex
            }
        }
    }

    @Test func theSameCallGivesTheSameBits() throws {
        var random = SeededRandom(seed: 200)
        let inputs = (0..<8).map { _ in randomInput(&random) }
        for encoder in Self.models {
            let first = try encoder.encode(inputs).values
            for _ in 0..<3 { expectClose(try encoder.encode(inputs).values, first, .equalBits) }
        }
    }

    @Test func positionsCountWithinEachSequence() throws {
        let encoder = Self.models[1]
        let text: [Int32] = [11, 12, 13, 2]
        let vectors = rows(
            try encoder.encode([
                EncoderInput([.text(text)]), EncoderInput([.text([99] + text)]), EncoderInput([.text(text)]),
                EncoderInput([.text(text.reversed())]),
            ]))
        expectClose(vectors[0], vectors[2], .batchInvariance, "first and third")
        #expect(zip(vectors[0], vectors[3]).contains { abs($0 - $1) > 1e-4 }, "word order has no effect")
    }
}
