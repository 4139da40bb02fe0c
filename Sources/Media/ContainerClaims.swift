/// What sound and video containers say about themselves, read before any library sees them: libraries silently decode what little
/// is there of a file that claims more, or allocate for what is claimed.
enum ContainerClaims {
    /// Throws `damaged`, `badSampleRate` and `tooManyChannels`.
    static func check(
        _ bytes: UnsafeRawBufferPointer, _ format: AudioFormat, _ limits: MediaLimits
    ) throws(MediaError) {
        switch format {
        case .wav: try checkWave(bytes, limits)
        case .aiff: try checkAIFF(bytes)
        case .m4a: try checkISO(bytes, format.rawValue, limits)
        case .mp3, .flac, .ogg, .aac: break
        }
    }

    /// Throws `damaged` and `tooManyFrames`.
    static func check(
        _ bytes: UnsafeRawBufferPointer, _ format: VideoFormat, _ limits: MediaLimits
    ) throws(MediaError) {
        switch format {
        case .mp4, .mov: try checkISO(bytes, format.rawValue, limits)
        case .mpeg, .webm, .mkv: break
        }
    }

    private static func checkISO(
        _ bytes: UnsafeRawBufferPointer, _ name: String, _ limits: MediaLimits
    ) throws(MediaError) {
        for box in ISOContainer.children(of: bytes) where bytes.has("mdat", at: box.typeOffset) {
            try checkSize(
                claimed: box.claimed, present: box.content.count, name,
                of: name == AudioFormat.m4a.rawValue ? "audio" : "media data")
        }
        try checkSampleTables(bytes, name, limits)
        try checkFragments(bytes, name)
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
                guard channels > 0 else { throw damaged("wav", "the header claims 0 channels") }
                try limits.check(sampleRate: Int(rate), channels: Int(channels))
            } else if bytes.has("data", at: offset) {
                let isWide = bytes.has("RF64", at: 0) && size == .max
                let claimed = isWide ? Int(clamping: wideSize ?? .max) : Int(size)
                if !isWide, isOpenEnded(size) { return }
                return try checkSize(claimed: claimed, present: bytes.count - content, "wav")
            }
            offset = content + Int(size) + Int(size & 1)
        }
        throw damaged("wav", "there is no audio data in it")
    }

    private static func checkAIFF(_ bytes: UnsafeRawBufferPointer) throws(MediaError) {
        var offset = 12
        while let size = bytes.bigEndian(UInt32.self, at: offset + 4) {
            if bytes.has("SSND", at: offset) {
                if isOpenEnded(size) { return }
                return try checkSize(claimed: Int(size), present: bytes.count - offset - 8, "aiff")
            }
            offset += 8 + Int(size) + Int(size & 1)
        }
        throw damaged("aiff", "there is no audio data in it")
    }

    /// Whether a size is what programs write that cannot know it, because they write to a pipe: 0 and 2^32 - 1 (FFmpeg,
    /// GStreamer), 2^31 (arecord), 0x7FFFF000 and 0x7F000000 plus or minus a header (SoX).
    private static func isOpenEnded(_ size: UInt32) -> Bool {
        switch size {
        case 0, 0x7EFF_F000...0x7F00_1000, 0x7FFF_E000...0x8000_0000, 0xFFFF_F000...0xFFFF_FFFF: true
        default: false
        }
    }

    private static func checkSize(claimed: Int, present: Int, _ format: String, of what: String = "audio")
        throws(MediaError)
    {
        guard claimed <= present else {
            throw damaged(format, "the header claims \(claimed) bytes of \(what), \(max(0, present)) are present")
        }
    }

    /// FFmpeg builds an index entry of some 40 bytes for each sample of a table, and a table of equal sizes takes 20 bytes
    /// for four thousand million samples. A real sample has at least a byte, and a track of pictures no more than a limit.
    private static func checkSampleTables(
        _ bytes: UnsafeRawBufferPointer, _ name: String, _ limits: MediaLimits
    ) throws(MediaError) {
        let tracks = ISOContainer.boxes("trak", in: ISOContainer.boxes("moov", in: [bytes]))
        for media in ISOContainer.boxes("mdia", in: tracks) {
            let hasPictures = ISOContainer.boxes("hdlr", in: [media]).contains { $0.has("vide", at: 8) }
            let tables = ISOContainer.boxes("stbl", in: ISOContainer.boxes("minf", in: [media]))
            for table in ISOContainer.boxes("stsz", in: tables) {
                guard let samples = table.bigEndian(UInt32.self, at: 8), Int(samples) <= bytes.count else {
                    throw damaged(name, "a sample table claims more samples than the file has bytes")
                }
                if hasPictures, Int(samples) > limits.maxVideoPackets {
                    throw .tooManyFrames(limit: limits.maxVideoPackets)
                }
            }
        }
    }

    /// The runs of fragments, whose samples may take no byte of the table either.
    private static func checkFragments(_ bytes: UnsafeRawBufferPointer, _ name: String) throws(MediaError) {
        let tracks = ISOContainer.boxes("traf", in: ISOContainer.boxes("moof", in: [bytes]))
        var total = 0
        for run in ISOContainer.boxes("trun", in: tracks) {
            total += Int(run.bigEndian(UInt32.self, at: 4) ?? 0)
            guard total <= bytes.count else {
                throw damaged(name, "its fragments claim more samples than the file has bytes")
            }
        }
    }

    private static func damaged(_ format: String, _ reason: String) -> MediaError {
        .damaged(format: format, reason: reason)
    }
}
