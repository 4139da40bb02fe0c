package import CastorNumerics
import FoundationEssentials
import Synchronization

/// A model folder of format castor-2, opened. Weights stay in the file, mapped, in the format that they came in: what a content does not
/// need is never read.
package final class SpecModel: Sendable {
    package let path: String
    package let spec: ModelSpec
    package let tensors: SafeTensors
    private let weights: SpecWeights
    private let rotary: RotaryTables
    private let pool: WorkerPool
    private let memory = Mutex(SpecMemory())

    /// Opens a folder and checks that configuration and tensors belong together.
    package init(path: String, pool: WorkerPool) throws(ModelError) {
        let file = try MappedFile(path: "\(path)/\(Model.configurationName)")
        guard file.bytes.count <= 4 << 20 else {
            throw .configuration(key: "(whole file)", reason: "is larger than 4 MiB")
        }
        let spec = try ModelSpec(json: Data(file.bytes))
        let tensors = try SafeTensors(path: "\(path)/\(Model.weightsName)")
        self.path = path
        self.spec = spec
        self.tensors = tensors
        self.pool = pool
        rotary = RotaryTables()
        weights = try spec.weights(
            TensorSource(
                small: { (name, shape) throws(ModelError) in
                    _ = try tensors.entry(name, shape)
                    let values = Matrix(rows: shape.count == 2 ? shape[0] : 1, columns: shape[shape.count - 1])
                    try tensors.copy(name, into: values)
                    return values
                },
                large: { (name, shape) throws(ModelError) in
                    if let scales = try tensors.scales(of: name, shape) {
                        return WeightTensor(
                            tensors.file, offset: tensors.entries[name]!.range.lowerBound,
                            scales: scales.range.lowerBound, rows: shape[0], columns: shape[1])
                    }
                    let entry = try tensors.entry(name, shape)
                    return WeightTensor(
                        tensors.file, offset: entry.range.lowerBound, entry.type, rows: shape[0], columns: shape[1])
                })
        ) { (name, shape) throws(ModelError) in
            if let scales = try tensors.scales(of: name, shape) {
                return EmbeddingTable(name, in: tensors, scales: scales)
            }
            _ = try tensors.entry(name, shape)
            return EmbeddingTable(name, in: tensors)
        }
    }

    /// The same weights, with memory of its own.
    package init(beside other: SpecModel, pool: WorkerPool) {
        (path, spec, tensors) = (other.path, other.spec, other.tensors)
        (weights, rotary) = (other.weights, other.rotary)
        self.pool = pool
    }

    /// One row a content, `[n, output dimensions]`, before normalisation. Every value is finite.
    ///
    /// - Throws: ``ModelError/noTokens`` for a content without a token
    package func encode(_ batch: [EncoderInput]) throws(ModelError) -> Matrix {
        guard batch.allSatisfy({ $0.tokenCount > 0 }) else { throw .noTokens }
        let rows = try pass { (pass) throws(ModelError) in try pass.rows(batch) }
        try tensors.file.checkUnchanged()
        guard allFinite(rows.pointer, count: rows.count) else { throw .overflow(stage: "the forward pass") }
        return rows
    }

    /// What the body is given for pictures, one after the other, `[tokens, width of the body]`: for comparisons with a reference.
    package func tokens(of pictures: [PatchedPicture]) throws(ModelError) -> Matrix {
        try pass { (pass) throws(ModelError) in try pass.pictureTokens(pictures).0.copy() }
    }

    /// The same for sounds.
    package func tokens(of sounds: [SoundFrames]) throws(ModelError) -> Matrix {
        var runs = SoundRuns()
        for sound in sounds { runs.add(sound) }
        return try pass { (pass) throws(ModelError) in try pass.tokens(of: runs).0.copy() }
    }

    private func pass(_ body: (SpecPass) throws(ModelError) -> Matrix) throws(ModelError) -> Matrix {
        let result: Result<Matrix, ModelError> = memory.withLock { memory in
            let pass = SpecPass(spec: spec, weights: weights, rotary: rotary, pool: pool, memory: memory)
            do throws(ModelError) { return .success(try body(pass)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

extension SafeTensors {
    /// A tensor of weights with this shape.
    func entry(_ name: String, _ shape: [Int]) throws(ModelError) -> Entry {
        guard let entry = entries[name] else { throw .tensor(name: name, reason: "missing") }
        guard entry.type.isOfWeights else {
            throw .tensor(name: name, reason: "has dtype \(entry.type.rawValue), weights are F32, F16 or BF16")
        }
        guard entry.shape == shape else {
            throw .tensor(name: name, reason: "has shape \(entry.shape), the configuration says \(shape)")
        }
        return entry
    }

    /// What the groups of a matrix's rows in eight bits are to be multiplied with, F32 `[rows, groups]`; nil where it has another dtype. A tensor
    /// of its own, with ``scaleSuffix`` behind the name.
    func scales(of name: String, _ shape: [Int]) throws(ModelError) -> Entry? {
        guard let entry = entries[name], entry.type == .i8 else { return nil }
        guard entry.shape == shape, shape.count == 2 else {
            throw .tensor(name: name, reason: "has shape \(entry.shape), the configuration says \(shape)")
        }
        let own = name + Self.scaleSuffix
        let scales = try self.entry(own, [shape[0], int8Groups(shape[1])])
        guard scales.type == .f32 else {
            throw .tensor(name: own, reason: "has dtype \(scales.type.rawValue), scales are F32")
        }
        return scales
    }

    package static let scaleSuffix = ".scale"

    /// Throws for a model in eight bits, which cannot be trained.
    package func requireWideWeights() throws(ModelError) {
        guard let name = entries.keys.filter({ entries[$0]?.type == .i8 }).min() else { return }
        throw .tensor(
            name: name,
            reason:
                "is in eight bits, which cannot be trained, joined or averaged: import the model without --precision int8"
        )
    }
}
