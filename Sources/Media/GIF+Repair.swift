/// The blocks of a GIF file, enough of them to close one that ends too early.
enum GIFBlocks {
    /// The file up to the end of its first image's data, cut where the file is, with the block sizes and the trailer that it lacks.
    /// Nil where no image's data begin. Whether all pixels are in them is the decoder's to say.
    static func closed(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        guard let data = imageData(bytes) else { return nil }
        var copy: [UInt8] = []
        var offset = data
        while let size = bytes.uint8(at: offset).map(Int.init), size > 0 {
            let present = min(size, bytes.count - offset - 1)
            guard present > 0 else { break }
            copy.append(UInt8(present))
            copy += bytes.slice(offset + 1..<offset + 1 + present)
            offset += 1 + size
        }
        return Array(bytes.slice(0..<data)) + copy + [0, 0x3B]
    }

    /// Where the first block of the first image's data begins.
    private static func imageData(_ bytes: UnsafeRawBufferPointer) -> Int? {
        func colors(_ flags: UInt8) -> Int { flags & 0x80 != 0 ? 3 << (Int(flags & 7) + 1) : 0 }
        guard let flags = bytes.uint8(at: 10) else { return nil }
        var offset = 13 + colors(flags)
        while let introducer = bytes.uint8(at: offset) {
            switch introducer {
            case 0x2C:
                guard let flags = bytes.uint8(at: offset + 9) else { return nil }
                // The last byte before the data is the size of a code.
                let data = offset + 10 + colors(flags) + 1
                return data < bytes.count ? data : nil
            case 0x21:
                offset += 2
                while let size = bytes.uint8(at: offset), size > 0 { offset += 1 + Int(size) }
                offset += 1
            default:
                return nil
            }
        }
        return nil
    }
}
