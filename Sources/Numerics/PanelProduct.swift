internal import CKernels

/// What the factors of products with weights are rounded to where vectors are computed; sums are in single precision. What a processor has no
/// instructions for is computed in single precision.
package enum ComputePrecision: String, Sendable, CaseIterable {
    case single
    /// 8 bits of mantissa.
    case bfloat16
    /// 8 bits, and a scale for each ``int8GroupSize`` values of a row.
    case int8
}

/// What computes ``panelProduct(_:weights:_:scales:bias:beta:into:kernel:)``.
package enum PanelKernel: Sendable, Equatable, CaseIterable {
    /// In single precision, both with the same bits.
    case avx2, avx512
    /// AVX512-BF16.
    case bfloat16
    /// In eight bits, by AVX512-VNNI or AVX2, with the same bits.
    case int8, int8AVX2

    /// Those that this processor has.
    package static let all = allCases.filter { castor_panels_available($0.value) }

    /// The one beside a kernel for few rows; nil where there is none.
    package init?(_ precision: ComputePrecision, beside rows: RowKernel?) {
        switch (precision, rows) {
        case (_, nil): return nil
        case (.bfloat16, _) where Self.all.contains(.bfloat16): self = .bfloat16
        case (.int8, _) where Self.all.contains(.int8): self = .int8
        case (.int8, _) where Self.all.contains(.int8AVX2): self = .int8AVX2
        case (_, .avx2): self = .avx2
        case (_, .avx512): self = .avx512
        }
    }

    package var precision: ComputePrecision {
        switch self {
        case .avx2, .avx512: .single
        case .bfloat16: .bfloat16
        case .int8, .int8AVX2: .int8
        }
    }

    /// Rows from which on it is the faster one (docs/performance.md). Fewer are computed in single precision whatever the others are.
    package var leastRows: Int {
        switch self {
        case .avx2, .avx512: 128
        case .bfloat16: 24
        case .int8: 8
        case .int8AVX2: 48
        }
    }

    /// Of the same processors, for fewer rows.
    fileprivate var ofFewRows: RowKernel { self == .avx2 || self == .int8AVX2 ? .avx2 : .avx512 }

    fileprivate var value: castor_panels_kernel {
        switch self {
        case .avx2: CASTOR_PANELS_AVX2
        case .avx512: CASTOR_PANELS_AVX512
        case .bfloat16: CASTOR_PANELS_BFLOAT16
        case .int8: CASTOR_PANELS_INT8
        case .int8AVX2: CASTOR_PANELS_INT8_AVX2
        }
    }
}

/// `output = x W^T + bias + beta output`, on the calling thread.
///
/// A row's bits depend neither on the rows beside it nor on how columns are divided among threads: every output is summed in one order.
/// Weights are read where they are, and brought into the kernel's order a quarter of a megabyte at a time.
///
/// - Parameters:
///   - input: `[m, k]`; what is no number makes none
///   - weights: n rows of k values
///   - scales: of W in eight bits, ``int8Groups(_:)`` f32 a row at any address
///   - bias: `[n]`
///   - output: `[m, n]`
/// - Returns: false, and nothing is done, where memory is missing
package func panelProduct(
    _ input: Block, weights: UnsafeRawPointer, _ format: RowFormat, scales: UnsafeRawPointer? = nil,
    bias: UnsafePointer<Float>? = nil, beta: Float = 0, into output: Block, kernel: PanelKernel
) -> Bool {
    precondition(output.rows == input.rows && (scales != nil) == (format == .i8))
    return castor_panels_product(
        kernel.value, format.value, input.rows, output.columns, input.columns, input.pointer, input.stride, weights,
        scales, bias, beta, output.pointer, output.stride)
}

/// The same with weights in single precision and any number of rows: by the kernel for few rows where there are.
package func weightProduct(
    _ input: Block, weights: UnsafePointer<Float>, beta: Float = 0, into output: Block, kernel: PanelKernel
) -> Bool {
    if input.rows >= kernel.leastRows {
        return panelProduct(input, weights: weights, .f32, beta: beta, into: output, kernel: kernel)
    }
    precondition(output.rows == input.rows)
    return castor_few_rows_product(
        kernel.ofFewRows.value, RowFormat.f32.value, input.rows, output.columns, input.columns, input.pointer,
        input.stride, weights, nil, nil, beta, output.pointer, output.stride)
}
