import Glibc

/// The speed that this machine's BLAS has at this moment, on all cores.
enum GEMM {
    /// The size of castor-small's largest product over 1,024 tokens.
    private static let (m, n, k) = (1_024, 1_536, 384)

    /// OpenBLAS with the kernels that Castor has chosen: linked, it would choose its own before the program begins.
    private static let library: UnsafeMutableRawPointer = {
        guard let library = dlopen("libopenblas.so.0", RTLD_LAZY | RTLD_NOLOAD) else {
            fatalError("the workload runs first: it loads OpenBLAS")
        }
        return library
    }()

    private typealias Multiply =
        @convention(c) (
            Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32, UnsafePointer<Float>, Int32,
            Float,
            UnsafeMutablePointer<Float>, Int32
        ) -> Void
    private static let multiply = unsafeBitCast(dlsym(library, "cblas_sgemm"), to: Multiply.self)
    private static let setThreads = unsafeBitCast(
        dlsym(library, "openblas_set_num_threads"), to: (@convention(c) (Int32) -> Void).self)
    private static let processors = unsafeBitCast(
        dlsym(library, "openblas_get_num_procs"), to: (@convention(c) () -> Int32).self)

    /// - Parameter seconds: about how long to measure, at most 0.3.
    static func gigaflops(seconds: Double) -> Double {
        // The library divides work above BLAS, one BLAS thread each; here BLAS itself may have all cores.
        setThreads(processors())
        defer { setThreads(1) }
        let a = [Float](repeating: 0.5, count: m * k)
        let b = [Float](repeating: 0.25, count: n * k)
        var c = [Float](repeating: 0, count: m * n)
        let (rowMajor, plain, transposed): (Int32, Int32, Int32) = (101, 111, 112)
        let operations = 2 * Double(m * n * k)
        let clock = ContinuousClock()
        var (count, elapsed) = (0.0, 0.0)
        while elapsed < min(seconds, 0.3) || count < 3 {
            elapsed +=
                clock.measure {
                    multiply(
                        rowMajor, plain, transposed, Int32(m), Int32(n), Int32(k), 1, a, Int32(k), b, Int32(k), 0, &c,
                        Int32(n))
                }.seconds
            count += 1
        }
        return operations * count / elapsed * 1e-9
    }
}
