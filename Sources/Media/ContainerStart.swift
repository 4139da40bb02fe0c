/// Where an MP4 or Matroska file begins that has something else in front: what was left of a header of HTTP, of another file, of a disc's block.
enum ContainerStart {
    /// As far as junk may reach, as for MPEG sound.
    private static let maxJunk = 64 << 10
    /// What follows a file's type.
    private static let second: [StaticString] = [
        "moov", "mdat", "free", "skip", "wide", "moof", "sidx", "styp", "uuid", "pdin", "meta", "junk",
    ]

    /// By the first box or element and what stands where it ends.
    static func find(in bytes: UnsafeRawBufferPointer) -> Int? {
        (0..<max(0, min(bytes.count - 16, maxJunk))).first { offset in
            switch bytes[offset] {
            case 0x00: isISO(bytes, at: offset)
            case 0x1A: Matroska.begins(bytes, at: offset)
            default: false
            }
        }
    }

    private static func isISO(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        guard bytes.has("ftyp", at: offset + 4), let length = bytes.bigEndian(UInt32.self, at: offset),
            (16...1_024).contains(length)
        else { return false }
        return second.contains { bytes.has($0, at: offset + Int(length) + 4) }
    }

    /// The file itself.
    static func content(of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        // Those that begin with their first byte need no second look.
        let isPlain = bytes.has("ftyp", at: 4) || bytes.bigEndian(UInt32.self, at: 0) == 0x1A45_DFA3
        guard !isPlain, ISOContainer.sniff(bytes) == nil, let start = find(in: bytes) else { return bytes }
        return bytes.slice(start..<bytes.count)
    }

    /// Of the file behind junk; nil where there is none.
    static func sniff(_ bytes: UnsafeRawBufferPointer) -> MediaType? {
        guard let start = find(in: bytes), start > 0 else { return nil }
        let file = bytes.slice(start..<bytes.count)
        return file[0] == 0x1A ? Matroska.sniff(file) : ISOContainer.sniff(file)
    }
}
