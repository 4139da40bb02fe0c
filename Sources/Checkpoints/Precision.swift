import CastorNumerics
import Encoder

/// In what format weights are written.
package enum Precision: String, Sendable, CaseIterable {
    case float32
    case bfloat16
    /// Eight bits a value, with a scale for each 64 values of a row of a matrix.
    case int8
}

extension TensorPlan {
    /// Values that are converted at a time.
    private static let piece = 1 << 16

    /// What is written for the tensor: itself, and for a matrix in eight bits its scales, too. Vectors (norms, biases) are few values on which
    /// many depend: they are never made narrower.
    ///
    /// - Parameter isMatrix: of those in ``ModelSpec/matrixNames()``
    func streamed(_ precision: Precision?, isMatrix: Bool) -> [StreamedTensor] {
        switch precision {
        case nil: [streamed]
        case .float32: [type == .f32 ? streamed : converted(to: .f32)]
        case .bfloat16: [type == .bf16 || shape.count < 2 ? streamed : converted(to: .bf16)]
        case .int8: isMatrix ? [scales, rounded] : [streamed]
        }
    }

    private func converted(to type: ScalarType) -> StreamedTensor {
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

    // MARK: - Eight bits

    private var scales: StreamedTensor {
        StreamedTensor(name: name + SafeTensors.scaleSuffix, type: .f32, shape: [shape[0], int8Groups(shape[1])]) {
            (sink) throws(ModelError) in
            try eachRow { (_, scales) throws(ModelError) in try sink(scales) }
        }
    }

    private var rounded: StreamedTensor {
        StreamedTensor(name: name, type: .i8, shape: shape) { (sink) throws(ModelError) in
            try eachRow { (values, _) throws(ModelError) in try sink(values) }
        }
    }

    /// Each row in eight bits, and its scales.
    ///
    /// - Throws: where a value is not finite
    private func eachRow(
        _ body: (UnsafeRawBufferPointer, _ scales: UnsafeRawBufferPointer) throws(ModelError) -> Void
    ) throws(ModelError) {
        let (own, columns) = (streamed, shape[1])
        let row = FloatBuffer(count: columns)
        let values = UnsafeMutablePointer<Int8>.allocate(capacity: columns)
        defer { values.deallocate() }
        let scales = FloatBuffer(count: int8Groups(columns))
        var filled = 0
        try own.write { (bytes) throws(ModelError) in
            var start = 0
            while start < bytes.count {
                let count = min(columns - filled, (bytes.count - start) / own.type.byteCount)
                precondition(count > 0, "a tensor came in pieces of part of a value")
                widen(bytes.baseAddress! + start, own.type, into: row.pointer + filled, count: count)
                start += count * own.type.byteCount
                filled += count
                guard filled == columns else { continue }
                guard allFinite(row.pointer, count: columns) else {
                    throw .tensor(name: name, reason: "holds a value that is not finite")
                }
                roundToInt8(row.pointer, into: values, scales: scales.pointer, count: columns)
                try body(
                    UnsafeRawBufferPointer(start: values, count: columns),
                    UnsafeRawBufferPointer(start: scales.pointer, count: 4 * scales.count))
                filled = 0
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
