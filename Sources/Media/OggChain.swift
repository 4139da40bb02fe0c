/// An Ogg file may be a chain: complete streams one after the other, as in recordings of radio stations and in files that were joined.
enum OggChain {
    /// A recording has one a song. Each costs a decoder.
    private static let maxLinks = 1_000

    private static let beginsStream: UInt8 = 2

    /// The bytes of each link, the first from the beginning, the last to the end. Throws `unsupported`.
    static func links(of bytes: UnsafeRawBufferPointer) throws(MediaError) -> [Range<Int>] {
        var starts = [0]
        // Streams that are multiplexed begin together.
        var isBeginning = true
        var offset = 0
        while offset <= bytes.count - 27 {
            guard bytes.has("OggS", at: offset), bytes[offset + 4] == 0 else {
                // Junk, or a page whose length is damaged.
                offset += 1
                continue
            }
            let begins = bytes[offset + 5] & beginsStream != 0
            if begins, !isBeginning { starts.append(offset) }
            isBeginning = begins
            guard starts.count <= maxLinks else {
                throw .unsupported("ogg audio of more than \(maxLinks) streams one after the other")
            }
            let lacing = bytes.slice(offset + 27..<offset + 27 + Int(bytes[offset + 26]))
            offset += 27 + lacing.count + lacing.reduce(0) { $0 + Int($1) }
        }
        return zip(starts, starts.dropFirst() + [bytes.count]).map { $0..<$1 }
    }
}
