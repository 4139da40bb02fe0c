extension MediaType {
    /// The format that the first bytes announce; nil for any other. Reads a bounded number of places and decodes nothing.
    package static func sniff(_ bytes: RawSpan) -> MediaType? {
        bytes.withUnsafeBytes { sniff($0) }
    }

    private static func sniff(_ bytes: UnsafeRawBufferPointer) -> MediaType? {
        image(bytes) ?? audio(bytes) ?? ISOContainer.sniff(bytes) ?? video(bytes) ?? document(bytes)
    }

    private static func image(_ bytes: UnsafeRawBufferPointer) -> MediaType? {
        if bytes.bigEndian(UInt32.self, at: 0).map({ $0 >> 8 == 0xFFD8FF }) ?? false { return .image(.jpeg) }
        if bytes.bigEndian(UInt64.self, at: 0) == 0x89_504E_470D_0A1A_0A { return .image(.png) }
        if bytes.has("GIF87a", at: 0) || bytes.has("GIF89a", at: 0) { return .image(.gif) }
        if bytes.has("RIFF", at: 0), bytes.has("WEBP", at: 8) { return .image(.webp) }
        // Two letters are too few to go by: the size of the header that follows must be one that exists.
        if bytes.has("BM", at: 0), let size = bytes.littleEndian(UInt32.self, at: 14) {
            return [12, 16, 40, 52, 56, 64, 108, 124].contains(size) ? .image(.bmp) : nil
        }
        return nil
    }

    private static func audio(_ bytes: UnsafeRawBufferPointer) -> MediaType? {
        if bytes.has("WAVE", at: 8), bytes.has("RIFF", at: 0) || bytes.has("RIFX", at: 0) || bytes.has("RF64", at: 0) {
            return .audio(.wav)
        }
        if bytes.has("FORM", at: 0), bytes.has("AIFF", at: 8) || bytes.has("AIFC", at: 8) { return .audio(.aiff) }
        if bytes.has("fLaC", at: 0) { return .audio(.flac) }
        if bytes.has("OggS", at: 0) { return .audio(.ogg) }
        guard bytes.has("ID3", at: 0) else { return MPEGAudio.sniff(bytes, at: 0) }
        // An ID3 tag may precede any of these. Without anything after it, it is still an MP3 file, if a damaged one.
        let start = id3Length(bytes)
        if bytes.has("fLaC", at: start) { return .audio(.flac) }
        return MPEGAudio.sniff(bytes, at: start) ?? .audio(.mp3)
    }

    private static func id3Length(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let size = bytes.bigEndian(UInt32.self, at: 6) else { return bytes.count }
        // Four times seven bits; bit 7 of each byte is 0.
        let length = (size & 0x7F) | (size >> 1 & 0x3F80) | (size >> 2 & 0x1F_C000) | (size >> 3 & 0xFE0_0000)
        let hasFooter = (bytes.uint8(at: 5) ?? 0) & 0x10 != 0
        return 10 + Int(length) + (hasFooter ? 10 : 0)
    }

    private static func video(_ bytes: UnsafeRawBufferPointer) -> MediaType? {
        switch bytes.bigEndian(UInt32.self, at: 0) {
        case 0x0000_01BA, 0x0000_01B3:
            return .video(.mpeg)
        case 0x1A45_DFA3:
            let header = bytes.slice(0..<128)
            return header.indices.contains { header.has("webm", at: $0) } ? .video(.webm) : .video(.mkv)
        default:
            // A transport stream: packets of 188 bytes that begin with G.
            let starts = (0..<4).compactMap { bytes.uint8(at: $0 * 188) }
            let isTransport = starts.count == 4 && starts.allSatisfy { $0 == 0x47 }
            return isTransport ? .video(.mpeg) : nil
        }
    }

    private static func document(_ bytes: UnsafeRawBufferPointer) -> MediaType? {
        // Readers accept a preamble of up to 1,024 bytes, and such files exist.
        let header = bytes.slice(0..<1_028)
        return header.indices.contains { header.has("%PDF-", at: $0) } ? .document : nil
    }
}

/// Headers of MPEG audio frames, which have no magic number: 11 or 12 set bits, then fields that must make sense.
enum MPEGAudio {
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
