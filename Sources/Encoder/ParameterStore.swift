package import CastorNumerics

/// Named f32 tensors in one piece of memory: the parameters that training changes, and everything of the same shape
/// (gradients, moments, averages).
///
/// The memory is shared and unsynchronised, as ``FloatBuffer``'s.
package final class ParameterStore: Sendable {
    package let tensors: [NamedTensor]
    private let places: [String: Int]
    private let buffer: FloatBuffer

    /// Every tensor starts on a cache line.
    private static let alignment = 16

    /// Zeros.
    ///
    /// - Precondition: names are unique.
    package init(_ shapes: [(name: String, shape: [Int])]) {
        let sizes = shapes.map { $0.shape.reduce(1, *) }
        let padded = sizes.map { ($0 + Self.alignment - 1) / Self.alignment * Self.alignment }
        buffer = FloatBuffer(count: padded.reduce(0, +))
        var offset = 0
        var tensors: [NamedTensor] = []
        for (index, (name, shape)) in shapes.enumerated() {
            let rows = shape.count == 2 ? shape[0] : 1
            let values = Matrix(buffer: buffer, offset: offset, rows: rows, columns: sizes[index] / max(rows, 1))
            tensors.append(NamedTensor(name: name, shape: shape, values: values))
            offset += padded[index]
        }
        self.tensors = tensors
        places = Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ($1.name, $0) })
    }

    /// A vector is a matrix of one row.
    ///
    /// - Precondition: the store has a tensor with this name.
    package subscript(name: String) -> Matrix {
        guard let index = places[name] else { preconditionFailure("no tensor \(name)") }
        return tensors[index].values
    }

    package func index(of name: String) -> Int? { places[name] }

    package var shapes: [(name: String, shape: [Int])] { tensors.map { ($0.name, $0.shape) } }
    package var byteCount: Int { buffer.count * MemoryLayout<Float>.stride }

    /// Sets every value to 0.
    package func clear(_ pool: WorkerPool) {
        let pieces = pool.ranges(buffer.count, minimum: 1 << 16)
        pool.run(pieces.count) { index, _ in
            (buffer.pointer + pieces[index].lowerBound).update(repeating: 0, count: pieces[index].count)
        }
    }

    /// Takes over the values of a store with the same tensors.
    package func copy(from other: ParameterStore) {
        precondition(buffer.count == other.buffer.count && tensors.count == other.tensors.count)
        buffer.pointer.update(from: other.buffer.pointer, count: buffer.count)
    }
}

extension ParameterStore {
    /// Random weights of an untrained model, then `extra` tensors of zeros.
    package convenience init(
        untrained configuration: Configuration, seed: UInt64, extra: [(name: String, shape: [Int])] = []
    ) {
        self.init(configuration.tensorShapes + extra)
        for tensor in Initialization.tensors(configuration, seed: seed) {
            self[tensor.name].pointer.update(from: tensor.values.pointer, count: tensor.values.count)
        }
    }

    /// The weights of a model's file, then `extra` tensors of zeros.
    package convenience init(
        of model: Model, extra: [(name: String, shape: [Int])] = []
    ) throws(ModelError) {
        self.init(model.configuration.tensorShapes + extra)
        for (name, _) in model.configuration.tensorShapes {
            try model.tensors.copy(name, into: self[name])
        }
    }

    /// Some tensors of a file, in single precision, then `extra` tensors of zeros.
    package convenience init(
        _ shapes: [(name: String, shape: [Int])], of tensors: SafeTensors, extra: [(name: String, shape: [Int])] = []
    ) throws(ModelError) {
        self.init(shapes + extra)
        for (name, _) in shapes { try tensors.copy(name, into: self[name]) }
    }
}
