private import CKernels
internal import COpenBLAS

/// A rectangle inside row-major memory: what a BLAS call sees of a matrix. It keeps the memory, so that a matrix may end before
/// its blocks.
package struct Block: @unchecked Sendable {
    private let buffer: FloatBuffer
    package let pointer: UnsafeMutablePointer<Float>
    package let rows: Int
    package let columns: Int
    /// Values between the starts of two rows.
    package let stride: Int

    private init(_ buffer: FloatBuffer, _ pointer: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int) {
        assert(stride >= columns)
        self.buffer = buffer
        self.pointer = pointer
        self.rows = rows
        self.columns = columns
        self.stride = stride
    }

    package init(_ matrix: Matrix) {
        self.init(
            matrix.buffer, matrix.pointer, rows: matrix.rows, columns: matrix.columns, stride: matrix.columns)
    }

    package init(_ matrix: Matrix, rows: Range<Int>, columns: Range<Int>) {
        assert(rows.upperBound <= matrix.rows && columns.upperBound <= matrix.columns)
        self.init(
            matrix.buffer, matrix.pointer + rows.lowerBound * matrix.columns + columns.lowerBound,
            rows: rows.count, columns: columns.count, stride: matrix.columns)
    }

    /// Another shape in the memory of a matrix, from its value `offset` on.
    package init(_ memory: Matrix, offset: Int = 0, rows: Int, columns: Int, stride: Int) {
        assert(offset >= 0 && (rows == 0 || offset + (rows - 1) * stride + columns <= memory.count))
        self.init(memory.buffer, memory.pointer + offset, rows: rows, columns: columns, stride: stride)
    }

    /// The rows of `range`.
    package func rows(_ range: Range<Int>) -> Block {
        assert(range.lowerBound >= 0 && range.upperBound <= rows)
        return Block(buffer, pointer + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
    }

    /// One row as `count` rows of equal length.
    package func row(_ index: Int, as count: Int) -> Block {
        assert(index >= 0 && index < rows && columns % count == 0)
        let length = columns / count
        return Block(buffer, pointer + index * stride, rows: count, columns: length, stride: length)
    }

    /// The columns of `range`.
    package func columns(_ range: Range<Int>) -> Block {
        assert(range.lowerBound >= 0 && range.upperBound <= columns)
        return Block(buffer, pointer + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }
}

package enum Transpose: Sendable {
    case no, yes

    fileprivate var value: Int32 {
        Int32(self == .no ? CASTOR_NO_TRANSPOSE : CASTOR_TRANSPOSE)
    }
}

/// What the factors of a product are rounded to. Sums are in single precision either way.
package enum ProductPrecision: String, Sendable, Equatable, CaseIterable, Codable {
    case single
    /// 8 bits of mantissa (relative error at most 2^-9 a factor), faster where the processor has instructions for it (docs/performance.md).
    case bfloat16

    /// Whether this processor has the instructions.
    package var isAvailable: Bool { self == .single || castor_bfloat16_available() }
}

/// C = alpha op(A) op(B) + beta C, on the calling thread alone: through OpenBLAS in single precision, else by our own kernel.
///
/// Shapes: op(A) `[m, k]`, op(B) `[k, n]`, C `[m, n]`. The precision must be available.
package func gemm(
    _ a: Block, _ transposeA: Transpose = .no, _ b: Block, _ transposeB: Transpose = .no, into c: Block,
    alpha: Float = 1, beta: Float = 0, precision: ProductPrecision = .single
) {
    let (m, k) = transposeA == .no ? (a.rows, a.columns) : (a.columns, a.rows)
    let (kOfB, n) = transposeB == .no ? (b.rows, b.columns) : (b.columns, b.rows)
    precondition(k == kOfB && c.rows == m && c.columns == n, "gemm: shapes do not match")
    guard m > 0, n > 0 else { return }
    if precision == .bfloat16, k > 0 {
        let isDone = castor_bfloat16_gemm(
            transposeA == .yes, transposeB == .yes, m, n, k, alpha, a.pointer, a.stride, b.pointer, b.stride, beta,
            c.pointer, c.stride)
        precondition(isDone, "gemm: no bfloat16 on this processor, or no memory")
        return
    }
    OpenBLAS.sgemm(
        Int32(CASTOR_ROW_MAJOR), transposeA.value, transposeB.value, Int32(m), Int32(n), Int32(k), alpha, a.pointer,
        Int32(a.stride), b.pointer, Int32(b.stride), beta, c.pointer, Int32(c.stride))
}

extension WorkerPool {
    /// ``gemm(_:_:_:_:into:alpha:beta:)`` divided among the workers along the longer side of C. The division depends on
    /// shapes and thread count alone, so that the bits do too.
    package func gemm(
        _ a: Block, _ transposeA: Transpose = .no, _ b: Block, _ transposeB: Transpose = .no, into c: Block,
        alpha: Float = 1, beta: Float = 0, precision: ProductPrecision = .single
    ) {
        if c.rows >= c.columns {
            let pieces = ranges(c.rows, minimum: 16)
            run(pieces.count) { index, _ in
                let piece = pieces[index]
                CastorNumerics.gemm(
                    transposeA == .no ? a.rows(piece) : a.columns(piece), transposeA, b, transposeB,
                    into: c.rows(piece), alpha: alpha, beta: beta, precision: precision)
            }
        } else {
            let pieces = ranges(c.columns, minimum: 16)
            run(pieces.count) { index, _ in
                let piece = pieces[index]
                CastorNumerics.gemm(
                    a, transposeA, transposeB == .no ? b.columns(piece) : b.rows(piece), transposeB,
                    into: c.columns(piece), alpha: alpha, beta: beta, precision: precision)
            }
        }
    }
}
