private import CKernels

/// What a feed-forward layer applies to its hidden values, in rows of any length.
package enum ActivationFunction: Sendable, CaseIterable {
    /// ``exactGELU(_:)``, ``gelu(_:)-(Lanes)``, ``quickGELU(_:)``, ``silu(_:)``
    case gelu, geluTanh, quickGELU, silu

    fileprivate var value: castor_activation {
        switch self {
        case .gelu: CASTOR_GELU
        case .geluTanh: CASTOR_GELU_TANH
        case .quickGELU: CASTOR_GELU_QUICK
        case .silu: CASTOR_SILU
        }
    }
}

/// `output = function(input)`, times `factor` where there is one, of `count` values; `output` may be either. Every processor gives the same bits.
///
/// - Parameter kernel: ``RowKernel/best`` or less
package func activate(
    _ function: ActivationFunction, _ input: UnsafePointer<Float>, times factor: UnsafePointer<Float>? = nil,
    into output: UnsafeMutablePointer<Float>, count: Int, kernel: RowKernel? = .best
) {
    let whole: Int
    switch kernel {
    case nil: whole = 0
    case .avx2:
        whole = count & ~7
        castor_activate_avx2(function.value, input, factor, output, whole)
    case .avx512:
        whole = count & ~15
        castor_activate_avx512(function.value, input, factor, output, whole)
    }
    let (x, y, rest) = (input + whole, output + whole, count - whole)
    guard let factor else {
        switch function {
        case .gelu: map(x, into: y, count: rest) { exactGELU($0) }
        case .geluTanh: map(x, into: y, count: rest) { gelu($0) }
        case .quickGELU: map(x, into: y, count: rest) { CastorNumerics.quickGELU($0) }
        case .silu: map(x, into: y, count: rest) { CastorNumerics.silu($0) }
        }
        return
    }
    switch function {
    case .gelu: map(x, factor + whole, into: y, count: rest) { exactGELU($0) * $1 }
    case .geluTanh: map(x, factor + whole, into: y, count: rest) { gelu($0) * $1 }
    case .quickGELU: map(x, factor + whole, into: y, count: rest) { CastorNumerics.quickGELU($0) * $1 }
    case .silu: map(x, factor + whole, into: y, count: rest) { CastorNumerics.silu($0) * $1 }
    }
}
