/// The shortest decimal that reads back as the same f32, as `Float.description` gives it, six times as fast for the numbers
/// that unit vectors are made of.
///
/// For 0.0001 <= |x| < 1 the nearest decimals of 7, then 8, then 9 digits are tried (fewer where 7 are enough). A candidate
/// c / 10^n with c < 10^9 and n <= 13 is one correctly rounded division in double precision, so that rounding it to f32 tells
/// whether it reads back as x, unless it lies within a rounding error of the middle between two f32; those go the long way.
enum ShortestDecimal {
    static func append(_ x: Float, to bytes: inout [UInt8]) {
        let a = Double(x.magnitude)
        guard a >= 1e-4, a < 1, let (digits, places) = decimal(a, of: x.magnitude) else {
            bytes.append(contentsOf: x.description.utf8)
            return
        }
        if x.sign == .minus { bytes.append(UInt8(ascii: "-")) }
        bytes.append(UInt8(ascii: "0"))
        bytes.append(UInt8(ascii: "."))
        let start = bytes.count
        for _ in 0..<places { bytes.append(UInt8(ascii: "0")) }
        var (rest, index) = (digits, start + places - 1)
        while rest > 0 {
            let next = rest / 10
            bytes[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest &- next &* 10)
            rest = next
            index -= 1
        }
    }

    /// `a = digits / 10^places`; nil where the short way cannot tell.
    private static func decimal(_ a: Double, of x: Float) -> (digits: Int, places: Int)? {
        // Places for seven significant digits.
        let places = a >= 0.1 ? 7 : a >= 0.01 ? 8 : a >= 0.001 ? 9 : 10
        for extra in 0...2 {
            guard let fits = candidate(a, x, places + extra) else { return nil }
            guard let digits = fits else { continue }
            return extra == 0 ? shorten(a, x, digits, places) : (digits, places + extra)
        }
        return nil
    }

    /// Fewer digits than seven, as long as they are enough.
    private static func shorten(_ a: Double, _ x: Float, _ digits: Int, _ places: Int) -> (Int, Int)? {
        var (digits, places) = (digits, places)
        while places > 1 {
            guard let fits = candidate(a, x, places - 1) else { return nil }
            guard let fewer = fits, fewer > 0 else { break }
            (digits, places) = (fewer, places - 1)
        }
        return (digits, places)
    }

    /// The nearest decimal with this many places, if it reads back as x; nil (outside) where that is too close to call.
    private static func candidate(_ a: Double, _ x: Float, _ places: Int) -> Int?? {
        let power = powers[places]
        let scaled = a * power
        let digits = (scaled + 0.5).rounded(.down)
        let distance = abs(digits / power - a)
        // Half the gap to the next f32, up and down: they differ at powers of two.
        let up = Double(x.nextUp - x) / 2
        let down = Double(x - x.nextDown) / 2
        let isAbove = digits / power >= a
        let half = isAbove ? up : down
        let uncertain = half * 1e-6
        if abs(distance - half) < uncertain { return nil }
        // A tie between two decimals of this length: which one is nearer needs more digits than a double has.
        if abs(abs(digits - scaled) - 0.5) < 1e-6 { return nil }
        return .some(distance < half ? Int(digits) : nil)
    }

    private static let powers: [Double] = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13]
}
