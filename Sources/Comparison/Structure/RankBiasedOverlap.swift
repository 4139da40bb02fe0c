import Glibc

/// Rank-biased overlap of two rankings (Webber, Moffat and Zobel 2010), extrapolated from their first k places (equation 32).
///
/// 1 for equal lists, 0 for lists without a common item; p weighs the top: with 0.9 the first ten places hold 86 % of the weight.
package enum RankBiasedOverlap {
    package static let persistence = 0.9

    /// - Precondition: lists of equal length, without repetitions; at least one item
    package static func extrapolated(_ a: [Int], _ b: [Int], p: Double = persistence) -> Double {
        precondition(a.count == b.count && !a.isEmpty)
        var (seenInA, seenInB) = (Set<Int>(), Set<Int>())
        var (common, sum) = (0, 0.0)
        for depth in 1...a.count {
            let (x, y) = (a[depth - 1], b[depth - 1])
            if x == y {
                common += 1
            } else {
                if seenInB.contains(x) { common += 1 }
                if seenInA.contains(y) { common += 1 }
            }
            seenInA.insert(x)
            seenInB.insert(y)
            sum += Double(common) / Double(depth) * pow(p, Double(depth))
        }
        let share = Double(common) / Double(a.count)
        return min(1, share * pow(p, Double(a.count)) + (1 - p) / p * sum)
    }
}
