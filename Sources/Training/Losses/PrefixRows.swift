import CastorNumerics

/// Rows of a batch, as the cosines of their prefixes see them, and the gradient that comes back.
///
/// With g = a . b over the first d components, s = g / (|a| |b|) and W = ds / (|a| |b|):
/// `da += W b - (sum of ds s) / |a|^2 a`, and the same for b. The first term goes to `gradient` at once; the second is
/// collected in `radial` and applied by ``finish()``.
struct PrefixRows {
    /// `[n, D]`, before normalisation
    let rows: Matrix
    /// `[n, D]`, added to
    let gradient: Matrix
    /// Prefix lengths, ascending
    let sizes: [Int]
    /// 1 / |row prefix|, `[sizes, n]`
    let inverseNorms: Matrix
    /// Sum of ds s over the cosines of a row, `[sizes, n]`
    let radial: Matrix

    init(_ rows: Matrix, gradient: Matrix, sizes: [Int]) {
        precondition(rows.rows == gradient.rows && rows.columns == gradient.columns)
        precondition(sizes == sizes.sorted() && (sizes.last ?? 0) <= rows.columns)
        self.rows = rows
        self.gradient = gradient
        self.sizes = sizes
        inverseNorms = Matrix(rows: sizes.count, columns: rows.rows)
        radial = Matrix(rows: sizes.count, columns: rows.rows)
        for row in 0..<rows.rows {
            var square = 0.0
            for (k, segment) in segments.enumerated() {
                square += preciseSumOfSquares(rows.row(row) + segment.lowerBound, count: segment.count)
                // A row of zeros has no direction: its cosines are 0 and so is its gradient.
                inverseNorms.row(k)[row] = square > 0 ? Float(1 / square.squareRoot()) : 0
            }
        }
    }

    /// The columns that each size adds to the one before.
    var segments: [Range<Int>] {
        zip([0] + sizes, sizes).map { $0..<$1 }
    }

    /// Applies what was collected in `radial`.
    func finish() {
        for row in 0..<rows.rows {
            var factor: Float = 0
            for (k, segment) in segments.enumerated().reversed() {
                let inverse = inverseNorms.row(k)[row]
                factor -= radial.row(k)[row] * inverse * inverse
                add(
                    rows.row(row) + segment.lowerBound, times: factor, to: gradient.row(row) + segment.lowerBound,
                    count: segment.count)
            }
        }
    }
}

/// What a loss over cosines gives.
struct CosineLoss {
    var loss = 0.0
    /// Sum of ds s over all cosines: the gradient of the logarithm of a factor that all of them have.
    var scaleGradient = 0.0

    static func += (left: inout CosineLoss, right: CosineLoss) {
        left.loss += right.loss
        left.scaleGradient += right.scaleGradient
    }
}

/// Cosines of every row of `a` with every row of `b` at each size, and a loss of each row of that matrix.
///
/// All sizes share one product: the dot product of a longer prefix continues that of a shorter one, and the gradient of
/// the columns between two sizes is the sum over the sizes beyond them. Rows are worked on in blocks, so that
/// `sizes * 256 * b.rows` values are held, never a square matrix.
struct CosineMatrix {
    let a: PrefixRows
    let b: PrefixRows
    let pool: WorkerPool

    static let rowsPerBlock = 256

    /// - Parameters:
    ///   - willStart: called before a block of rows, from the calling thread
    ///   - rowLoss: (index of the size, row of a, cosines, their gradient to be written) -> loss. Rows run in parallel.
    func callAsFunction(
        willStart: (Range<Int>) -> Void = { _ in },
        _ rowLoss: (Int, Int, UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Double
    ) -> CosineLoss {
        precondition(a.sizes == b.sizes)
        var total = CosineLoss()
        let (n, m, levels) = (a.rows.rows, b.rows.rows, a.sizes.count)
        guard m > 0 else { return total }
        let work = Matrix(rows: levels * min(n, Self.rowsPerBlock), columns: m)
        for start in stride(from: 0, to: n, by: Self.rowsPerBlock) {
            let rows = start..<min(start + Self.rowsPerBlock, n)
            willStart(rows)
            let products = (0..<levels).map { work[$0 * rows.count..<($0 + 1) * rows.count] }
            multiply(rows, products)
            total += losses(rows, products, rowLoss)
            backward(rows, products)
        }
        return total
    }

    private func multiply(_ rows: Range<Int>, _ products: [Matrix]) {
        for (k, segment) in a.segments.enumerated() {
            if k > 0 { products[k].pointer.update(from: products[k - 1].pointer, count: products[k].count) }
            pool.gemm(
                Block(a.rows[rows]).columns(segment), .no, Block(b.rows).columns(segment), .yes,
                into: Block(products[k]), beta: k > 0 ? 1 : 0)
        }
    }

    /// Dot products to W, in place.
    private func losses(
        _ rows: Range<Int>, _ products: [Matrix],
        _ rowLoss: (Int, Int, UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Double
    ) -> CosineLoss {
        let (m, levels) = (b.rows.rows, products.count)
        let pieces = pool.ranges(rows.count, minimum: 4)
        let columnSums = Matrix(rows: pieces.count, columns: levels * m)
        let rowLosses = DoubleArray(count: rows.count * levels)
        pool.run(pieces.count) { index, worker in
            let scratch = worker.scratch.take(rows: 2, columns: m)
            let (s, ds) = (scratch.row(0), scratch.row(1))
            for local in pieces[index] {
                let row = rows.lowerBound + local
                for k in 0..<levels {
                    let (g, inverse) = (products[k].row(local), b.inverseNorms.row(k))
                    let own = a.inverseNorms.row(k)[row]
                    for j in 0..<m { s[j] = g[j] * own * inverse[j] }
                    rowLosses[local * levels + k] = rowLoss(k, row, s, ds)
                    a.radial.row(k)[row] += dot(s, ds, count: m)
                    let sums = columnSums.row(index) + k * m
                    for j in 0..<m {
                        sums[j] += s[j] * ds[j]
                        g[j] = ds[j] * own * inverse[j]
                    }
                }
            }
        }
        var total = CosineLoss()
        for index in 0..<rows.count * levels { total.loss += rowLosses[index] }
        for piece in 0..<pieces.count {
            for k in 0..<levels {
                let sums = columnSums.row(piece) + k * m
                for j in 0..<m { total.scaleGradient += Double(sums[j]) }
                add(sums, to: b.radial.row(k), count: m)
            }
        }
        return total
    }

    private func backward(_ rows: Range<Int>, _ products: [Matrix]) {
        for k in products.indices.dropLast().reversed() {
            add(products[k + 1].pointer, to: products[k].pointer, count: products[k].count)
        }
        for (k, segment) in a.segments.enumerated() {
            let w = Block(products[k])
            pool.gemm(
                w, .no, Block(b.rows).columns(segment), .no, into: Block(a.gradient[rows]).columns(segment), beta: 1)
            pool.gemm(
                w, .yes, Block(a.rows[rows]).columns(segment), .no, into: Block(b.gradient).columns(segment), beta: 1)
        }
    }
}

/// Cosines of chosen pairs of rows at each size: a hard negative with its query.
struct CosinePairs {
    let a: PrefixRows
    let b: PrefixRows
    /// Row of `a` for each row of `b`.
    let partners: [Int]
    /// `[sizes, b.rows]`
    let cosines: Matrix
    /// `[sizes, b.rows]`, written by the loss
    let gradient: Matrix

    init(_ a: PrefixRows, _ b: PrefixRows, partners: [Int]) {
        precondition(a.sizes == b.sizes && partners.count == b.rows.rows)
        self.a = a
        self.b = b
        self.partners = partners
        cosines = Matrix(rows: a.sizes.count, columns: partners.count)
        gradient = Matrix(rows: a.sizes.count, columns: partners.count)
        for (j, i) in partners.enumerated() {
            var product: Float = 0
            for (k, segment) in a.segments.enumerated() {
                product += dot(
                    a.rows.row(i) + segment.lowerBound, b.rows.row(j) + segment.lowerBound, count: segment.count)
                cosines.row(k)[j] = product * a.inverseNorms.row(k)[i] * b.inverseNorms.row(k)[j]
            }
        }
    }

    /// From `gradient` to both sides. Returns the sum of ds s.
    func backward() -> Double {
        var total = 0.0
        for (j, i) in partners.enumerated() {
            var w: Float = 0
            for (k, segment) in a.segments.enumerated().reversed() {
                let ds = gradient.row(k)[j]
                w += ds * a.inverseNorms.row(k)[i] * b.inverseNorms.row(k)[j]
                let (x, y) = (a.rows.row(i) + segment.lowerBound, b.rows.row(j) + segment.lowerBound)
                add(y, times: w, to: a.gradient.row(i) + segment.lowerBound, count: segment.count)
                add(x, times: w, to: b.gradient.row(j) + segment.lowerBound, count: segment.count)
                let pull = ds * cosines.row(k)[j]
                a.radial.row(k)[i] += pull
                b.radial.row(k)[j] += pull
                total += Double(pull)
            }
        }
        return total
    }
}

/// One number a piece of parallel work; each piece writes its own.
final class DoubleArray: @unchecked Sendable {
    private let values: UnsafeMutableBufferPointer<Double>

    init(count: Int) {
        values = .allocate(capacity: count)
        values.initialize(repeating: 0)
    }

    deinit { values.deallocate() }

    subscript(index: Int) -> Double {
        get { values[index] }
        set { values[index] = newValue }
    }
}
