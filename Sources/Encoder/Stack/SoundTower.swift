import CastorNumerics

/// The weights of ``AudioSpec``.
struct SoundTower: Sendable {
    let spec: AudioSpec
    let subsampling: [SubsamplingWeights]
    let input: LinearWeights?
    /// `[positions, width]`
    let positions: EmbeddingTable?
    let stack: StackWeights
    let output: LinearWeights?
    let projectionNorm: NormWeights?
    let projection: LinearWeights?

    init(
        _ spec: AudioSpec, _ source: TensorSource,
        table: (_ name: String, _ shape: [Int]) throws(ModelError) -> EmbeddingTable
    ) throws(ModelError) {
        let assembly = StackAssembly(name: "audio", spec: spec.stack, source: source)
        func dense(_ spec: DenseSpec?, _ name: String) throws(ModelError) -> LinearWeights? {
            guard let spec else { return nil }
            return try assembly.dense(spec, "audio.\(name)")
        }
        self.spec = spec
        let shapes = spec.subsampling.shapes(bands: spec.spectrogram.bands)
        var subsampling: [SubsamplingWeights] = []
        for (index, layer) in spec.subsampling.layers.enumerated() {
            let name = "audio.subsampling.\(index)"
            let taps = spec.subsampling.axes == .time ? layer.kernel : layer.kernel * layer.kernel
            let product = DenseSpec(
                inputs: taps * shapes[index].channels, outputs: layer.channels, bias: layer.bias)
            subsampling.append(
                SubsamplingWeights(
                    product: try assembly.dense(product, name),
                    norm: try assembly.norm(layer.norm, "\(name).norm", layer.channels)))
        }
        self.subsampling = subsampling
        input = try dense(spec.input, "input")
        positions = try spec.positions.map { (count) throws(ModelError) in
            try table("audio.positions.weight", [count, spec.stack.width])
        }
        stack = try assembly.weights()
        output = try dense(spec.output, "output")
        projectionNorm = try assembly.norm(
            spec.projectionNorm, "audio.projection_norm", spec.output?.outputs ?? spec.stack.width)
        projection = try dense(spec.projection, "projection")
    }
}

/// Spectrograms of one pass, and the tokens that each segment takes of them.
struct SoundRuns {
    struct Run {
        /// Of the spectrograms.
        let sound: Int
        /// Of that one's tokens.
        let tokens: Range<Int>
    }

    private(set) var sounds: [Matrix] = []
    private(set) var runs: [Run] = []
    private var known: [UnsafeMutablePointer<Float>: Int] = [:]

    var isEmpty: Bool { runs.isEmpty }

    /// Segments that show parts of one spectrogram, in the same memory, share its tokens.
    mutating func add(_ frames: SoundFrames) {
        let sound: Int
        if let known = known[frames.mel.pointer], sounds[known].rows == frames.mel.rows {
            sound = known
        } else {
            sound = sounds.count
            known[frames.mel.pointer] = sound
            sounds.append(frames.mel)
        }
        runs.append(Run(sound: sound, tokens: frames.firstToken..<frames.firstToken + frames.tokenCount))
    }
}

extension SpecPass {
    /// The tokens of each run, one sequence a run.
    func tokens(of sounds: SoundRuns) throws(ModelError) -> (Matrix, PackedLayout) {
        let (all, layout) = try soundTokens(sounds.sounds)
        let own = PackedLayout(lengths: sounds.runs.map(\.tokens.count))
        let x = memory.sounds.runs.take(rows: own.tokenCount, columns: all.columns)
        for (index, run) in sounds.runs.enumerated() {
            let source = layout.rows(of: run.sound)
            precondition(run.tokens.upperBound <= source.count, "more tokens than the sound has")
            x.row(own.rows(of: index).lowerBound).update(
                from: all.row(source.lowerBound + run.tokens.lowerBound), count: run.tokens.count * all.columns)
        }
        return (x, own)
    }

    /// One row a run.
    func soundVectors(_ sounds: SoundRuns) throws(ModelError) -> Matrix {
        guard let vector = weights.audioVector else { preconditionFailure("sounds for a model without them") }
        if let locked, locked.hasSounds { return try lockedVectors(sounds, vector, locked) }
        let (x, layout) = try tokens(of: sounds)
        return VectorPooling(weights: vector, pool: pool)(x, layout, tape: tape?.sounds)
    }

    private func lockedVectors(
        _ sounds: SoundRuns, _ vector: VectorWeights, _ locked: LockedTowers
    ) throws(ModelError) -> Matrix {
        guard let tower = weights.audio else { preconditionFailure("sounds for a model without them") }
        let pooling = VectorPooling(weights: vector, pool: pool)
        let keys = sounds.runs.map { LockedTowers.Key(sounds.sounds[$0.sound], tokens: $0.tokens) }
        let pooled = try locked.pooled(sounds.runs, keys, width: tower.spec.width) { (run) throws(ModelError) in
            var one = SoundRuns()
            one.add(
                SoundFrames(
                    mel: sounds.sounds[run.sound], firstToken: run.tokens.lowerBound, tokenCount: run.tokens.count))
            let (x, layout) = try tokens(of: one)
            return pooling.pooled(x, layout)
        }
        tape?.sounds.start(PackedLayout(lengths: []), [])
        return pooling.head(pooled, tape?.sounds)
    }

    /// The tokens of sounds after their tower, one sequence a sound: all that it makes, without padding.
    func soundTokens(_ sounds: [Matrix]) throws(ModelError) -> (Matrix, PackedLayout) {
        guard let tower = weights.audio else { preconditionFailure("sounds for a model without them") }
        let spec = tower.spec
        precondition(sounds.allSatisfy { $0.columns == spec.spectrogram.bands }, "spectrograms of another model")
        let layout = PackedLayout(lengths: sounds.map { spec.subsampling.count(of: $0.rows) })
        let subsampling = Subsampling(spec.subsampling, tower.subsampling, bands: spec.spectrogram.bands)
        var x = memory.sounds.features.take(rows: layout.tokenCount, columns: subsampling.width)
        subsampling(sounds, layout, into: x, pool)
        x = product(tower.input, x, memory.sounds.tokens)
        if let positions = tower.positions { try add(positions, to: x, layout) }
        run(spec.stack, tower.stack, x, TokenPlaces(layout: layout))
        x = product(tower.output, x, memory.sounds.output)
        tower.projectionNorm?.apply(Block(x), into: Block(x))
        return (product(tower.projection, x, memory.sounds.projected), layout)
    }

    private func product(_ weights: LinearWeights?, _ x: Matrix, _ room: Scratch) -> Matrix {
        guard let weights else { return x }
        let result = room.take(rows: x.rows, columns: weights.outputCount)
        let piece = RowPiece(rows: 0..<x.rows, columns: .divided(pool), worker: pool.callersWorker)
        piece.linear(weights, x, into: result)
        return result
    }

    private func add(_ positions: EmbeddingTable, to x: Matrix, _ layout: PackedLayout) throws(ModelError) {
        let table = Matrix(rows: 1, columns: x.columns)
        for place in 0..<(layout.lengths.max() ?? 0) {
            try positions.copyRow(place, into: table.pointer)
            for sound in 0..<layout.count where place < layout.rows(of: sound).count {
                CastorNumerics.add(
                    table.pointer, to: x.row(layout.rows(of: sound).lowerBound + place), count: x.columns)
            }
        }
    }
}

/// Matrices of the sounds of one pass, kept for the next.
final class SoundMemory: @unchecked Sendable {
    let features = Scratch()
    let tokens = Scratch()
    let output = Scratch()
    let projected = Scratch()
    let runs = Scratch()
}
