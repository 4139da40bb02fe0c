/// IEEE half precision to f32, exact for every finite value. Infinities and NaNs become values of at least 65,536:
/// test for them with ``halfIsFinite(_:count:)``.
///
/// The 15 low bits moved to an f32's place are the value times 2^-112, also for subnormal ones; no table, no branch.
package func convertHalf(_ input: UnsafeRawPointer, into output: UnsafeMutablePointer<Float>, count: Int) {
    let scale = Float(bitPattern: UInt32(127 + 112) << 23)
    var index = 0
    while index + 8 <= count {
        let half = (input + 2 * index).loadUnaligned(as: SIMD8<UInt16>.self)
        let wide = SIMD8<UInt32>(truncatingIfNeeded: half)
        let magnitude = unsafeBitCast((wide & 0x7fff) &<< 13, to: Lanes.self) * scale
        let sign = (wide & 0x8000) &<< 16
        unsafeBitCast(unsafeBitCast(magnitude, to: SIMD8<UInt32>.self) | sign, to: Lanes.self).store(output + index)
        index += 8
    }
    while index < count {
        let half = UInt32((input + 2 * index).loadUnaligned(as: UInt16.self))
        let magnitude = Float(bitPattern: (half & 0x7fff) << 13) * scale
        output[index] = Float(bitPattern: magnitude.bitPattern | (half & 0x8000) << 16)
        index += 1
    }
}

/// Whether none of `count` half precision values is an infinity or NaN.
package func halfIsFinite(_ input: UnsafeRawPointer, count: Int) -> Bool {
    let exponent = SIMD8<UInt16>(repeating: 0x7c00)
    var bad = SIMD8<UInt16>.zero
    var index = 0
    while index + 8 <= count {
        let bits = (input + 2 * index).loadUnaligned(as: SIMD8<UInt16>.self) & exponent
        bad.replace(with: 1, where: bits .== exponent)
        index += 8
    }
    if bad != .zero { return false }
    while index < count {
        if (input + 2 * index).loadUnaligned(as: UInt16.self) & 0x7c00 == 0x7c00 { return false }
        index += 1
    }
    return true
}

/// bfloat16 to f32: the upper half of the bits.
package func convertBrainFloat(_ input: UnsafeRawPointer, into output: UnsafeMutablePointer<Float>, count: Int) {
    for index in 0..<count {
        let bits = (input + 2 * index).loadUnaligned(as: UInt16.self)
        output[index] = Float(bitPattern: UInt32(bits) << 16)
    }
}

/// f32 to half precision bits, rounded to nearest even; what is too large becomes infinity.
package func halfBits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let magnitude = bits & 0x7fff_ffff
    if magnitude > 0x7f80_0000 { return sign | 0x7e00 }
    if magnitude >= 0x477f_f000 { return sign | 0x7c00 }
    if magnitude < 0x3880_0000 {
        // Subnormal: adding 0.5 leaves the bits of the multiple of 2^-24, rounded by the hardware.
        let rounded = Float(bitPattern: magnitude) + 0.5
        return sign | UInt16(truncatingIfNeeded: rounded.bitPattern &- Float(0.5).bitPattern)
    }
    let rounded = magnitude &+ 0xfff &+ ((magnitude >> 13) & 1)
    return sign | UInt16(truncatingIfNeeded: (rounded &- 0x3800_0000) >> 13)
}
