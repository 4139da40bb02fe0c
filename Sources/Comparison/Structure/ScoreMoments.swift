/// Sums from which a correlation of two scores follows.
struct ScoreMoments: Sendable {
    private var (n, x, y, xx, yy, xy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

    @inline(__always)
    mutating func add(_ u: Double, _ v: Double) {
        n += 1
        x += u
        y += v
        xx += u * u
        yy += v * v
        xy += u * v
    }

    static func + (a: ScoreMoments, b: ScoreMoments) -> ScoreMoments {
        var sum = ScoreMoments()
        (sum.n, sum.x, sum.y) = (a.n + b.n, a.x + b.x, a.y + b.y)
        (sum.xx, sum.yy, sum.xy) = (a.xx + b.xx, a.yy + b.yy, a.xy + b.xy)
        return sum
    }

    /// Pearson's; nil where one side does not vary.
    var correlation: Double? {
        guard n > 1 else { return nil }
        let (vx, vy, c) = (xx - x * x / n, yy - y * y / n, xy - x * y / n)
        // Below rounding of the sums nothing varies.
        guard vx > 1e-12 * max(xx, 1e-300), vy > 1e-12 * max(yy, 1e-300) else { return nil }
        return max(-1, min(1, c / (vx.squareRoot() * vy.squareRoot())))
    }
}
