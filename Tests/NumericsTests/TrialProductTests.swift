import CastorNumerics
import Testing

/// The trial that OpenBLAS passes before its first result counts: it must notice any single wrong value.
@Suite struct TrialProductTests {
    @Test func rightProductsPass() {
        #expect(TrialProducts.areRight(OpenBLAS.sgemm))
    }

    @Test func everyFaultIsNoticed() {
        let faults: [(String, OpenBLAS.SGEMM)] = [
            ("nothing is computed", { _, _, _, _, _, _, _, _, _, _, _, _, _, _ in }),
            (
                "the last value of C is off by its last bit",
                { order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc in
                    OpenBLAS.sgemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
                    c![Int((m - 1) * ldc + n - 1)] = c![Int((m - 1) * ldc + n - 1)].nextUp
                }
            ),
            (
                "the row's end is overwritten",
                { order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc in
                    OpenBLAS.sgemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
                    c![Int(n)] = 0.125
                }
            ),
            (
                "the last term of each sum is left out",
                { order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc in
                    OpenBLAS.sgemm(order, ta, tb, m, n, k - 1, alpha, a, lda, b, ldb, beta, c, ldc)
                }
            ),
            (
                "beta is taken for 1 where it is one half",
                { order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc in
                    OpenBLAS.sgemm(
                        order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta == 0.5 ? 1 : beta, c, ldc)
                }
            ),
            (
                "large products alone lose a row",
                { order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc in
                    let rows = Int(m) * Int(n) * Int(k) > 1_000_000 ? m - 1 : m
                    OpenBLAS.sgemm(order, ta, tb, rows, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
                }
            ),
        ]
        for (name, fault) in faults {
            #expect(!TrialProducts.areRight(fault), "\(name)")
        }
    }
}
