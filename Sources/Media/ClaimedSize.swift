extension ImageFormat {
    /// Pixels that the first bytes of a picture claim, without a library: for guessing what its decoding will cost, and for nothing else. Nil
    /// where they do not say, as in HEIC and AVIF, whose sizes stand in boxes.
    package func claimedPixels(_ bytes: RawSpan) -> Int? {
        switch self {
        case .png: bytes.product(at: 16, 20, of: UInt32.self, bigEndian: true)
        case .gif: bytes.product(at: 6, 8, of: UInt16.self, bigEndian: false)
        // Upside down, a height is negative.
        case .bmp: bytes.product(at: 18, 22, of: Int32.self, bigEndian: false)
        case .webp: bytes.webPPixels
        case .jpeg: bytes.jpegPixels
        default: nil
        }
    }
}

extension RawSpan {
    /// Segments before a JPEG's size that are looked at: its metadata.
    private static var jpegSegments: Int { 200 }

    private func number<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ type: Value.Type, bigEndian: Bool)
        -> Int?
    {
        let size = MemoryLayout<Value>.size
        guard offset >= 0, byteCount >= size, offset <= byteCount - size else { return nil }
        let value = unsafeLoadUnaligned(fromByteOffset: offset, as: type)
        return Int(truncatingIfNeeded: bigEndian ? value.bigEndian : value.littleEndian)
    }

    fileprivate func product<Value: FixedWidthInteger & BitwiseCopyable>(
        at first: Int, _ second: Int, of type: Value.Type, bigEndian: Bool
    ) -> Int? {
        guard let width = number(first, type, bigEndian: bigEndian),
            let height = number(second, type, bigEndian: bigEndian)
        else { return nil }
        let (product, overflow) = abs(width).multipliedReportingOverflow(by: abs(height))
        return overflow ? .max : product
    }

    /// The extended form has 24 bits less one, VP8 14 bits and VP8L 14 bits less one, side by side.
    fileprivate var webPPixels: Int? {
        guard let kind = number(12, UInt32.self, bigEndian: true) else { return nil }
        switch kind {
        case 0x5650_3858:
            guard let width = number(24, UInt32.self, bigEndian: false),
                let height = number(26, UInt32.self, bigEndian: false)
            else { return nil }
            return (width & 0xFF_FFFF + 1) * (height >> 8 & 0xFF_FFFF + 1)
        case 0x5650_3820:
            guard let width = number(26, UInt16.self, bigEndian: false),
                let height = number(28, UInt16.self, bigEndian: false)
            else { return nil }
            return (width & 0x3FFF) * (height & 0x3FFF)
        case 0x5650_384C:
            guard let bits = number(21, UInt32.self, bigEndian: false) else { return nil }
            return (bits & 0x3FFF + 1) * (bits >> 14 & 0x3FFF + 1)
        default: return nil
        }
    }

    /// From the first frame header.
    fileprivate var jpegPixels: Int? {
        var offset = 2
        for _ in 0..<Self.jpegSegments {
            guard let marker = number(offset, UInt16.self, bigEndian: true), marker >= 0xFF00,
                let length = number(offset + 2, UInt16.self, bigEndian: true)
            else { return nil }
            if (0xFFC0...0xFFCF).contains(marker), ![0xFFC4, 0xFFC8, 0xFFCC].contains(marker) {
                return product(at: offset + 5, offset + 7, of: UInt16.self, bigEndian: true)
            }
            offset += marker == 0xFFFF ? 1 : 2 + length
        }
        return nil
    }
}
