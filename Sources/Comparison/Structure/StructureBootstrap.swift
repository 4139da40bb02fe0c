import CastorNumerics
import Evaluation

/// Intervals of correlations between similarity structures and of CKA. A pair is no independent observation: items are drawn, and all
/// pairs of drawn items follow (Nili et al. 2014).
struct StructureBootstrap {
    private static let mostItems = 300
    private static let rounds = 200

    struct Result {
        var pearson: [Double] = []
        var spearman: [Double] = []
        var cka: [Double] = []
        /// Items that each draw had.
        var drawn: Int
    }

    /// - Parameters:
    ///   - others: nil where pairs are of one set; CKA is only then defined
    ///   - size: values of each vector that are looked at
    static func draws(
        _ queries: SimilarityStructure.Items, among others: SimilarityStructure.Items?,
        size: SimilarityStructure.Size, seed: UInt64, pool: WorkerPool
    ) -> Result {
        let rows = evenlySpread(mostItems, of: queries.count)
        let columns = others.map { evenlySpread(mostItems, of: $0.count) }
        let (a, b) = (
            similarities(queries.reference, rows, others?.reference, columns, size.reference, pool),
            similarities(queries.candidate, rows, others?.candidate, columns, size.candidate, pool)
        )
        let isSame = others == nil
        let (u, v) = (ranks(a, isSame), ranks(b, isSame))
        let results = Slots<(Double?, Double?, Double?)>(count: rounds)
        pool.run(rounds) { round, _ in
            var random = SplitMix(seed: seed &+ UInt64(round) &* 0x9e37_79b9)
            let i = (0..<a.rows).map { _ in random.below(a.rows) }
            let j = isSame ? i : (0..<a.columns).map { _ in random.below(a.columns) }
            results[round] = (
                correlation(a, b, i, j, isSame), correlation(u, v, i, j, isSame), isSame ? alignment(a, b, i) : nil
            )
        }
        var result = Result(drawn: rows.count)
        for (pearson, spearman, cka) in results.values {
            if let pearson { result.pearson.append(pearson) }
            if let spearman { result.spearman.append(spearman) }
            if let cka { result.cka.append(cka) }
        }
        return result
    }

    private static func similarities(
        _ x: Matrix, _ rows: [Int], _ y: Matrix?, _ columns: [Int]?, _ size: Int, _ pool: WorkerPool
    ) -> Matrix {
        let a = unitRows(x, rows, size: size)
        let b = y.map { unitRows($0, columns!, size: size) } ?? a
        let result = Matrix(rows: a.rows, columns: b.rows)
        pool.gemm(Block(a), .no, Block(b), .yes, into: Block(result))
        return result
    }

    /// Similarities replaced by their ranks among all pairs that count.
    private static func ranks(_ similarities: Matrix, _ isSame: Bool) -> Matrix {
        var values: [Double] = []
        var places: [(Int, Int)] = []
        for row in 0..<similarities.rows {
            for column in (isSame ? row + 1 : 0)..<max(similarities.columns, isSame ? row + 1 : 0) {
                values.append(Double(similarities.row(row)[column]))
                places.append((row, column))
            }
        }
        let result = Matrix(rows: similarities.rows, columns: similarities.columns)
        for (place, rank) in zip(places, Correlation.averageRanks(values)) {
            let centred = Float(rank / Double(values.count) - 0.5)
            result.row(place.0)[place.1] = centred
            if isSame { result.row(place.1)[place.0] = centred }
        }
        return result
    }

    private static func correlation(_ a: Matrix, _ b: Matrix, _ i: [Int], _ j: [Int], _ isSame: Bool) -> Double? {
        var (n, x, y, xx, yy, xy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        for (place, row) in i.enumerated() {
            let (p, q) = (a.row(row), b.row(row))
            for column in isSame ? j[(place + 1)...] : j[...] where !isSame || column != row {
                let (s, t) = (Double(p[column]), Double(q[column]))
                n += 1
                x += s
                y += t
                xx += s * s
                yy += t * t
                xy += s * t
            }
        }
        guard n > 1 else { return nil }
        let (vx, vy) = (xx - x * x / n, yy - y * y / n)
        guard vx > 1e-12, vy > 1e-12 else { return nil }
        return max(-1, min(1, (xy - x * y / n) / (vx.squareRoot() * vy.squareRoot())))
    }

    /// CKA of the drawn items from their similarities, which are their linear kernel.
    private static func alignment(_ a: Matrix, _ b: Matrix, _ i: [Int]) -> Double? {
        func kernel(_ similarities: Matrix) -> [Double] {
            let n = i.count
            var values = [Double](repeating: 0, count: n * n)
            for (row, x) in i.enumerated() {
                for (column, y) in i.enumerated() { values[row * n + column] = Double(similarities.row(x)[y]) }
            }
            var means = [Double](repeating: 0, count: n)
            for row in 0..<n { means[row] = values[row * n..<(row + 1) * n].reduce(0, +) / Double(n) }
            let mean = means.reduce(0, +) / Double(n)
            for row in 0..<n {
                for column in 0..<n { values[row * n + column] += mean - means[row] - means[column] }
            }
            return values
        }
        let (k, l) = (kernel(a), kernel(b))
        var (kl, kk, ll) = (0.0, 0.0, 0.0)
        for index in k.indices {
            kl += k[index] * l[index]
            kk += k[index] * k[index]
            ll += l[index] * l[index]
        }
        guard kk > 1e-12, ll > 1e-12 else { return nil }
        return kl / (kk * ll).squareRoot()
    }
}
