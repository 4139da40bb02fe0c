package import CastorNumerics

/// A matrix of weights, `[rows, columns]`, in memory or left in the file in the format that it came in.
///
/// Computation is in single precision whatever the storage: a value of the file is widened exactly when it is used.
package struct WeightTensor: Sendable {
    enum Storage: Sendable {
        case single(Matrix)
        /// Values of `type`, row after row, from `offset` on.
        case mapped(MappedFile, offset: Int, ScalarType)
        /// Eight bits a value from `offset` on, and what each row's are to be multiplied with, `[rows]`.
        case scaled(MappedFile, offset: Int, scales: Matrix)
    }

    let storage: Storage
    package let rows: Int
    package let columns: Int

    package init(_ matrix: Matrix) {
        storage = .single(matrix)
        rows = matrix.rows
        columns = matrix.columns
    }

    /// - Precondition: the file has the values.
    package init(_ file: MappedFile, offset: Int, _ type: ScalarType, rows: Int, columns: Int) {
        precondition(offset >= 0 && rows * columns * type.byteCount <= file.bytes.count - offset)
        storage = .mapped(file, offset: offset, type)
        self.rows = rows
        self.columns = columns
    }

    /// - Precondition: the file has the values.
    package init(_ file: MappedFile, offset: Int, scales: Matrix, columns: Int) {
        precondition(offset >= 0 && scales.count * columns <= file.bytes.count - offset)
        storage = .scaled(file, offset: offset, scales: scales)
        rows = scales.count
        self.columns = columns
    }

    /// Rows of the weight in single precision: its own memory, or `room` after widening.
    ///
    /// - Parameter room: for `rows.count * columns` values, where ``needsRoom``
    func widened(_ rows: Range<Int>, room: () -> Matrix) -> Block {
        switch storage {
        case .single(let matrix): return Block(matrix[rows])
        case .mapped(let file, let offset, let type):
            let room = room()
            let start = file.bytes.baseAddress! + offset + rows.lowerBound * columns * type.byteCount
            widen(start, type, into: room.pointer, count: rows.count * columns)
            return Block(room)
        case .scaled(let file, let offset, let scales):
            let room = room()
            for (index, row) in rows.enumerated() {
                let start = file.bytes.baseAddress! + offset + row * columns
                convertInt8(start, scale: scales.pointer[row], into: room.row(index), count: columns)
            }
            return Block(room)
        }
    }

    var needsRoom: Bool {
        if case .single = storage { false } else { true }
    }
}

/// Exactly, whatever is there: infinities and NaNs too, but for half precision (see ``convertHalf(_:into:count:)``).
package func widen(_ input: UnsafeRawPointer, _ type: ScalarType, into output: UnsafeMutablePointer<Float>, count: Int)
{
    switch type {
    case .f32: UnsafeMutableRawPointer(output).copyMemory(from: input, byteCount: 4 * count)
    case .bf16: convertBrainFloat(input, into: output, count: count)
    case .f16: convertHalf(input, into: output, count: count)
    default: preconditionFailure("weights of another dtype")
    }
}
