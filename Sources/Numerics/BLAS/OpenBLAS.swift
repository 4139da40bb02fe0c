internal import COpenBLAS
import Glibc
import Synchronization

// Pointers to functions.
extension castor_openblas: @retroactive @unchecked Sendable {}

/// OpenBLAS, loaded by the first call that needs it and for good.
package enum OpenBLAS {
    /// Address space that it takes for each thread that multiplies.
    package static let bufferBytes = CASTOR_OPENBLAS_BUFFER

    /// `cblas_sgemm`.
    package typealias SGEMM =
        @convention(c) (
            Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>?, Int32, UnsafePointer<Float>?, Int32,
            Float,
            UnsafeMutablePointer<Float>?, Int32
        ) -> Void

    /// Families whose products count as wrong: for tests of what follows, and set before the first use.
    package nonisolated(unsafe) static var refused: Set<String> = []

    private static let loaded: Result<(functions: castor_openblas, choice: KernelChoice), BLASError> = {
        do throws(BLASError) {
            return .success(try load())
        } catch {
            return .failure(error)
        }
    }()

    /// Its functions. Whoever may meet a machine without it asks ``BLAS/prepare(threads:)`` first.
    static let functions: castor_openblas = {
        switch loaded {
        case .success(let library): library.functions
        case .failure(let error): fatalError(error.description)
        }
    }()

    package static let sgemm: SGEMM = functions.sgemm

    /// What it runs, and why.
    package static var choice: KernelChoice {
        get throws(BLASError) { try loaded.get().choice }
    }

    private static func load() throws(BLASError) -> (castor_openblas, KernelChoice) {
        try KernelSearch<castor_openblas>(
            processor: .current, setting: getenv("OPENBLAS_CORETYPE").map { String(cString: $0) },
            open: { (family) throws(BLASError) in try open(family) },
            close: { blas in
                var blas = blas
                castor_openblas_close(&blas)
            },
            name: { String(cString: $0.core_name()!) }, wasThere: { $0.was_there },
            isRight: { TrialProducts.areRight($0.sgemm) && !refused.contains(String(cString: $0.core_name()!)) }
        )()
    }

    private static func open(_ family: KernelFamily?) throws(BLASError) -> castor_openblas {
        var blas = castor_openblas()
        var message = [CChar](repeating: 0, count: 512)
        guard castor_openblas_open(&blas, family?.rawValue, &message, message.count) else {
            // The loader's message does not tell that it lacks memory.
            guard AddressSpace.hasRoom(bufferBytes) else { throw .noRoom }
            throw .missing(reason: message.withUnsafeBufferPointer { String(cString: $0.baseAddress!) })
        }
        // Trial products need it.
        guard castor_openblas_reserve(&blas, 1, 0) == 1 else {
            castor_openblas_close(&blas)
            throw .noRoom
        }
        return blas
    }
}

/// Facts about the BLAS library in use.
package enum BLAS {
    /// Loads the library, chooses its kernels and takes the memory that they need, so that none of it can fail later.
    ///
    /// - Returns: `threads`, or as many threads as there is room for.
    package static func prepare(threads: Int) throws(BLASError) -> Int {
        _ = try OpenBLAS.choice
        // A second caller shares the processor with the first, whose buffers may be in use.
        let known: Int32 = isPrepared.exchange(true, ordering: .relaxed) ? 0 : 1
        let count = withUnsafePointer(to: OpenBLAS.functions) {
            Int(castor_openblas_reserve($0, Int32(clamping: threads), known))
        }
        guard count > 0 else { throw .noRoom }
        return count
    }

    private static let isPrepared = Atomic<Bool>(false)

    /// Cores that this process may use.
    package static let availableCores = Int(castor_available_cores())

    /// Version, build and kernel family, as in "OpenBLAS 0.3.21 ... Zen MAX_THREADS=64".
    package static var description: String { String(cString: OpenBLAS.functions.config()!) }
}

extension WorkerPool {
    /// A pool of this many threads, by default one for each core, or of as many as there is room for.
    package convenience init(upTo threads: Int?, precision: ComputePrecision = .single) throws(BLASError) {
        self.init(
            threads: try BLAS.prepare(threads: max(1, threads ?? BLAS.availableCores)), precision: precision)
    }
}
