import CBenchmarkBLAS

/// The speed that this machine's BLAS has at this moment, on all cores.
enum GEMM {
    /// The size of castor-small's largest product over 1,024 tokens.
    private static let (m, n, k) = (1_024, 1_536, 384)

    /// - Parameter seconds: about how long to measure, at most 0.3.
    static func gigaflops(seconds: Double) -> Double {
        // The library divides work above BLAS, one BLAS thread each; here BLAS itself may have all cores.
        openblas_set_num_threads(openblas_get_num_procs())
        defer { openblas_set_num_threads(1) }
        let a = [Float](repeating: 0.5, count: m * k)
        let b = [Float](repeating: 0.25, count: n * k)
        var c = [Float](repeating: 0, count: m * n)
        let operations = 2 * Double(m * n * k)
        let clock = ContinuousClock()
        var (count, elapsed) = (0.0, 0.0)
        while elapsed < min(seconds, 0.3) || count < 3 {
            elapsed +=
                clock.measure {
                    cblas_sgemm(
                        CblasRowMajor, CblasNoTrans, CblasTrans, blasint(m), blasint(n), blasint(k), 1, a, blasint(k),
                        b,
                        blasint(k), 0, &c, blasint(n))
                }.seconds
            count += 1
        }
        return operations * count / elapsed * 1e-9
    }
}
