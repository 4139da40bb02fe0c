package import CastorNumerics
import Glibc
import Synchronization

/// Cosine and sine of `position * base^(-i / pairs)`, i in 0..<pairs, computed in double precision and kept for reuse.
final class RotaryTable: Sendable {
    let pairs: Int
    private let base: Double
    private let table = Mutex(Rows(cosine: Matrix(rows: 0, columns: 0), sine: Matrix(rows: 0, columns: 0)))

    struct Rows: Sendable {
        /// `[positions, pairs]`
        let cosine: Matrix
        /// `[positions, pairs]`
        let sine: Matrix
    }

    init(pairs: Int, base: Double) {
        self.pairs = pairs
        self.base = base
    }

    /// Rows for the positions `0..<positions` at least.
    func rows(positions: Int) -> Rows {
        table.withLock { table in
            if table.cosine.rows < positions {
                // Grown by doubling: a stream of slightly longer and longer contents stays linear.
                table = compute(max(positions, 2 * table.cosine.rows, 64))
            }
            return table
        }
    }

    private func compute(_ positions: Int) -> Rows {
        let rows = Rows(
            cosine: Matrix(rows: positions, columns: pairs), sine: Matrix(rows: positions, columns: pairs))
        let frequencies = (0..<pairs).map { pow(base, -Double($0) / Double(pairs)) }
        for position in 0..<positions {
            for pair in 0..<pairs {
                let angle = Double(position) * frequencies[pair]
                rows.cosine.row(position)[pair] = Float(cos(angle))
                rows.sine.row(position)[pair] = Float(sin(angle))
            }
        }
        return rows
    }
}

/// The rotation of every token of a packed batch.
package struct RotaryAngles: Sendable {
    /// `[T, D/2]`
    package let cosine: Matrix
    /// `[T, D/2]`
    package let sine: Matrix
}

/// Rotates the pairs (i, i + P) of each head in place: `(a, b) -> (a cos - b sin, a sin + b cos)`.
///
/// - Parameters:
///   - x: the heads of one token, one after the other, `[heads, 2 P]`
///   - cosine: `[P]`
///   - sine: `[P]`
func rotate(
    _ x: UnsafeMutablePointer<Float>, heads: Int, pairs: Int, cosine: UnsafePointer<Float>, sine: UnsafePointer<Float>
) {
    for head in 0..<heads {
        let a = x + head * 2 * pairs
        let b = a + pairs
        var i = 0
        while i + 8 <= pairs {
            let (c, s) = (Lanes(load: cosine + i), Lanes(load: sine + i))
            let (u, v) = (Lanes(load: a + i), Lanes(load: b + i))
            (u * c - v * s).store(a + i)
            (u * s + v * c).store(b + i)
            i += 8
        }
        while i < pairs {
            let (u, v) = (a[i], b[i])
            a[i] = u * cosine[i] - v * sine[i]
            b[i] = u * sine[i] + v * cosine[i]
            i += 1
        }
    }
}

/// Gradient of ``rotate(_:heads:pairs:cosine:sine:)``, in place: the rotation by the opposite angle,
/// `(da, db) -> (da cos + db sin, db cos - da sin)`.
func rotateBackward(
    _ gradient: UnsafeMutablePointer<Float>, heads: Int, pairs: Int, cosine: UnsafePointer<Float>,
    sine: UnsafePointer<Float>
) {
    for head in 0..<heads {
        let a = gradient + head * 2 * pairs
        let b = a + pairs
        var i = 0
        while i + 8 <= pairs {
            let (c, s) = (Lanes(load: cosine + i), Lanes(load: sine + i))
            let (u, v) = (Lanes(load: a + i), Lanes(load: b + i))
            (u * c + v * s).store(a + i)
            (v * c - u * s).store(b + i)
            i += 8
        }
        while i < pairs {
            let (u, v) = (a[i], b[i])
            a[i] = u * cosine[i] + v * sine[i]
            b[i] = v * cosine[i] - u * sine[i]
            i += 1
        }
    }
}
