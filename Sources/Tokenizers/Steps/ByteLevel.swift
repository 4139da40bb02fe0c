/// Bytes as characters that can be seen, so that every text is made of 256 of them.
enum ByteLevel {
    /// GPT-2's words.
    static let pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    /// The UTF-8 of each byte's character, two bytes where it is no ASCII.
    private static let characters: [(first: UInt8, second: UInt8)] = {
        var next: UInt32 = 0x100
        return (0..<256).map { (byte: UInt32) in
            var code = byte
            if !(33...126 ~= byte || 161...172 ~= byte || 174...255 ~= byte) {
                code = next
                next += 1
            }
            return code < 0x80 ? (UInt8(code), 0) : (UInt8(0xc0 | code >> 6), UInt8(0x80 | code & 0x3f))
        }
    }()

    static func append(_ bytes: UnsafeBufferPointer<UInt8>, to result: inout [UInt8]) {
        characters.withUnsafeBufferPointer { characters in
            for byte in bytes {
                let character = characters[Int(byte)]
                result.append(character.first)
                if character.second != 0 { result.append(character.second) }
            }
        }
    }

    static func mapped(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count * 3 / 2)
        text.withUnsafeBufferPointer { append($0, to: &result) }
        return result
    }
}
