import Encoder
import Glibc

/// How a tensor of the model is computed of those of a checkpoint, where it is not made of their rows. It is written in single precision.
struct TensorMaking: Sendable {
    /// Of each source.
    let shapes: [[Int]]
    /// From the sources' values to the tensor's, row by row.
    let values: @Sendable ([[Float]]) -> [Float]

    /// The values of a source with its axes in another order: axis i of the result is the source's `order[i]`.
    static func permuted(_ shape: [Int], _ order: [Int]) -> TensorMaking {
        precondition(order.sorted() == Array(shape.indices), "each axis once")
        return TensorMaking(shapes: [shape]) { sources in
            var steps = Array(repeating: 1, count: shape.count)
            for axis in shape.indices.reversed().dropFirst() { steps[axis] = steps[axis + 1] * shape[axis + 1] }
            let (lengths, strides) = (order.map { shape[$0] }, order.map { steps[$0] })
            var place = Array(repeating: 0, count: shape.count)
            var source = 0
            return (0..<sources[0].count).map { _ in
                let value = sources[0][source]
                for axis in lengths.indices.reversed() {
                    place[axis] += 1
                    source += strides[axis]
                    if place[axis] < lengths[axis] { break }
                    source -= lengths[axis] * strides[axis]
                    place[axis] = 0
                }
                return value
            }
        }
    }

    /// The bounds of a product from four numbers. Those at infinity, which bind nothing, become the largest numbers.
    static let bounds = TensorMaking(shapes: [[], [], [], []]) { sources in
        sources.map { max(-Float.greatestFiniteMagnitude, min($0[0], Float.greatestFiniteMagnitude)) }
    }

    /// - Parameter count: of the tensor's values
    func write(
        _ tensors: [CheckpointTensors.Tensor], count: Int,
        _ sink: (UnsafeRawBufferPointer) throws(ModelError) -> Void
    ) throws(ModelError) {
        var sources: [[Float]] = []
        for tensor in tensors { sources.append(try tensor.singles()) }
        let made = values(sources)
        precondition(made.count == count, "\(made.count) values, \(count) are wanted")
        let result: Result<Void, ModelError> = made.withUnsafeBytes { bytes in
            do throws(ModelError) { return .success(try sink(bytes)) } catch { return .failure(error) }
        }
        try result.get()
    }
}

extension CheckpointTensors.Tensor {
    /// The values in single precision.
    fileprivate func singles() throws(ModelError) -> [Float] {
        var all: [Float] = []
        all.reserveCapacity(byteCount / type.byteCount)
        try read(0..<byteCount) { (bytes) throws(ModelError) in
            all += Array(unsafeUninitializedCapacity: bytes.count / type.byteCount) { values, count in
                count = bytes.count / type.byteCount
                if let start = bytes.baseAddress, count > 0 {
                    widen(start, type, into: values.baseAddress!, count: count)
                }
            }
        }
        return all
    }
}
