import Glibc

/// The discrete Fourier transform of one size, in double precision: `X[k] = sum over i of x[i] e^(-2 pi j i k / n)`.
///
/// In Stockham's order (W. T. Cochran et al., Proc. IEEE 55, 1967), a pass for each prime factor of n, two twos together: n times the sum of
/// the factors products.
package struct FourierTransform: Sendable {
    /// Real and imaginary part.
    package typealias Complex = SIMD2<Double>

    package let count: Int
    private let factors: [Int]
    /// `e^(-2 pi j i / n)` for each i.
    private let turn: [Complex]

    /// - Precondition: at least one value
    package init(count: Int) {
        precondition(count > 0)
        self.count = count
        turn = (0..<count).map {
            let angle = 2 * Double.pi * Double($0) / Double(count)
            return Complex(cos(angle), -sin(angle))
        }
        var (factors, rest) = ([Int](), count)
        for factor in [4, 2] + Array(3...max(3, count)) {
            while rest % factor == 0 {
                factors.append(factor)
                rest /= factor
            }
        }
        self.factors = factors
    }

    /// In place.
    ///
    /// - Parameters:
    ///   - values: `count` values
    ///   - room: for as many more
    package func callAsFunction(_ values: UnsafeMutablePointer<Complex>, room: UnsafeMutablePointer<Complex>) {
        var (source, target) = (values, room)
        // `apart` transforms of `length` values each are left, the values of one that many places from each other.
        var (length, apart) = (count, 1)
        turn.withUnsafeBufferPointer { turn in
            for factor in factors {
                pass(factor, length / factor, apart, source, target, turn.baseAddress!)
                length /= factor
                apart *= factor
                swap(&source, &target)
            }
        }
        if source != values { values.update(from: source, count: count) }
    }

    @inline(__always) private func pass(
        _ factor: Int, _ rest: Int, _ apart: Int, _ x: UnsafePointer<Complex>, _ y: UnsafeMutablePointer<Complex>,
        _ turn: UnsafePointer<Complex>
    ) {
        for place in 0..<rest {
            let (from, to) = (x + apart * place, y + apart * factor * place)
            if factor == 4 {
                let first = turn[place * apart]
                let (second, third) = (turn[2 * place * apart], turn[3 * place * apart % count])
                for q in 0..<apart {
                    let (a, b) = (from[q], from[q + apart * rest])
                    let (c, d) = (from[q + 2 * apart * rest], from[q + 3 * apart * rest])
                    let (even, odd) = (a + c, b + d)
                    let (evenLess, oddLess) = (a - c, Complex((b - d).y, -(b - d).x))
                    to[q] = even + odd
                    to[q + apart] = times(evenLess + oddLess, first)
                    to[q + 2 * apart] = times(even - odd, second)
                    to[q + 3 * apart] = times(evenLess - oddLess, third)
                }
                continue
            }
            for k in 0..<factor {
                let twist = turn[place * apart * k % count]
                for q in 0..<apart {
                    var sum = from[q]
                    for r in 1..<factor {
                        sum += times(from[q + apart * rest * r], turn[r * k % factor * (count / factor)])
                    }
                    to[q + apart * k] = times(sum, twist)
                }
            }
        }
    }

    @inline(__always) private func times(_ a: Complex, _ b: Complex) -> Complex {
        a * b.x + Complex(-a.y, a.x) * b.y
    }
}
