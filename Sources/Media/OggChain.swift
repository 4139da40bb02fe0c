/// An Ogg file may be a chain: complete streams one after the other, as in recordings of radio stations and in files that were joined.
enum OggChain {
    /// A recording has one a song. Each costs a decoder.
    private static let maxLinks = 1_000

    private static let beginsStream: UInt8 = 2
    private static let endsStream: UInt8 = 4

    /// As far as junk may reach before the first page, as for MPEG sound.
    private static let maxJunk = 64 << 10

    /// The first page of a stream that may begin with something else: one that begins a stream and whose checksum is right.
    static func find(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var wrong = 0
        return (start..<max(start, min(bytes.count - 27, start + maxJunk))).first { offset in
            guard wrong < maxWrong, bytes.has("OggS", at: offset), bytes[offset + 5] & beginsStream != 0 else {
                return false
            }
            guard let page = page(bytes, at: offset) else { return false }
            wrong += page.isWhole ? 0 : 1
            return page.isWhole
        }
    }

    /// What decoders pass over without a word: pages whose checksum is wrong or that are not there, and what came behind them.
    static func damage(in bytes: UnsafeRawBufferPointer) -> [String] {
        var (wrong, missing, isCut) = (0, 0, false)
        // By the number of each stream.
        var streams: [UInt32: (next: UInt32, isHeader: Bool, hasEnded: Bool)] = [:]
        var offset = 0
        while offset <= bytes.count - 27 {
            guard bytes.has("OggS", at: offset), bytes[offset + 4] == 0 else {
                offset += 1
                continue
            }
            guard let page = page(bytes, at: offset) else {
                isCut = true
                break
            }
            guard page.isWhole else {
                // Its length may be what is wrong.
                wrong += 1
                // Each costs a checksum of 64 kB at most, and they may stand in one another.
                guard wrong < maxWrong else {
                    return ["pages of it that are damaged or missing and are left out: \(maxWrong) or more"]
                }
                offset += 1
                continue
            }
            if let stream = streams[page.stream], page.flags & beginsStream == 0, page.number != stream.next {
                // Back where the first page of another link is missing.
                let gap = page.number > stream.next ? Int(page.number - stream.next) : 1
                // A recording of a broadcast has the headers, and then begins amid the stream.
                if !stream.isHeader || gap <= maxGapBehindHeaders { missing += gap }
            }
            streams[page.stream] = (page.number &+ 1, page.isHeader, page.flags & endsStream != 0)
            offset += page.length
        }
        var reasons: [String] = []
        let lost = max(wrong, missing)
        if lost > 0 { reasons.append("pages of it that are damaged or missing and are left out: \(lost)") }
        if isCut || streams.values.contains(where: { !$0.hasEnded }) {
            reasons.append("its end is missing")
        }
        return reasons
    }

    private static let maxGapBehindHeaders = 64
    private static let maxWrong = 1_000

    private struct Page {
        var length: Int
        var flags: UInt8
        var stream: UInt32
        var number: UInt32
        /// Whether no sound ends in it, as in those with a stream's headers.
        var isHeader: Bool
        var isWhole: Bool
    }

    /// Nil where the file ends in it.
    private static func page(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Page? {
        let lacing = bytes.slice(offset + 27..<offset + 27 + Int(bytes[offset + 26]))
        let length = 27 + lacing.count + lacing.reduce(0) { $0 + Int($1) }
        guard lacing.count == Int(bytes[offset + 26]), offset + length <= bytes.count,
            let granule = bytes.littleEndian(UInt64.self, at: offset + 6),
            let stream = bytes.littleEndian(UInt32.self, at: offset + 14),
            let number = bytes.littleEndian(UInt32.self, at: offset + 18),
            let checksum = bytes.littleEndian(UInt32.self, at: offset + 22)
        else { return nil }
        var sum: UInt32 = 0
        for (index, byte) in bytes[offset..<offset + length].enumerated() {
            // The checksum itself counts as zero.
            let value = (22..<26).contains(index) ? 0 : byte
            sum = sum << 8 ^ table[Int(UInt8(truncatingIfNeeded: sum >> 24) ^ value)]
        }
        return Page(
            length: length, flags: bytes[offset + 5], stream: stream, number: number,
            isHeader: granule == 0, isWhole: sum == checksum)
    }

    /// CRC-32 as Ogg has it: highest bit first, from 0, not inverted.
    private static let table: [UInt32] = (0..<256).map { (index: UInt32) in
        (0..<8).reduce(index << 24) { sum, _ in sum << 1 ^ (sum >> 31 == 1 ? 0x04C1_1DB7 : 0) }
    }

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
