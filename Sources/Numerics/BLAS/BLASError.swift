/// Why this machine cannot multiply.
package enum BLASError: Error, Sendable, Equatable {
    /// The library is not there, or is another one of that name.
    case missing(reason: String)
    /// The user's OPENBLAS_CORETYPE asks for kernels that this processor cannot run.
    case unusable(kernels: String, processor: String)
    /// Each of these families gave a wrong product.
    case wrong(kernels: [String])
    /// No room for the buffer of a single thread.
    case noRoom
}

extension BLASError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let reason): "OpenBLAS cannot be loaded (Debian's package libopenblas0-pthread): \(reason)"
        case .unusable(let kernels, let processor):
            "OPENBLAS_CORETYPE asks OpenBLAS for its kernels \(kernels), which this processor cannot run: \(processor)"
        case .wrong(let kernels):
            "OpenBLAS multiplies wrongly on this processor: kernels \(kernels.joined(separator: ", "))"
        case .noRoom:
            "no room for OpenBLAS: each thread that computes needs \(OpenBLAS.bufferBytes >> 20) MiB of address space for itself"
                + OutOfMemory.bound
        }
    }
}
