package import CastorNumerics

package enum Correlation {
    /// Pearson's r; nil for fewer than two pairs, where one side does not vary, and where its squares are no numbers any more.
    package static func pearson(_ x: [Double], _ y: [Double]) -> Double? {
        precondition(x.count == y.count)
        guard x.count > 1 else { return nil }
        let count = Double(x.count)
        let (meanX, meanY) = (x.reduce(0, +) / count, y.reduce(0, +) / count)
        var (xx, yy, xy) = (0.0, 0.0, 0.0)
        for (x, y) in zip(x, y) {
            xx += (x - meanX) * (x - meanX)
            yy += (y - meanY) * (y - meanY)
            xy += (x - meanX) * (y - meanY)
        }
        guard xx > 0, yy > 0, xx.isFinite, yy.isFinite else { return nil }
        return max(-1, min(1, xy / (xx.squareRoot() * yy.squareRoot())))
    }

    /// Spearman's rho: Pearson's r of the ranks.
    package static func spearman(_ x: [Double], _ y: [Double]) -> Double? {
        pearson(averageRanks(x), averageRanks(y))
    }

    /// Ranks from 1; equal values share the mean of their ranks.
    package static func averageRanks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
            for index in order[start..<end] { ranks[index] = Double(start + 1 + end) / 2 }
            start = end
        }
        return ranks
    }
}

/// The dot product of row i of `a` and row i of `b`, both `[n, d]`, in double precision.
package func pairwiseSimilarities(_ a: Matrix, _ b: Matrix) -> [Double] {
    precondition(a.rows == b.rows && a.columns == b.columns)
    return (0..<a.rows).map { row in
        let (x, y) = (a.row(row), b.row(row))
        var sum = 0.0
        for index in 0..<a.columns { sum += Double(x[index]) * Double(y[index]) }
        return sum
    }
}
