package import CastorNumerics
import Glibc
import Vectors

/// Multinomial logistic regression with an L2 penalty, as scikit-learn's `LogisticRegression(C=c)`: minimises
///
///     c sum_i -log softmax(W x_i + b)[y_i] + |W|^2 / 2
///
/// over W `[k, d]` and b `[k]` (not penalised), by L-BFGS from zero. With two classes scikit-learn penalises one vector, the difference
/// of the two here, which comes to the same with c / 2 in the place of c. What is minimised is that divided by c n; the end is, as in
/// scikit-learn, when no component of its gradient is above a bound: 1e-6, since with 77 classes and 3,072 values the gradient is
/// only some 1e-4 at the start, and scikit-learn's own 1e-4 would end far from the minimum.
///
/// The features are centred first. b absorbs the shift, so the minimum is the same; but vectors that share a direction (cosines of
/// 0.9 and more are common before training) would cost ten times the iterations.
package struct LogisticRegression: Sendable {
    /// W `[k, d]`
    package let weights: Matrix
    /// b of the original, not centred, features.
    package let intercepts: [Float]
    package let iterations: Int
    /// Whether the gradient became small enough; if not, rounding or the limit of 1,000 iterations ended the search.
    package let converged: Bool

    /// - Parameters:
    ///   - features: `[n, d]`, n > 0
    ///   - labels: n classes in 0..<classes.
    ///   - c: inverse strength of the penalty. The default is 1.
    package init(
        features: Matrix, labels: [Int], classes: Int, c: Double = 1, tolerance: Double = 1e-6, pool: WorkerPool
    ) {
        precondition(features.rows == labels.count && !labels.isEmpty && c > 0 && classes > 0)
        let objective = Objective(features, labels, classes, classes == 2 ? c / 2 : c, pool)
        var parameters = [Double](repeating: 0, count: classes * (features.columns + 1))
        var solver = LBFGS()
        solver.tolerance = tolerance
        let outcome = solver.minimize(&parameters, objective.evaluate)
        let d = features.columns
        weights = Matrix(rows: classes, columns: d, values: parameters.prefix(classes * d).map { Float($0) })
        intercepts = (0..<classes).map { row in
            var shift = 0.0
            for column in 0..<d { shift += parameters[row * d + column] * objective.means[column] }
            return Float(parameters[classes * d + row] - shift)
        }
        (iterations, converged) = (outcome.iterations, outcome.converged)
    }

    /// The most likely class of each row; of equal ones the lowest.
    ///
    /// - Parameter features: `[n, d]`
    package func predict(_ features: Matrix, pool: WorkerPool) -> [Int] {
        let classes = Slots<Int>(count: features.rows, 0)
        forEachSimilarityRow(features, weights, pool: pool) { row, scores in
            var best = 0
            for index in 1..<max(scores.count, 1)
            where scores[index] + intercepts[index] > scores[best] + intercepts[best] { best = index }
            classes[row] = best
        }
        return classes.values
    }
}

/// The objective divided by c n, and its gradient: GEMMs in f32, sums over the items in double precision.
private struct Objective {
    let features: Matrix
    let means: [Double]
    let labels: [Int]
    let classes: Int
    let penalty: Double
    let pool: WorkerPool
    /// W in f32 `[k, d]`; logits, then probabilities minus the truth `[n, k]`; gradient of W `[k, d]`.
    private let weights: Matrix
    private let residuals: Matrix
    private let gradient: Matrix

    init(_ original: Matrix, _ labels: [Int], _ classes: Int, _ c: Double, _ pool: WorkerPool) {
        let (n, d) = (original.rows, original.columns)
        var means = [Double](repeating: 0, count: d)
        for row in 0..<n {
            let x = original.row(row)
            for column in 0..<d { means[column] += Double(x[column]) / Double(n) }
        }
        features = original.copy()
        for row in 0..<n {
            let x = features.row(row)
            for column in 0..<d { x[column] = Float(Double(x[column]) - means[column]) }
        }
        (self.means, self.labels, self.classes, self.pool) = (means, labels, classes, pool)
        penalty = 1 / (c * Double(n))
        weights = Matrix(rows: classes, columns: d)
        residuals = Matrix(rows: n, columns: classes)
        gradient = Matrix(rows: classes, columns: d)
    }

    func evaluate(_ parameters: [Double], _ result: inout [Double]) -> Double {
        let (n, d, k) = (features.rows, features.columns, classes)
        for index in 0..<k * d { weights.pointer[index] = Float(parameters[index]) }
        let pieces = pool.ranges(n, minimum: 64)
        let losses = Slots<Double>(count: pieces.count, 0)
        pool.run(pieces.count) { piece, _ in
            let rows = pieces[piece]
            gemm(Block(features[rows]), .no, Block(weights), .yes, into: Block(residuals[rows]))
            for row in rows { losses[piece] += loss(row, parameters.suffix(k)) }
        }
        let columns = pool.ranges(d, minimum: 64)
        pool.run(columns.count) { piece, _ in
            gemm(
                Block(residuals), .yes, Block(features, rows: 0..<n, columns: columns[piece]),
                into: Block(gradient, rows: 0..<k, columns: columns[piece]))
        }
        var value = losses.values.reduce(0, +) / Double(n)
        for index in 0..<k * d {
            value += penalty * parameters[index] * parameters[index] / 2
            result[index] = Double(gradient.pointer[index]) / Double(n) + penalty * parameters[index]
        }
        var sums = [Double](repeating: 0, count: k)
        for row in 0..<n {
            let r = residuals.row(row)
            for column in 0..<k { sums[column] += Double(r[column]) }
        }
        for column in 0..<k { result[k * d + column] = sums[column] / Double(n) }
        return value
    }

    /// -log p of the row's class; its logits become probabilities minus the truth.
    private func loss(_ row: Int, _ intercepts: ArraySlice<Double>) -> Double {
        let r = residuals.row(row)
        var largest = -Float.infinity
        for (column, intercept) in intercepts.enumerated() {
            r[column] += Float(intercept)
            if r[column] > largest { largest = r[column] }
        }
        let own = Double(r[labels[row]] - largest)
        var sum = 0.0
        for column in 0..<classes {
            let e = Glibc.exp(Double(r[column] - largest))
            sum += e
            r[column] = Float(e)
        }
        CastorNumerics.scale(r, by: Float(1 / sum), count: classes)
        r[labels[row]] -= 1
        return log(sum) - own
    }
}
