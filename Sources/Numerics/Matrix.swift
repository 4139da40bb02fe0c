/// A dense row-major f32 matrix, `rows` x `columns`, that shares its memory with its copies and its row ranges.
///
/// A vector is a matrix of one row. Copying is cheap and aliases; use ``copy()`` for independent memory.
package struct Matrix: Sendable {
    package let buffer: FloatBuffer
    package let offset: Int
    package let rows: Int
    package let columns: Int

    /// A zero matrix with memory of its own.
    package init(rows: Int, columns: Int) {
        self.init(buffer: FloatBuffer(count: rows * columns), rows: rows, columns: columns)
    }

    /// The same, for a large one that can be refused.
    package init(rowsOrThrow rows: Int, columns: Int) throws(OutOfMemory) {
        self.init(buffer: try FloatBuffer(orThrow: rows * columns), rows: rows, columns: columns)
    }

    /// The first `rows * columns` values of `buffer` from `offset` on.
    package init(buffer: FloatBuffer, offset: Int = 0, rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0 && offset >= 0 && offset + rows * columns <= buffer.count)
        self.buffer = buffer
        self.offset = offset
        self.rows = rows
        self.columns = columns
    }

    package init(rows: Int, columns: Int, values: [Float]) {
        precondition(values.count == rows * columns)
        self.init(rows: rows, columns: columns)
        values.withUnsafeBufferPointer {
            pointer.update(from: $0.baseAddress!, count: values.isEmpty ? 0 : values.count)
        }
    }

    package var count: Int { rows * columns }

    /// The first value. Valid as long as some matrix or block that shares the buffer is alive: a named one is until the last use
    /// of unsafe memory in its scope, as Swift defines the lifetime of variables; what leaves the scope is a ``Block``.
    package var pointer: UnsafeMutablePointer<Float> { buffer.pointer + offset }

    /// The first value of row `index`.
    package func row(_ index: Int) -> UnsafeMutablePointer<Float> {
        assert(index >= 0 && index < max(rows, 1))
        return pointer + index * columns
    }

    /// The rows of `range`, in the same memory.
    package subscript(range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows)
        return Matrix(
            buffer: buffer, offset: offset + range.lowerBound * columns, rows: range.count, columns: columns)
    }

    package var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

    package func copy() -> Matrix {
        let result = Matrix(rows: rows, columns: columns)
        result.pointer.update(from: pointer, count: count)
        return result
    }

    package func fill(_ value: Float) {
        pointer.update(repeating: value, count: count)
    }
}

/// Memory that grows and is reused: `take` hands out the same buffer again, so the contents of earlier calls are gone.
package final class Scratch: @unchecked Sendable {
    private var buffer = FloatBuffer(count: 0)

    package init() {}

    /// A matrix whose contents are unspecified.
    package func take(rows: Int, columns: Int) -> Matrix {
        if buffer.count < rows * columns { buffer = FloatBuffer(count: rows * columns) }
        return Matrix(buffer: buffer, rows: rows, columns: columns)
    }

    /// Sees to it that taking so much needs no memory.
    package func reserve(rows: Int, columns: Int) throws(OutOfMemory) {
        guard buffer.count < rows * columns else { return }
        // Not both at once.
        buffer = FloatBuffer(count: 0)
        buffer = try FloatBuffer(orThrow: rows * columns)
    }

    /// Bytes held.
    package var byteCount: Int { buffer.count * MemoryLayout<Float>.stride }
}
