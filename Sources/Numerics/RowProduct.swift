internal import CKernels

/// What computes ``rowProduct(_:weights:scales:bias:beta:into:)``.
package enum RowKernel: Sendable, Equatable, CaseIterable {
    case avx2, avx512

    /// The best that this processor has; nil for none.
    package static let best: RowKernel? =
        switch castor_rows_best() {
        case CASTOR_ROWS_AVX512: .avx512
        case CASTOR_ROWS_AVX2: .avx2
        default: nil
        }

    /// Those that this processor has.
    package static var all: [RowKernel] {
        switch best {
        case .avx512: [.avx2, .avx512]
        case .avx2: [.avx2]
        case nil: []
        }
    }

    fileprivate var value: castor_rows_kernel {
        switch self {
        case .avx2: CASTOR_ROWS_AVX2
        case .avx512: CASTOR_ROWS_AVX512
        }
    }
}

/// How a weight lies in memory.
package enum RowFormat: Sendable, CaseIterable {
    case f32, bf16, f16, i8

    var value: castor_rows_format {
        switch self {
        case .f32: CASTOR_ROWS_F32
        case .bf16: CASTOR_ROWS_BF16
        case .f16: CASTOR_ROWS_F16
        case .i8: CASTOR_ROWS_I8
        }
    }

    package var byteCount: Int {
        switch self {
        case .f32: 4
        case .bf16, .f16: 2
        case .i8: 1
        }
    }
}

/// Rows in the order in which a product reads them, for as many products as one likes.
package struct PackedRows {
    fileprivate let kernel: RowKernel
    fileprivate let format: RowFormat
    fileprivate let room: Matrix
    package let rows: Int
    package let columns: Int

    /// - Parameters:
    ///   - input: `[m, k]`
    ///   - bounds: to which values are cut
    ///   - scratch: where they lie, until it is taken again
    package init(
        _ input: Block, for kernel: RowKernel, _ format: RowFormat, bounds: ClosedRange<Float>? = nil,
        _ scratch: Scratch
    ) {
        let count = castor_rows_room(kernel.value, input.rows, input.columns)
        room = scratch.take(rows: 1, columns: count)
        (rows, columns) = (input.rows, input.columns)
        (self.kernel, self.format) = (kernel, format)
        let limits = bounds.map { ($0.lowerBound, $0.upperBound) }
        func pack(_ limits: UnsafePointer<Float>?) {
            castor_rows_pack(
                kernel.value, format.value, rows, columns, input.pointer, input.stride, limits, room.pointer)
        }
        if let limits {
            withUnsafeBytes(of: limits) { pack($0.baseAddress!.assumingMemoryBound(to: Float.self)) }
        } else {
            pack(nil)
        }
    }
}

/// `output = x W^T + bias + beta output`, on the calling thread, in single precision whatever the format of W is.
///
/// A row's bits depend neither on the rows beside it nor on how columns are divided among threads. Weights are read where they are, once for
/// some hundred rows: a product of few rows takes as long as reading them (docs/performance.md).
///
/// - Parameters:
///   - weights: n rows of k values
///   - scales: of W in eight bits, ``int8Groups(_:)`` f32 a row at any address
///   - bias: `[n]`
///   - output: `[m, n]`
package func rowProduct(
    _ x: PackedRows, weights: UnsafeRawPointer, scales: UnsafeRawPointer? = nil, bias: UnsafePointer<Float>? = nil,
    beta: Float = 0, into output: Block
) {
    precondition(output.rows == x.rows && (scales != nil) == (x.format == .i8))
    castor_rows_product(
        x.kernel.value, x.format.value, x.rows, output.columns, x.columns, x.room.pointer, weights, scales, bias, beta,
        output.pointer, output.stride)
}
