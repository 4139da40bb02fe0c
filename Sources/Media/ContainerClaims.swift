/// What sound and video containers say about themselves, read before any library sees them: libraries silently decode what little
/// is there of a file that claims more, or allocate for what is claimed.
enum ContainerClaims {
    /// Gives a note of what stands in the file and is not read, or is not there and hardly missed. Throws `damaged`, `tooCostly`,
    /// `badSampleRate` and `tooManyChannels`.
    static func check(
        _ bytes: UnsafeRawBufferPointer, _ format: AudioFormat, _ limits: MediaLimits
    ) throws(MediaError) -> MediaNote? {
        switch format {
        case .wav: return try checkWave(bytes, limits)
        case .aiff: return try checkAIFF(bytes)
        case .m4a: return try checkISO(bytes, format.name, limits)
        case .weba, .mka: return try checkMatroska(bytes, format.name)
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

    /// As for sound. Throws `damaged`, `tooCostly` and `tooManyFrames`.
    static func check(
        _ bytes: UnsafeRawBufferPointer, _ format: VideoFormat, _ limits: MediaLimits
    ) throws(MediaError) -> MediaNote? {
        switch format {
        case .mp4, .mov: return try checkISO(bytes, format.rawValue, limits)
        case .webm, .mkv: return try checkMatroska(bytes, format.rawValue)
        case .mpeg: return nil
        }
    }

    private static func checkMatroska(
        _ bytes: UnsafeRawBufferPointer, _ name: String
    ) throws(MediaError) -> MediaNote? {
        try Matroska.checkCounts(bytes, name)
        if let (claimed, present) = Matroska.shortfall(bytes) {
            return .damaged(
                format: name, reason: "the header claims \(counted(claimed, "byte")), \(are(present)) present")
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
        for box in boxes where bytes.has("moov", at: box.typeOffset) {
            try checkSize(claimed: box.claimed, present: box.content.count, name, of: "its index")
        }
        try ISOIndex.check(bytes, name, limits)
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
                    the header claims \(counted(claimed, "byte")) of audio, \(are(bytes.count - content)) present, \
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
            reason:
                "behind the audio that the header claims \(end - offset == 1 ? "is" : "are") \(counted(end - offset, "byte")) that \(end - offset == 1 ? "is" : "are") not read"
        )
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
            throw damaged(
                format, "the header claims \(counted(claimed, "byte")) of \(what), \(are(max(0, present))) present")
        }
    }

    private static func damaged(_ format: String, _ reason: String) -> MediaError {
        .damaged(format: format, reason: reason)
    }
}
