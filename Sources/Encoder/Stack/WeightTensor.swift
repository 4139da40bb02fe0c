package import CastorNumerics

/// A matrix of weights, `[rows, columns]`, in memory or left in the file in the format that it came in.
///
/// Computation is in single precision whatever the storage: a value of the file is widened exactly when it is used.
package struct WeightTensor: Sendable {
    enum Storage: Sendable {
        case single(Matrix)
        /// Values of `type`, row after row, from `offset` on.
        case mapped(MappedFile, offset: Int, ScalarType)
        /// Eight bits a value from `offset` on, and from `scales` on what each group of a row's is to be multiplied with.
        case scaled(MappedFile, offset: Int, scales: Int)
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

    /// Eight bits a value.
    ///
    /// - Precondition: the file has the values and, from `scales` on, ``int8Groups(_:)`` f32 a row.
    package init(_ file: MappedFile, offset: Int, scales: Int, rows: Int, columns: Int) {
        precondition(offset >= 0 && rows * columns <= file.bytes.count - offset)
        precondition(scales >= 0 && 4 * rows * int8Groups(columns) <= file.bytes.count - scales)
        storage = .scaled(file, offset: offset, scales: scales)
        self.rows = rows
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
        case .scaled:
            let room = room()
            for (index, row) in rows.enumerated() {
                withRow(row) { convertInt8($0, scales: $1!, into: room.row(index), count: columns) }
            }
            return Block(room)
        }
    }

    var needsRoom: Bool {
        if case .single = storage { false } else { true }
    }

    /// How the rows lie in memory, and where a row begins.
    var format: RowFormat {
        switch storage {
        case .single, .mapped(_, _, .f32): .f32
        case .mapped(_, _, .bf16): .bf16
        case .mapped: .f16
        case .scaled: .i8
        }
    }

    func withRow(_ row: Int, _ body: (UnsafeRawPointer, _ scales: UnsafeRawPointer?) -> Void) {
        switch storage {
        case .single(let matrix): body(matrix.row(row), nil)
        case .mapped(let file, let offset, let type):
            body(file.bytes.baseAddress! + offset + row * columns * type.byteCount, nil)
        case .scaled(let file, let offset, let scales):
            let start = file.bytes.baseAddress!
            body(start + offset + row * columns, start + scales + row * 4 * int8Groups(columns))
        }
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
