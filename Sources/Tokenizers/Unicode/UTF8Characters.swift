/// UTF-8 that is known to be valid, character by character.
enum UTF8Characters {
    /// The character at `position`, which is moved behind it.
    @inline(__always)
    static func next(_ bytes: UnsafePointer<UInt8>, _ position: inout Int) -> UInt32 {
        let first = UInt32(bytes[position])
        if first < 0x80 {
            position += 1
            return first
        }
        if first < 0xe0 {
            let code = (first & 0x1f) << 6 | UInt32(bytes[position + 1] & 0x3f)
            position += 2
            return code
        }
        let second = UInt32(bytes[position + 1] & 0x3f)
        let third = UInt32(bytes[position + 2] & 0x3f)
        if first < 0xf0 {
            position += 3
            return (first & 0x0f) << 12 | second << 6 | third
        }
        let code = (first & 0x07) << 18 | second << 12 | third << 6 | UInt32(bytes[position + 3] & 0x3f)
        position += 4
        return code
    }

    /// The character that ends before `position`, which is above 0.
    static func previous(_ bytes: UnsafePointer<UInt8>, _ position: Int) -> UInt32 {
        var start = position - 1
        while start > 0, bytes[start] & 0xc0 == 0x80 { start -= 1 }
        return next(bytes, &start)
    }

    @inline(__always)
    static func append(_ code: UInt32, to bytes: inout [UInt8]) {
        if code < 0x80 {
            bytes.append(UInt8(code))
        } else if code < 0x800 {
            bytes.append(UInt8(0xc0 | code >> 6))
            bytes.append(UInt8(0x80 | code & 0x3f))
        } else if code < 0x10000 {
            bytes.append(UInt8(0xe0 | code >> 12))
            bytes.append(UInt8(0x80 | code >> 6 & 0x3f))
            bytes.append(UInt8(0x80 | code & 0x3f))
        } else {
            bytes.append(UInt8(0xf0 | code >> 18))
            bytes.append(UInt8(0x80 | code >> 12 & 0x3f))
            bytes.append(UInt8(0x80 | code >> 6 & 0x3f))
            bytes.append(UInt8(0x80 | code & 0x3f))
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// At most `count` bytes of UTF-8, whole characters.
    func prefix(characters count: Int) -> UnsafeBufferPointer<UInt8> {
        guard count < self.count else { return self }
        var end = count
        while end > 0, self[end] & 0xc0 == 0x80 { end -= 1 }
        return UnsafeBufferPointer(rebasing: self[..<end])
    }
}
