import FoundationEssentials

/// Both alphabets, with or without padding, on one line or on many: clients of the service send any of them.
package enum Base64 {
    /// nil where a character is of neither alphabet, or the length is impossible.
    package static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        if let bytes = decodeLine(text) { return bytes }
        let isSpace = { (byte: UInt8) in byte == 10 || byte == 13 || byte == 32 || byte == 9 }
        // Python's `encodebytes` and the `base64` command break lines; the service's reader passes over them.
        guard text.contains(where: isSpace) else { return nil }
        let line = text.filter { !isSpace($0) }
        return line.withUnsafeBufferPointer(decodeLine)
    }

    package static func decode(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8 { decode($0) }
    }

    private static func decodeLine(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var end = text.count
        while end > 0, text.count - end < 2, text[end - 1] == UInt8(ascii: "=") { end -= 1 }
        guard end % 4 != 1 else { return nil }
        var isValid = true
        let bytes = [UInt8](unsafeUninitializedCapacity: end / 4 * 3 + 2) { bytes, count in
            sixBits.withUnsafeBufferPointer { sixBits in
                var index = 0
                var seen: UInt8 = 0
                while index + 4 <= end {
                    let (a, b) = (sixBits[Int(text[index])], sixBits[Int(text[index + 1])])
                    let (c, d) = (sixBits[Int(text[index + 2])], sixBits[Int(text[index + 3])])
                    seen |= a | b | c | d
                    bytes[count] = a << 2 | b >> 4
                    bytes[count + 1] = b << 4 | c >> 2
                    bytes[count + 2] = c << 6 | d
                    count += 3
                    index += 4
                }
                if end - index >= 2 {
                    let (a, b) = (sixBits[Int(text[index])], sixBits[Int(text[index + 1])])
                    seen |= a | b
                    bytes[count] = a << 2 | b >> 4
                    count += 1
                    if end - index == 3 {
                        let c = sixBits[Int(text[index + 2])]
                        seen |= c
                        bytes[count] = b << 4 | c >> 2
                        count += 1
                    }
                }
                isValid = seen & invalid == 0
            }
        }
        return isValid ? bytes : nil
    }

    private static let invalid: UInt8 = 0x80

    private static let sixBits: [UInt8] = {
        var table = [UInt8](repeating: invalid, count: 256)
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8
        for (value, letter) in letters.enumerated() { table[Int(letter)] = UInt8(value) }
        for (letters, value) in [("+-", 62), ("/_", 63)] as [(String, UInt8)] {
            for letter in letters.utf8 { table[Int(letter)] = value }
        }
        return table
    }()
}

extension Base64 {
    /// The bytes of f32 values, lowest first, in the standard alphabet with padding.
    package static func encode(littleEndian values: [Float]) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count * 4)
        for value in values {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return Data(bytes).base64EncodedString()
    }
}
