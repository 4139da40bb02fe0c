import CastorNumerics

/// One convolution: `[channels, taps * channels before]`, taps in the order of time, then bands.
struct SubsamplingWeights: Sendable {
    let product: LinearWeights
    let norm: NormWeights?
}

/// The convolutions between a spectrogram and the tower's tokens (``SubsamplingSpec``), as products over gathered neighbours.
///
/// A few tokens at a time go through all of them, so that what lies between stays in the cache; the times at the edges of such a piece are
/// computed for both neighbours.
struct Subsampling {
    let spec: SubsamplingSpec
    let weights: [SubsamplingWeights]
    let shapes: [(places: Int, channels: Int)]

    init(_ spec: SubsamplingSpec, _ weights: [SubsamplingWeights], bands: Int) {
        self.spec = spec
        self.weights = weights
        shapes = spec.shapes(bands: bands)
    }

    /// Values of a token.
    var width: Int { shapes[shapes.count - 1].places * shapes[shapes.count - 1].channels }

    /// Values held for a piece of work at most, about.
    private static let valuesPerPiece = 1 << 18

    /// Tokens of a piece of work.
    private var tokensPerPiece: Int {
        let largest = spec.layers.indices.reduce(1) { max($0, shapes[$1 + 1].places * columns($1)) }
        return max(1, min(128, Self.valuesPerPiece / largest))
    }

    private func columns(_ layer: Int) -> Int {
        let kernel = spec.layers[layer].kernel
        return (spec.axes == .time ? kernel : kernel * kernel) * shapes[layer].channels
    }

    /// - Parameters:
    ///   - sounds: each `[frames, bands]`
    ///   - tokens: `[T, width]`, the sounds' after each other
    func callAsFunction(_ sounds: [Matrix], _ layout: PackedLayout, into tokens: Matrix, _ pool: WorkerPool) {
        var work: [(sound: Int, tokens: Range<Int>)] = []
        for (index, sound) in sounds.enumerated() {
            let count = spec.count(of: sound.rows)
            for start in stride(from: 0, to: count, by: tokensPerPiece) {
                work.append((index, start..<min(start + tokensPerPiece, count)))
            }
        }
        pool.run(work.count) { index, worker in
            let (sound, own) = work[index]
            run(sounds[sound], own, into: tokens, from: layout.rows(of: sound).lowerBound, worker)
        }
    }

    /// Some tokens of one sound.
    private func run(
        _ mel: Matrix, _ own: Range<Int>, into tokens: Matrix, from row: Int, _ worker: WorkerPool.Worker
    ) {
        // Times of each layer's input that are needed, from the last to the first.
        var needed = [own]
        var counts = [mel.rows]
        for layer in spec.layers { counts.append(layer.count(of: counts[counts.count - 1])) }
        for (layer, count) in zip(spec.layers, counts).reversed() {
            let times = needed[0]
            let first = times.lowerBound * layer.stride - layer.kernel / 2
            let last = (times.upperBound - 1) * layer.stride + layer.kernel / 2
            needed.insert(max(0, first)..<min(count, last + 1), at: 0)
        }
        let gathered = spec.layers.indices.map { needed[$0 + 1].count * shapes[$0 + 1].places * columns($0) }
        let results = spec.layers.indices.map { needed[$0 + 1].count * shapes[$0 + 1].places * shapes[$0 + 1].channels }
        let (most, kept) = (gathered.max() ?? 0, results.reduce(0, +))
        let room = worker.scratch.take(rows: 1, columns: most + kept)

        var input = mel[needed[0]]
        var offset = most
        for index in spec.layers.indices {
            let places = needed[index + 1].count * shapes[index + 1].places
            let taps = Matrix(buffer: room.buffer, rows: places, columns: columns(index))
            gather(index, input, needed[index], counts[index], needed[index + 1], into: taps)
            let isLast = index == spec.layers.count - 1
            let output =
                isLast
                ? Matrix(
                    buffer: tokens.buffer, offset: tokens.offset + (row + own.lowerBound) * width, rows: places,
                    columns: shapes[index + 1].channels)
                : Matrix(buffer: room.buffer, offset: offset, rows: places, columns: shapes[index + 1].channels)
            offset += output.count
            finish(index, taps, into: output, worker)
            input = output
        }
        if spec.layers.isEmpty { tokens.row(row + own.lowerBound).update(from: input.pointer, count: input.count) }
    }

    /// Product, norm and activation.
    private func finish(_ layer: Int, _ taps: Matrix, into output: Matrix, _ worker: WorkerPool.Worker) {
        RowPiece(rows: 0..<taps.rows, columns: .whole, worker: worker).linear(
            weights[layer].product, taps, into: output)
        weights[layer].norm?.apply(Block(output), into: Block(output))
        spec.layers[layer].activation.apply(output.pointer, into: output.pointer, count: output.count)
    }

    /// The neighbours of each place, side by side.
    ///
    /// - Parameters:
    ///   - input: what is there of the layer's input, the times `present` of `count`
    ///   - times: of the output
    private func gather(
        _ layer: Int, _ input: Matrix, _ present: Range<Int>, _ count: Int, _ times: Range<Int>, into taps: Matrix
    ) {
        let (kernel, step) = (spec.layers[layer].kernel, spec.layers[layer].stride)
        let (places, channels) = shapes[layer]
        let bandKernel = spec.axes == .time ? 1 : kernel
        let length = bandKernel * channels
        var target = taps.pointer
        for time in times {
            for place in 0..<shapes[layer + 1].places {
                let firstBand = spec.axes == .time ? 0 : place * step - kernel / 2
                // Of the neighbours along the bands, those that are there.
                let bands = max(0, firstBand)..<min(places, firstBand + bandKernel)
                for tap in 0..<kernel {
                    let source = time * step - kernel / 2 + tap
                    if source < 0 || source >= count {
                        target.update(repeating: 0, count: length)
                    } else {
                        let before = (bands.lowerBound - firstBand) * channels
                        let values = bands.count * channels
                        let row = input.pointer + ((source - present.lowerBound) * places + bands.lowerBound) * channels
                        if before > 0 { target.update(repeating: 0, count: before) }
                        (target + before).update(from: row, count: values)
                        let behind = length - before - values
                        if behind > 0 { (target + before + values).update(repeating: 0, count: behind) }
                    }
                    target += length
                }
            }
        }
    }
}
