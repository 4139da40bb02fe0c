/// What sound and video containers say about themselves, read before any library sees them: libraries silently decode what little
/// is there of a file that claims more, or allocate for what is claimed.
enum ContainerClaims {
    /// Gives a note of what stands in the file and is not read, or is not there and hardly missed. Throws `damaged`, `badSampleRate` and
    /// `tooManyChannels`.
    static func check(
        _ bytes: UnsafeRawBufferPointer, _ format: AudioFormat, _ limits: MediaLimits
    ) throws(MediaError) -> MediaNote? {
        switch format {
        case .wav: return try checkWave(bytes, limits)
        case .aiff: return try checkAIFF(bytes)
        case .m4a: return try checkISO(bytes, format.rawValue, limits)
        case .weba, .mka: return checkMatroska(bytes, format.rawValue)
        case .mp3, .flac, .ogg, .aac: return nil
        }
    }

    /// Whether a WAV file is one that libsndfile 1.2 does not know or misreads: BW64, the successor of RF64, and MPEG sound, whose length it
    /// takes from an estimate.
    static func isForFFmpeg(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.has("WAVE", at: 8) else { return false }
        if bytes.has("BW64", at: 0) { return true }
        var offset = 12
        while let size = bytes.littleEndian(UInt32.self, at: offset + 4) {
            if bytes.has("fmt ", at: offset) {
                // Layers I and II, layer III.
                return [0x50, 0x55].contains(bytes.littleEndian(UInt16.self, at: offset + 8))
            }
            offset += 8 + Int(size) + Int(size & 1)
        }
        return false
    }

    /// As for sound. Throws `damaged` and `tooManyFrames`.
    static func check(
        _ bytes: UnsafeRawBufferPointer, _ format: VideoFormat, _ limits: MediaLimits
    ) throws(MediaError) -> MediaNote? {
        switch format {
        case .mp4, .mov: return try checkISO(bytes, format.rawValue, limits)
        case .webm, .mkv: return checkMatroska(bytes, format.rawValue)
        case .mpeg: return nil
        }
    }

    private static func checkMatroska(_ bytes: UnsafeRawBufferPointer, _ name: String) -> MediaNote? {
        if let (claimed, present) = Matroska.shortfall(bytes) {
            return .damaged(format: name, reason: "the header claims \(claimed) bytes, \(present) are present")
        }
        switch Matroska.damage(bytes) {
        case .cut: return .damaged(format: name, reason: "it ends amid what it has begun")
        case .stray: return .damaged(format: name, reason: "parts of it cannot be read, and are left out")
        case .secondFile:
            return .damaged(format: name, reason: "another file follows in it, read as a part of the first")
        case nil: return nil
        }
    }

    private static func checkISO(
        _ bytes: UnsafeRawBufferPointer, _ name: String, _ limits: MediaLimits
    ) throws(MediaError) -> MediaNote? {
        let boxes = ISOContainer.children(of: bytes)
        for box in boxes where bytes.has("mdat", at: box.typeOffset) {
            try checkSize(
                claimed: box.claimed, present: box.content.count, name,
                of: name == AudioFormat.m4a.rawValue ? "audio" : "media data")
        }
        try checkSampleTables(bytes, name, limits)
        try checkFragments(bytes, name)
        if boxes.count(where: { bytes.has("moov", at: $0.typeOffset) }) > 1 { return secondFile(name) }
        let movie = ISOContainer.boxes("moov", in: [bytes])
        guard
            ISOContainer.isBroken(bytes, mayEndInZeros: true)
                || movie.contains(where: { ISOContainer.isBroken($0, mayEndInZeros: false) })
        else { return nil }
        return .damaged(format: name, reason: "parts of it cannot be read, and are left out")
    }

    private static func checkWave(
        _ bytes: UnsafeRawBufferPointer, _ limits: MediaLimits
    ) throws(MediaError) -> MediaNote? {
        let isBigEndian = bytes.has("RIFX", at: 0)
        func number<T: FixedWidthInteger>(_ type: T.Type, at offset: Int) -> T? {
            isBigEndian ? bytes.bigEndian(type, at: offset) : bytes.littleEndian(type, at: offset)
        }
        var wideSize: UInt64?
        var offset = 12
        while let size = number(UInt32.self, at: offset + 4) {
            let content = offset + 8
            if bytes.has("ds64", at: offset) {
                wideSize = number(UInt64.self, at: content + 8)
            } else if bytes.has("fmt ", at: offset) {
                guard let channels = number(UInt16.self, at: content + 2),
                    let rate = number(UInt32.self, at: content + 4)
                else { break }
                guard channels > 0 else { throw damaged("wav", "the header claims 0 channels") }
                try limits.check(sampleRate: Int(rate), channels: Int(channels))
            } else if bytes.has("data", at: offset) {
                let isWide = size == .max && (bytes.has("RF64", at: 0) || bytes.has("BW64", at: 0))
                let claimed = isWide ? Int(clamping: wideSize ?? .max) : Int(size)
                if !isWide, isOpenEnded(size) { return nil }
                return try checkSound(claimed: claimed, content: content, bytes, "wav")
            }
            offset = content + Int(size) + Int(size & 1)
        }
        throw damaged("wav", "there is no audio data in it")
    }

    private static func checkAIFF(_ bytes: UnsafeRawBufferPointer) throws(MediaError) -> MediaNote? {
        var offset = 12
        while let size = bytes.bigEndian(UInt32.self, at: offset + 4) {
            if bytes.has("SSND", at: offset) {
                if isOpenEnded(size) { return nil }
                return try checkSound(claimed: Int(size), content: offset + 8, bytes, "aiff")
            }
            offset += 8 + Int(size) + Int(size & 1)
        }
        throw damaged("aiff", "there is no audio data in it")
    }

    /// Sizes that count the header before the sound are common: then no sample is missing. A second file behind the first is what a
    /// user gets who joins two with `cat`, and no program reads it.
    private static func checkSound(
        claimed: Int, content: Int, _ bytes: UnsafeRawBufferPointer, _ format: String
    ) throws(MediaError) -> MediaNote? {
        if claimed > bytes.count - content, claimed <= bytes.count {
            return .damaged(
                format: format,
                reason: """
                    the header claims \(claimed) bytes of audio, \(bytes.count - content) are present, \
                    as where it counts itself
                    """)
        }
        try checkSize(claimed: claimed, present: bytes.count - content, format)
        var offset = content + claimed + claimed & 1
        let end = SoundWrapping.end(of: bytes)
        while let size = bytes.littleEndian(UInt32.self, at: offset + 4) {
            if (bytes.has("RIFF", at: offset) && bytes.has("WAVE", at: offset + 8)) || bytes.has("FORM", at: offset) {
                return secondFile(format)
            }
            let length = format == "wav" ? Int(size) : Int(bytes.bigEndian(UInt32.self, at: offset + 4) ?? 0)
            guard isChunk(bytes, at: offset), offset + 8 + length <= bytes.count else { break }
            offset += 8 + length + length & 1
        }
        // Some programs fill files up with zeros.
        guard offset < end, bytes[offset..<end].contains(where: { $0 != 0 }) else { return nil }
        return .damaged(
            format: format,
            reason: "behind the audio that the header claims are \(end - offset) bytes that are not read")
    }

    private static func isChunk(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        bytes[offset..<offset + 4].allSatisfy { (0x20..<0x7F).contains($0) }
    }

    private static func secondFile(_ format: String) -> MediaNote {
        .damaged(format: format, reason: "another file follows in it, which is not read")
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
