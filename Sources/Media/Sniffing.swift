extension MediaType {
    /// The format that the first bytes announce; nil for any other. Reads a bounded number of places and decodes nothing.
    package static func sniff(_ bytes: RawSpan) -> MediaType? {
        bytes.withUnsafeBytes { sniff($0) }
    }

    private static func sniff(_ bytes: UnsafeRawBufferPointer) -> MediaType? {
        image(bytes) ?? audio(bytes) ?? ISOContainer.sniff(bytes) ?? video(bytes) ?? document(bytes)
            ?? behindJunk(bytes)
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
        // Tags may precede any of these. Without anything after them, it is still an MP3 file, if a damaged one.
        let start = SoundWrapping.start(of: bytes)
        let isTagged = bytes.has("ID3", at: 0)
        let isWave = ["RIFF", "RIFX", "RF64", "BW64"].contains { bytes.has($0, at: start) }
        if isWave, bytes.has("WAVE", at: start + 8) { return .audio(.wav) }
        if bytes.has("FORM", at: start), bytes.has("AIFF", at: start + 8) || bytes.has("AIFC", at: start + 8) {
            return .audio(.aiff)
        }
        if bytes.has("fLaC", at: start) { return .audio(.flac) }
        if bytes.has("OggS", at: start) { return .audio(.ogg) }
        if let type = MPEGAudio.sniff(bytes, at: start) { return type }
        return isTagged ? behindJunk(bytes) ?? .audio(.mp3) : nil
    }

    /// What has a sure mark comes first: frames of MPEG sound are in films as well.
    private static func behindJunk(_ bytes: UnsafeRawBufferPointer) -> MediaType? {
        if let sound = SoundWrapping.markedSound(in: bytes, from: SoundWrapping.start(of: bytes)) {
            return .audio(sound.format)
        }
        // Of those, films alone: a picture among other bytes is no file of its own.
        switch ContainerStart.sniff(bytes) {
        case let type? where !type.isImage: return type
        default: break
        }
        return MPEGStream.find(in: bytes) != nil ? .video(.mpeg) : soundBehindJunk(bytes)
    }

    /// MP3 or AAC that does not begin with a frame.
    private static func soundBehindJunk(_ bytes: UnsafeRawBufferPointer) -> MediaType? {
        MPEGAudio.find(in: bytes, from: SoundWrapping.start(of: bytes)).map { .audio($0.format) }
    }

    private static func video(_ bytes: UnsafeRawBufferPointer) -> MediaType? {
        switch bytes.bigEndian(UInt32.self, at: 0) {
        case MPEGStream.packMark, 0x0000_01B3:
            return .video(.mpeg)
        case 0x1A45_DFA3:
            return Matroska.sniff(bytes)
        default:
            return MPEGStream.isTransportStream(bytes) ? .video(.mpeg) : nil
        }
    }

    private static func document(_ bytes: UnsafeRawBufferPointer) -> MediaType? {
        // Readers accept a preamble of up to 1,024 bytes, and such files exist.
        let header = bytes.slice(0..<1_028)
        return header.indices.contains { header.has("%PDF-", at: $0) } ? .document : nil
    }
}
