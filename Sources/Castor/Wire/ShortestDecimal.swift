/// The shortest decimal that reads back as the same f32, as `Float.description` gives it, many times as fast for the numbers
/// that unit vectors are made of.
///
/// For 0.0001 <= |x| < 1, x = m / 2^s with m < 2^24, and m 10^p < 2^64 for the p places of nine significant digits: everything
/// is exact in 64 bits. A decimal reads back as x if it is nearer to x than half the gap to the next f32, 10^p / 2 in the
/// same units. Eight digits are tried, then fewer as long as they are enough, else nine, which always are. Powers of two, whose
/// gaps differ, and ties go the long way.
enum ShortestDecimal {
    /// Bytes that one number takes at most.
    static let maxLength = 24

    /// Returns the number of bytes written.
    static func write(_ x: Float, to bytes: UnsafeMutablePointer<UInt8>) -> Int {
        let bits = x.bitPattern
        let magnitude = bits & 0x7fff_ffff
        let fraction = bits & 0x007f_ffff
        guard magnitude >= smallest, magnitude < one, fraction != 0,
            let (digits, places) = decimal(UInt64(fraction | 0x0080_0000), UInt64(150 - magnitude >> 23), magnitude)
        else { return writeDescription(x, to: bytes) }
        var start = 0
        if bits >> 31 != 0 {
            bytes[0] = UInt8(ascii: "-")
            start = 1
        }
        bytes[start] = UInt8(ascii: "0")
        let end = start + 2 + places
        var (rest, index) = (digits, end)
        while rest >= 100 {
            index -= 2
            let next = rest / 100
            writePair(rest &- next &* 100, to: bytes + index)
            rest = next
        }
        // Zeros between the point and the first digit, a pair at a time where there is room.
        index -= 2
        writePair(rest, to: bytes + index)
        while index > start + 2 {
            index -= 1
            bytes[index] = UInt8(ascii: "0")
        }
        bytes[start + 1] = UInt8(ascii: ".")
        return end
    }

    /// Two digits of a number below 100.
    @inline(__always)
    private static func writePair(_ number: UInt32, to bytes: UnsafeMutablePointer<UInt8>) {
        let tens = (number &* 103) >> 10
        bytes[0] = UInt8(truncatingIfNeeded: tens &+ 48)
        bytes[1] = UInt8(truncatingIfNeeded: number &- tens &* 10 &+ 48)
    }

    // Bit patterns of positive numbers are in the order of the numbers.
    private static var smallest: UInt32 { Float(1e-4).bitPattern }
    private static var one: UInt32 { Float(1).bitPattern }

    private static func writeDescription(_ x: Float, to bytes: UnsafeMutablePointer<UInt8>) -> Int {
        var count = 0
        for byte in x.description.utf8 {
            bytes[count] = byte
            count += 1
        }
        return count
    }

    /// `m / 2^s = digits / 10^places`; nil where a tie must be broken.
    @inline(__always)
    private static func decimal(_ m: UInt64, _ s: UInt64, _ magnitude: UInt32) -> (digits: UInt32, places: Int)? {
        // Places for nine significant digits.
        let places =
            9 + (magnitude < tenth ? 1 : 0) + (magnitude < hundredth ? 1 : 0) + (magnitude < thousandth ? 1 : 0)
        let power: UInt64 =
            1_000_000_000 &* (magnitude < tenth ? 10 : 1) &* (magnitude < hundredth ? 10 : 1)
            &* (magnitude < thousandth ? 10 : 1)
        let scaled = m &* power
        let half = power / 2
        let whole = UInt32(truncatingIfNeeded: scaled >> s)
        let part = scaled & (1 << s &- 1)

        // The nearest multiple of ten, a hundred, ... in the place of the last of nine digits; nil for a tie.
        @inline(__always)
        func nearest(_ unit: UInt32) -> (digits: UInt32, fits: Bool)? {
            let quotient = whole / unit
            let below = UInt64(whole &- quotient &* unit) << s | part
            let above = UInt64(unit) << s &- below
            let distance = min(below, above)
            if below == above || distance == half { return nil }
            return (below < above ? quotient : quotient &+ 1, distance < half)
        }
        guard let eight = nearest(10) else { return nil }
        if eight.fits {
            guard let seven = nearest(100) else { return nil }
            guard seven.fits else { return (eight.digits, places - 1) }
            var best = seven.digits
            var (unit, dropped): (UInt32, Int) = (1_000, 3)
            while dropped < 9 {
                guard let fewer = nearest(unit) else { return nil }
                guard fewer.fits else { break }
                best = fewer.digits
                unit = unit &* 10
                dropped += 1
            }
            return (best, places - dropped + 1)
        }
        let middle: UInt64 = 1 << (s &- 1)
        if part == middle { return nil }
        return (part < middle ? whole : whole &+ 1, places)
    }

    private static var tenth: UInt32 { Float(0.1).bitPattern }
    private static var hundredth: UInt32 { Float(0.01).bitPattern }
    private static var thousandth: UInt32 { Float(0.001).bitPattern }
}
