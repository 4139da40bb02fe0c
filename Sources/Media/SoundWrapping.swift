/// What programs put around a sound file of any format: tags before and behind it, and what was left of a stream that was cut.
enum SoundWrapping {
    /// The sound file itself. `format` is what ``MediaType/sniff(_:)`` found, by the same rules.
    static func content(of bytes: UnsafeRawBufferPointer, _ format: AudioFormat) -> UnsafeRawBufferPointer {
        switch format {
        case .m4a, .weba, .mka: return bytes
        case .wav, .aiff, .ogg: return bytes.slice(start(of: bytes)..<bytes.count)
        case .flac:
            let start = start(of: bytes)
            return bytes.slice(start..<max(start, end(of: bytes)))
        case .mp3, .aac:
            let start = start(of: bytes)
            let first = MPEGAudio.find(in: bytes, from: start)?.offset ?? start
            return bytes.slice(first..<max(first, end(of: bytes)))
        }
    }

    /// Behind all ID3v2 tags at the beginning: some programs put one before another.
    static func start(of bytes: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        while bytes.has("ID3", at: offset), offset < bytes.count { offset += id3Length(bytes, at: offset) }
        return min(offset, bytes.count)
    }

    /// Before ID3v1 and APE tags at the end.
    static func end(of bytes: UnsafeRawBufferPointer) -> Int {
        var end = bytes.count
        if bytes.has("TAG", at: end - 128) { end -= 128 }
        // An APE tag ends in 32 bytes that tell its length, and may begin with as many.
        if bytes.has("APETAGEX", at: end - 32), let size = bytes.littleEndian(UInt32.self, at: end - 20) {
            let hasHeader = (bytes.littleEndian(UInt32.self, at: end - 12) ?? 0) >> 31 == 1
            end -= min(end, Int(size) + (hasHeader ? 32 : 0))
        }
        return end
    }

    /// Of the tag at `offset`, wherever that is: where files were joined, in the middle. Nil where there is none.
    static func tagLength(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int? {
        if bytes.has("ID3", at: offset) { return id3Length(bytes, at: offset) }
        if bytes.has("TAG", at: offset) { return 128 }
        guard bytes.has("APETAGEX", at: offset), let size = bytes.littleEndian(UInt32.self, at: offset + 12) else {
            return nil
        }
        return 32 + Int(size)
    }

    private static func id3Length(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
        guard let size = bytes.bigEndian(UInt32.self, at: offset + 6) else { return bytes.count }
        // Four times seven bits; bit 7 of each byte is 0.
        let length = (size & 0x7F) | (size >> 1 & 0x3F80) | (size >> 2 & 0x1F_C000) | (size >> 3 & 0xFE0_0000)
        let hasFooter = (bytes.uint8(at: offset + 5) ?? 0) & 0x10 != 0
        return 10 + Int(length) + (hasFooter ? 10 : 0)
    }
}
