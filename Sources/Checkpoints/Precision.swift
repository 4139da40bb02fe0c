import CastorNumerics
import Encoder

/// In what format weights are written.
package enum Precision: String, Sendable, CaseIterable {
    case float32
    case bfloat16

    private var type: ScalarType {
        switch self {
        case .float32: .f32
        case .bfloat16: .bf16
        }
    }

    /// The format of a tensor that has another now; nil where it stays as it is. Vectors (norms, biases) are few values on which many
    /// depend: they are never made narrower.
    func type(of tensor: TensorPlan) -> ScalarType? {
        guard type != tensor.type else { return nil }
        return self == .bfloat16 && tensor.shape.count < 2 ? nil : type
    }
}

extension TensorPlan {
    /// Values that are converted at a time.
    private static let piece = 1 << 16

    func streamed(_ precision: Precision?) -> StreamedTensor {
        guard let type = precision?.type(of: self) else { return streamed }
        let own = streamed
        return StreamedTensor(name: name, type: type, shape: shape) { (sink) throws(ModelError) in
            let values = FloatBuffer(count: Self.piece)
            try own.write { (bytes) throws(ModelError) in
                var start = 0
                while start < bytes.count {
                    let count = min(Self.piece, (bytes.count - start) / own.type.byteCount)
                    precondition(count > 0, "a tensor came in pieces of part of a value")
                    widen(bytes.baseAddress! + start, own.type, into: values.pointer, count: count)
                    if type == .bf16 { roundToBrainFloat(values.pointer, count: count) }
                    try sink(UnsafeRawBufferPointer(start: values.pointer, count: count * type.byteCount))
                    start += count * own.type.byteCount
                }
            }
        }
    }
}

/// f32 to the bits of bfloat16, rounded to nearest even, in place: two bytes a value from the start on.
private func roundToBrainFloat(_ values: UnsafeMutablePointer<Float>, count: Int) {
    let halves = UnsafeMutableRawPointer(values)
    for index in 0..<count {
        let bits = values[index].bitPattern
        // A NaN must not become an infinity.
        let rounded =
            values[index].isNaN ? bits >> 16 | 0x40 : (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16
        halves.storeBytes(of: UInt16(truncatingIfNeeded: rounded), toByteOffset: 2 * index, as: UInt16.self)
    }
}
