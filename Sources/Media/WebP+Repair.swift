/// The chunks of a WebP file, enough of them to put its sizes right.
enum WebPChunks {
    /// The same file with the size that its whole chunks have. Those that are cut are left out: bytes of a picture may be lost anywhere
    /// in it, and libwebp decodes what is left. Nil where one of them says how the picture must be turned.
    static func repaired(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        guard bytes.has("RIFF", at: 0), bytes.has("WEBP", at: 8) else { return nil }
        var body = Array("WEBP".utf8)
        var offset = 12
        var lacksOrientation = bytes.has("VP8X", at: 12) && (bytes.uint8(at: 20) ?? 0) & 0x08 != 0
        while let size = bytes.littleEndian(UInt32.self, at: offset + 4).map(Int.init),
            bytes.slice(offset..<offset + 4).allSatisfy({ (0x20...0x7E).contains($0) })
        {
            let content = bytes.slice(offset + 8..<offset + 8 + size)
            if content.count == size {
                if bytes.has("EXIF", at: offset) { lacksOrientation = false }
                body += bytes.slice(offset..<offset + 4)
                body += littleEndian(UInt32(content.count))
                body += content
                if content.count & 1 == 1 { body.append(0) }
            }
            offset += 8 + size + size & 1
        }
        if lacksOrientation { return nil }
        return Array("RIFF".utf8) + littleEndian(UInt32(clamping: body.count)) + body
    }

    private static func littleEndian(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
