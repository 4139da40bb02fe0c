/// Headers of MPEG audio frames (MP3, MP2, AAC in ADTS), which have no magic number: 11 or 12 set bits, then fields that must make
/// sense.
enum MPEGAudio {
    /// Of the frame at `offset`, by its header and the next one.
    static func sniff(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> MediaType? {
        guard let header = bytes.bigEndian(UInt32.self, at: offset) else { return nil }
        if header >> 16 & 0xFFF6 == 0xFFF0 {
            // ADTS: a sampling frequency index above 12 does not exist.
            return header >> 10 & 0xF <= 12 ? .audio(.aac) : nil
        }
        guard let length = frameLength(header) else { return nil }
        // One header is 21 bits of evidence; the next one, where the file is long enough, doubles it.
        guard let next = bytes.bigEndian(UInt32.self, at: offset + length) else { return .audio(.mp3) }
        return frameLength(next) != nil || bytes.has("TAG", at: offset + length) ? .audio(.mp3) : nil
    }

    /// As far as junk may reach before the first frame: what FFmpeg skips.
    private static let maxJunk = 64 << 10
    /// Headers of one stream, each where the one before it says: some 80 bits of evidence.
    private static let framesInARow = 3

    /// The first frame of a stream that may begin with something else: zeros, the rest of a frame that was cut, a broken tag.
    static func find(in bytes: UnsafeRawBufferPointer, from start: Int) -> (offset: Int, format: AudioFormat)? {
        for offset in start..<max(start, min(bytes.count - 3, start + maxJunk)) where bytes[offset] == 0xFF {
            if let format = stream(bytes, at: offset) { return (offset, format) }
        }
        return nil
    }

    /// Bytes between frames that are none: what was overwritten or put in. Tags do not count, nor what stands behind the last frame. And whether
    /// that is not all there.
    static func damage(in bytes: UnsafeRawBufferPointer) -> (stray: Int, isCut: Bool) {
        var (offset, stray) = (0, 0)
        while offset < bytes.count {
            if let length = frame(bytes, at: offset)?.length ?? SoundWrapping.tagLength(bytes, at: offset) {
                offset += length
                continue
            }
            guard let next = (offset..<bytes.count).first(where: { bytes[$0] == 0xFF && stream(bytes, at: $0) != nil })
            else { break }
            stray += next - offset
            offset = next
        }
        return (stray, offset > bytes.count)
    }

    /// Of tags between frames, and behind them.
    static func tagBytes(in bytes: UnsafeRawBufferPointer) -> Int {
        var (offset, total) = (0, 0)
        while offset < bytes.count {
            if let length = SoundWrapping.tagLength(bytes, at: offset) {
                total += length
                offset += length
            } else {
                offset += frame(bytes, at: offset)?.length ?? 1
            }
        }
        return total
    }

    private static func stream(_ bytes: UnsafeRawBufferPointer, at start: Int) -> AudioFormat? {
        guard let first = frame(bytes, at: start) else { return nil }
        var (offset, count) = (start + first.length, 1)
        while count < framesInARow {
            // Two that fill the file are as good.
            if count >= 2, offset == bytes.count || bytes.has("TAG", at: offset) { break }
            guard let next = frame(bytes, at: offset), next.kind == first.kind else { return nil }
            offset += next.length
            count += 1
        }
        // The last one may be cut, but not before its header.
        return first.kind & 0xFFF6_0000 == 0xFFF0_0000 ? .aac : .mp3
    }

    /// Length in bytes, and what no frame of a stream changes.
    private static func frame(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> (length: Int, kind: UInt32)? {
        guard let header = bytes.bigEndian(UInt32.self, at: offset) else { return nil }
        guard header >> 16 & 0xFFF6 == 0xFFF0 else {
            // Version, layer and sampling rate.
            return frameLength(header).map { ($0, header & 0xFFFE_0C00) }
        }
        guard header >> 10 & 0xF <= 12, let sizes = bytes.bigEndian(UInt32.self, at: offset + 3) else { return nil }
        // 13 bits that begin in the last two of byte 3; the header is part of the length.
        let length = Int(sizes >> 13 & 0x1FFF)
        return length > 7 ? (length, header & 0xFFFE_FC00) : nil
    }

    /// In bytes, of a layer II or III frame; nil where the header is not one.
    private static func frameLength(_ header: UInt32) -> Int? {
        let version = Int(header >> 19 & 3)  // 0: MPEG 2.5, 2: MPEG 2, 3: MPEG 1
        let layer = 4 - Int(header >> 17 & 3)
        let bitRate = Int(header >> 12 & 15)
        let rate = Int(header >> 10 & 3)
        guard header >> 21 == 0x7FF, version != 1, layer == 2 || layer == 3, (1...14).contains(bitRate), rate != 3
        else { return nil }
        let kilobits =
            switch (version == 3, layer) {
            case (true, 2): [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384]
            case (true, _): [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
            default: [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
            }
        let sampleRate = [44_100, 48_000, 32_000][rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2)
        let samples = layer == 3 && version != 3 ? 576 : 1_152
        return samples / 8 * kilobits[bitRate - 1] * 1_000 / sampleRate + Int(header >> 9 & 1)
    }
}
