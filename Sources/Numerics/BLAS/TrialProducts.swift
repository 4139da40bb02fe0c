internal import COpenBLAS

/// Small products that are computed by OpenBLAS and by plain loops before the first result counts. All values are small multiples
/// of a quarter, so that every order of summation gives the same bits, and any other bits are wrong.
package enum TrialProducts {
    private struct Shape {
        var m, n, k: Int
        var transposeA = false
        var transposeB = false
        var alpha: Float = 1
        var beta: Float = 0
    }

    /// A lone row, odd edges, every transposition, with and without what C held. Kernels for small matrices end at 1,000,000
    /// multiplications, and at 1,200 values of C where B is transposed.
    private static let shapes = [
        Shape(m: 1, n: 37, k: 33, transposeB: true),
        Shape(m: 3, n: 17, k: 40, beta: 1),
        Shape(m: 19, n: 33, k: 21, transposeA: true, alpha: 0.5, beta: 0.5),
        Shape(m: 9, n: 16, k: 7, transposeA: true, transposeB: true),
        Shape(m: 43, n: 71, k: 37, transposeB: true),
        Shape(m: 67, n: 131, k: 117, beta: 1),
        Shape(m: 71, n: 119, k: 121, transposeA: true),
    ]

    /// Whether all of them come out right. Takes half a millisecond.
    package static func areRight(_ sgemm: OpenBLAS.SGEMM) -> Bool {
        shapes.allSatisfy { isRight($0, sgemm) }
    }

    private static func isRight(_ shape: Shape, _ sgemm: OpenBLAS.SGEMM) -> Bool {
        let (m, n, k) = (shape.m, shape.n, shape.k)
        var state: UInt32 = 1
        func next() -> Float {
            state = state &* 1_664_525 &+ 1_013_904_223
            return Float(Int(state >> 28) - 8) * 0.25
        }
        // Rows lie further apart than they are long, as in a matrix that is part of another.
        func stored(rows: Int, columns: Int) -> (values: [Float], stride: Int) {
            ((0..<rows * (columns + 3)).map { _ in next() }, columns + 3)
        }
        let (a, strideA) = shape.transposeA ? stored(rows: k, columns: m) : stored(rows: m, columns: k)
        let (b, strideB) = shape.transposeB ? stored(rows: n, columns: k) : stored(rows: k, columns: n)
        let (before, strideC) = stored(rows: m, columns: n)
        // beta 0 may not read what is there.
        var c = shape.beta == 0 ? [Float](repeating: .nan, count: before.count) : before
        let untouched = c
        sgemm(
            Int32(CASTOR_ROW_MAJOR), transposition(shape.transposeA), transposition(shape.transposeB), Int32(m),
            Int32(n), Int32(k), shape.alpha, a, Int32(strideA), b, Int32(strideB), shape.beta, &c, Int32(strideC))

        // Both without their transpositions, so that the inner loop runs along memory.
        let plain = [Float](unsafeUninitializedCapacity: m * n) { sums, count in
            sums.initialize(repeating: 0)
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    multiply(shape, a.baseAddress!, strideA, b.baseAddress!, strideB, sums.baseAddress!)
                }
            }
            count = m * n
        }
        for i in 0..<m {
            for j in 0..<n {
                let old = shape.beta == 0 ? 0 : shape.beta * before[i * strideC + j]
                if c[i * strideC + j] != shape.alpha * plain[i * n + j] + old { return false }
            }
            for j in n..<strideC where c[i * strideC + j].bitPattern != untouched[i * strideC + j].bitPattern {
                return false
            }
        }
        return true
    }

    /// Adds op(A) op(B) to `sums`.
    private static func multiply(
        _ shape: Shape, _ a: UnsafePointer<Float>, _ strideA: Int, _ b: UnsafePointer<Float>, _ strideB: Int,
        _ sums: UnsafeMutablePointer<Float>
    ) {
        let row = UnsafeMutablePointer<Float>.allocate(capacity: shape.n)
        defer { row.deallocate() }
        for p in 0..<shape.k {
            for j in 0..<shape.n { row[j] = shape.transposeB ? b[j &* strideB &+ p] : b[p &* strideB &+ j] }
            for i in 0..<shape.m {
                let factor = shape.transposeA ? a[p &* strideA &+ i] : a[i &* strideA &+ p]
                let sum = sums + i &* shape.n
                for j in 0..<shape.n { sum[j] += factor * row[j] }
            }
        }
    }

    private static func transposition(_ isTransposed: Bool) -> Int32 {
        Int32(isTransposed ? CASTOR_TRANSPOSE : CASTOR_NO_TRANSPOSE)
    }
}
