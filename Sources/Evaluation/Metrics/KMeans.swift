package import CastorNumerics
import Vectors

/// k-means by Lloyd's iterations from seeded k-means++ centres (Arthur and Vassilvitskii 2007); the best of several runs.
package struct KMeans: Sendable {
    /// `[k, d]`
    package let centers: Matrix
    /// A centre for each row.
    package let assignments: [Int]
    /// Sum of squared distances to the assigned centres.
    package let inertia: Double

    package struct Options: Sendable {
        package var seed: UInt64 = 1
        /// Starts, of which the one with the lowest inertia is kept. The default is 4.
        package var runs = 4
        /// Iterations of one run at most. The default is 100.
        package var maxIterations = 100

        package init() {}
    }

    /// - Parameters:
    ///   - vectors: `[n, d]`, n >= k
    ///   - k: clusters, 1 or more.
    package init(_ vectors: Matrix, k: Int, options: Options = Options(), pool: WorkerPool) {
        precondition(k > 0 && vectors.rows >= k && options.runs > 0, "k-means needs at least k vectors")
        var random = SplitMix64(seed: options.seed)
        var best: KMeans?
        for _ in 0..<options.runs {
            let start = Self.plusPlus(vectors, k, &random)
            let run = KMeans(vectors, centers: start, maxIterations: options.maxIterations, pool: pool)
            if best.map({ run.inertia < $0.inertia }) ?? true { best = run }
        }
        self = best!
    }

    /// One run from given centres, until no row changes its centre.
    package init(_ vectors: Matrix, centers start: Matrix, maxIterations: Int, pool: WorkerPool) {
        var (centers, assigned) = (start, Self.assign(vectors, to: start, pool))
        for _ in 0..<maxIterations {
            let moved = Self.means(vectors, assigned, k: start.rows)
            let next = Self.assign(vectors, to: moved, pool)
            let isStable = next.map(\.center) == assigned.map(\.center)
            (centers, assigned) = (moved, next)
            if isStable { break }
        }
        self.centers = centers
        assignments = assigned.map(\.center)
        inertia = assigned.reduce(0) { $0 + $1.distance }
    }

    private struct Assignment: Sendable {
        var center: Int
        /// Squared.
        var distance: Double
    }

    /// The nearest centre by |c|^2/2 - x.c; of equal ones the lowest.
    private static func assign(_ vectors: Matrix, to centers: Matrix, _ pool: WorkerPool) -> [Assignment] {
        let halves = (0..<centers.rows).map { sumOfSquares(centers.row($0), count: centers.columns) / 2 }
        let slots = Slots<Assignment>(count: vectors.rows, Assignment(center: 0, distance: 0))
        forEachSimilarityRow(vectors, centers, pool: pool) { row, scores in
            var best = 0
            for index in 1..<max(scores.count, 1) where scores[index] - halves[index] > scores[best] - halves[best] {
                best = index
            }
            slots[row] = Assignment(
                center: best, distance: squaredDistance(vectors.row(row), centers.row(best), count: vectors.columns))
        }
        return slots.values
    }

    /// A centre without rows moves to the row farthest from its own centre, which then counts as its first.
    private static func means(_ vectors: Matrix, _ assigned: [Assignment], k: Int) -> Matrix {
        var assigned = assigned
        var counts = [Int](repeating: 0, count: k)
        for item in assigned { counts[item.center] += 1 }
        for center in 0..<k where counts[center] == 0 {
            let farthest = assigned.indices.max { assigned[$0].distance < assigned[$1].distance }!
            counts[assigned[farthest].center] -= 1
            counts[center] = 1
            assigned[farthest] = Assignment(center: center, distance: 0)
        }
        let centers = Matrix(rows: k, columns: vectors.columns)
        for (row, item) in assigned.enumerated() {
            add(vectors.row(row), to: centers.row(item.center), count: vectors.columns)
        }
        for center in 0..<k where counts[center] > 0 {
            scale(centers.row(center), by: 1 / Float(counts[center]), count: vectors.columns)
        }
        return centers
    }

    /// Each next centre is a row drawn with probability proportional to its squared distance from the centres so far.
    private static func plusPlus(_ vectors: Matrix, _ k: Int, _ random: inout SplitMix64) -> Matrix {
        var chosen = [Int(random.unit() * Double(vectors.rows))]
        var distances = [Double](repeating: .infinity, count: vectors.rows)
        while chosen.count < k {
            let last = vectors.row(chosen[chosen.count - 1])
            for row in distances.indices {
                distances[row] = min(
                    distances[row], squaredDistance(vectors.row(row), last, count: vectors.columns))
            }
            var rest = random.unit() * distances.reduce(0, +)
            let drawn = distances.indices.first { row in
                rest -= distances[row]
                return rest < 0
            }
            // All rows lie on centres, or rounding left a rest: the row farthest away.
            chosen.append(drawn ?? distances.indices.max { distances[$0] < distances[$1] }!)
        }
        return gatherRows(vectors, chosen)
    }
}

private func squaredDistance(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Double {
    var sums = Lanes.zero
    var index = 0
    while index + 8 <= count {
        let difference = Lanes(load: a + index) - Lanes(load: b + index)
        sums += difference * difference
        index += 8
    }
    var sum = Double(sums.total)
    while index < count {
        sum += Double((a[index] - b[index]) * (a[index] - b[index]))
        index += 1
    }
    return sum
}
