/// What programs put around a sound file of any format: tags before and behind it, and what was left of a stream that was cut.
enum SoundWrapping {
    /// The sound file itself. `format` is what ``MediaType/sniff(_:)`` found, by the same rules.
    static func content(of bytes: UnsafeRawBufferPointer, _ format: AudioFormat) -> UnsafeRawBufferPointer {
        switch format {
        case .m4a, .weba, .mka: return ContainerStart.content(of: bytes)
        case .wav, .aiff: return bytes.slice(start(of: bytes)..<bytes.count)
        case .ogg: return bytes.slice(beginning(of: bytes, "OggS")..<bytes.count)
        case .flac:
            let start = beginning(of: bytes, "fLaC")
            return bytes.slice(start..<max(start, end(of: bytes)))
        case .mp3, .aac:
            let start = start(of: bytes)
            let first = MPEGAudio.find(in: bytes, from: start)?.offset ?? start
            return bytes.slice(first..<max(first, end(of: bytes)))
        }
    }

    /// Behind tags and, for formats that have a sure mark, behind junk.
    private static func beginning(of bytes: UnsafeRawBufferPointer, _ mark: StaticString) -> Int {
        let start = start(of: bytes)
        if bytes.has(mark, at: start) { return start }
        return markedSound(in: bytes, from: start)?.offset ?? start
    }

    /// As far as junk may reach before the sound, as for MPEG sound.
    private static let maxJunk = 64 << 10

    /// Ogg and FLAC behind something else, known by a page with its checksum and by headers that lead to a frame.
    static func markedSound(in bytes: UnsafeRawBufferPointer, from start: Int) -> (offset: Int, format: AudioFormat)? {
        if let offset = OggChain.find(in: bytes, from: start) { return (offset, .ogg) }
        let places = start..<max(start, min(bytes.count - 42, start + maxJunk))
        let offset = places.first { bytes[$0] == 0x66 && bytes.has("fLaC", at: $0) && isFLAC(bytes, at: $0) }
        return offset.map { ($0, .flac) }
    }

    /// Whether the headers, of which the last one says so, lead to a frame.
    private static func isFLAC(_ bytes: UnsafeRawBufferPointer, at mark: Int) -> Bool {
        var offset = mark + 4
        while let header = bytes.bigEndian(UInt32.self, at: offset) {
            offset += 4 + Int(header & 0xFF_FFFF)
            guard header >> 31 == 1 else { continue }
            return bytes.bigEndian(UInt16.self, at: offset).map { $0 & 0xFFFC == 0xFFF8 } ?? false
        }
        return false
    }

    /// Bytes before the sound that are no tag.
    static func junk(before format: AudioFormat, in bytes: UnsafeRawBufferPointer) -> Int {
        switch format {
        case .ogg: beginning(of: bytes, "OggS") - start(of: bytes)
        case .flac: beginning(of: bytes, "fLaC") - start(of: bytes)
        case .m4a, .weba, .mka: bytes.count - ContainerStart.content(of: bytes).count
        case .wav, .aiff, .mp3, .aac: 0
        }
    }

    /// Behind all ID3v2 tags at the beginning: some programs put one before another.
    static func start(of bytes: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        while bytes.has("ID3", at: offset), offset < bytes.count { offset += id3Length(bytes, at: offset) }
        return min(offset, bytes.count)
    }

    /// Before all ID3v1 and APE tags at the end.
    static func end(of bytes: UnsafeRawBufferPointer) -> Int {
        var end = bytes.count
        while true {
            if bytes.has("TAG", at: end - 128) {
                end -= 128
            } else if bytes.has("APETAGEX", at: end - 32), let size = bytes.littleEndian(UInt32.self, at: end - 20) {
                // An APE tag ends in 32 bytes that tell its length, and may begin with as many.
                let hasHeader = (bytes.littleEndian(UInt32.self, at: end - 12) ?? 0) >> 31 == 1
                end -= min(end, max(32, Int(size)) + (hasHeader ? 32 : 0))
            } else {
                return end
            }
        }
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
