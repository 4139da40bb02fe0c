/// Bounds on what sound files say about themselves in words. FFmpeg compares each word with all others: a megabyte of comments of a few bytes
/// each takes it minutes.
enum SoundTags {
    /// Of tags that are kept: some ten thousand of the shortest.
    private static let maxBytes = 128 << 10
    /// What a picture of the cover takes at most, in a comment of its own.
    private static let maxHeaderBytes = 16 << 20
    static let maxCount = 5_000

    /// A FLAC file with the one block of metadata that decoding needs where the others are long; others as they are.
    static func withoutLongTags<R>(
        _ bytes: UnsafeRawBufferPointer, _ format: AudioFormat,
        _ body: (UnsafeRawBufferPointer) throws(MediaError) -> R
    ) throws(MediaError) -> R {
        guard format == .flac, let frames = framesOfFLAC(bytes), frames > maxBytes else { return try body(bytes) }
        guard bytes.bigEndian(UInt32.self, at: 4).map({ $0 & 0x7FFF_FFFF == 34 }) ?? false else {
            throw .damaged(format: format.name, reason: "it does not begin with what is to know of its stream")
        }
        // 0x80: the last block.
        let short = bytes[..<4] + [0x80] + bytes[5..<42] + bytes[frames...]
        return try Array(short).span.bytes.withUnsafeBytes { bytes throws(MediaError) in try body(bytes) }
    }

    /// Where the frames begin, behind the blocks of metadata.
    private static func framesOfFLAC(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.has("fLaC", at: 0) else { return nil }
        var offset = 4
        while let header = bytes.bigEndian(UInt32.self, at: offset) {
            offset += 4 + Int(header & 0xFF_FFFF)
            if header >> 31 == 1 { return offset <= bytes.count ? offset : nil }
        }
        return nil
    }

    /// For files that FFmpeg is to read. Throws `tooCostly`.
    static func check(_ bytes: UnsafeRawBufferPointer, _ format: AudioFormat) throws(MediaError) {
        let isTooLong =
            switch format {
            case .wav: chunkBytes(bytes) { bytes.littleEndian(UInt32.self, at: $0) } > maxBytes
            case .aiff: chunkBytes(bytes) { bytes.bigEndian(UInt32.self, at: $0) } > maxBytes
            case .ogg: hasLongHeaders(bytes)
            case .aac: MPEGAudio.tagBytes(in: bytes) > maxBytes
            case .mp3, .flac, .m4a, .weba, .mka: false
            }
        guard !isTooLong else { throw tooMany(format.name) }
    }

    static func tooMany(_ name: String) -> MediaError {
        .tooCostly(format: name, reason: "it has more tags than \(maxCount), or than \(maxBytes) bytes")
    }

    private static func chunkBytes(_ bytes: UnsafeRawBufferPointer, size: (Int) -> UInt32?) -> Int {
        let tags: [StaticString] = ["LIST", "ID3 ", "id3 "]
        var (offset, total) = (12, 0)
        while let length = size(offset + 4) {
            if tags.contains(where: { bytes.has($0, at: offset) }) { total += Int(length) }
            offset += 8 + Int(length) + Int(length & 1)
        }
        return total
    }

    /// Whether the pages before the first one with sound hold too many comments, or more than can be told.
    private static func hasLongHeaders(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var (offset, hasCount) = (0, false)
        while bytes.has("OggS", at: offset), offset + 27 <= bytes.count,
            let granule = bytes.littleEndian(UInt64.self, at: offset + 6), granule == 0 || granule == .max
        {
            let lacing = bytes.slice(offset + 27..<offset + 27 + Int(bytes[offset + 26]))
            let content = offset + 27 + lacing.count
            for (mark, length): (StaticString, Int) in [("OpusTags", 8), ("\u{3}vorbis", 7)] {
                guard bytes.has(mark, at: content) else { continue }
                let vendor = Int(bytes.littleEndian(UInt32.self, at: content + length) ?? 0)
                let count = bytes.littleEndian(UInt32.self, at: content + length + 4 + vendor) ?? 0
                guard count <= maxCount else { return true }
                hasCount = true
            }
            offset = content + lacing.reduce(0) { $0 + Int($1) }
        }
        return offset > (hasCount ? maxHeaderBytes : maxBytes)
    }
}
