/// What sound containers say about themselves, read before any library sees them: libraries silently decode what little
/// is there of a file that claims more, or allocate for what is claimed.
enum ContainerClaims {
    /// Throws `damaged`, `badSampleRate` and `tooManyChannels`.
    static func check(
        _ bytes: UnsafeRawBufferPointer, _ format: AudioFormat, _ limits: MediaLimits
    ) throws(MediaError) {
        switch format {
        case .wav: try checkWave(bytes, limits)
        case .aiff: try checkAIFF(bytes)
        case .m4a:
            try checkMediaData(bytes)
            try checkSampleTables(bytes)
        case .mp3, .flac, .ogg, .aac: break
        }
    }

    private static func checkWave(_ bytes: UnsafeRawBufferPointer, _ limits: MediaLimits) throws(MediaError) {
        // RIFX is RIFF with the other byte order; libsndfile reads the rest of it.
        guard bytes.has("RIFF", at: 0) || bytes.has("RF64", at: 0) else { return }
        var wideSize: UInt64?
        var offset = 12
        while let size = bytes.littleEndian(UInt32.self, at: offset + 4) {
            let content = offset + 8
            if bytes.has("ds64", at: offset) {
                wideSize = bytes.littleEndian(UInt64.self, at: content + 8)
            } else if bytes.has("fmt ", at: offset) {
                guard let channels = bytes.littleEndian(UInt16.self, at: content + 2),
                    let rate = bytes.littleEndian(UInt32.self, at: content + 4)
                else { break }
                guard channels > 0 else { throw damaged(.wav, "the header claims 0 channels") }
                try limits.check(sampleRate: Int(rate), channels: Int(channels))
            } else if bytes.has("data", at: offset) {
                let isWide = bytes.has("RF64", at: 0) && size == .max
                let claimed = isWide ? Int(clamping: wideSize ?? .max) : Int(size)
                if !isWide, isOpenEnded(size) { return }
                return try checkSize(claimed: claimed, present: bytes.count - content, .wav)
            }
            offset = content + Int(size) + Int(size & 1)
        }
        throw damaged(.wav, "there is no audio data in it")
    }

    private static func checkAIFF(_ bytes: UnsafeRawBufferPointer) throws(MediaError) {
        var offset = 12
        while let size = bytes.bigEndian(UInt32.self, at: offset + 4) {
            if bytes.has("SSND", at: offset) {
                if isOpenEnded(size) { return }
                return try checkSize(claimed: Int(size), present: bytes.count - offset - 8, .aiff)
            }
            offset += 8 + Int(size) + Int(size & 1)
        }
        throw damaged(.aiff, "there is no audio data in it")
    }

    /// Whether a size is what programs write that cannot know it, because they write to a pipe: 0 and 2^32 - 1 (FFmpeg,
    /// GStreamer), 2^31 (arecord), 0x7FFFF000 and 0x7F000000 plus or minus a header (SoX).
    private static func isOpenEnded(_ size: UInt32) -> Bool {
        switch size {
        case 0, 0x7EFF_F000...0x7F00_1000, 0x7FFF_E000...0x8000_0000, 0xFFFF_F000...0xFFFF_FFFF: true
        default: false
        }
    }

    private static func checkSize(claimed: Int, present: Int, _ format: AudioFormat) throws(MediaError) {
        guard claimed <= present else {
            throw damaged(format, "the header claims \(claimed) bytes of audio, \(max(0, present)) are present")
        }
    }

    private static func checkMediaData(_ bytes: UnsafeRawBufferPointer) throws(MediaError) {
        for box in ISOContainer.children(of: bytes) where bytes.has("mdat", at: box.typeOffset) {
            try checkSize(claimed: box.claimed, present: box.content.count, .m4a)
        }
    }

    /// FFmpeg builds an index entry of some 40 bytes for each sample of a table, and a table of equal sizes takes 20 bytes
    /// for four thousand million samples. A real sample has at least a byte.
    private static func checkSampleTables(_ bytes: UnsafeRawBufferPointer) throws(MediaError) {
        let tracks = ISOContainer.boxes("trak", in: ISOContainer.boxes("moov", in: [bytes]))
        let media = ISOContainer.boxes("minf", in: ISOContainer.boxes("mdia", in: tracks))
        for table in ISOContainer.boxes("stsz", in: ISOContainer.boxes("stbl", in: media)) {
            guard let samples = table.bigEndian(UInt32.self, at: 8), Int(samples) <= bytes.count else {
                throw damaged(.m4a, "a sample table claims more samples than the file has bytes")
            }
        }
    }

    private static func damaged(_ format: AudioFormat, _ reason: String) -> MediaError {
        .damaged(format: format.rawValue, reason: reason)
    }
}
