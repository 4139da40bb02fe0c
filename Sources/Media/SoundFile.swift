private import CSndfile

/// WAV, AIFF and Ogg through libsndfile, on memory.
struct SoundFile: ~Copyable {
    let info: AudioSource.Info
    /// Whether libsndfile sees no samples in it.
    let isEmpty: Bool

    private let file: OpaquePointer
    private let memory: UnsafeMutablePointer<Memory>
    private let interleaved: UnsafeMutableBufferPointer<Float>
    private let mono: UnsafeMutableBufferPointer<Float>
    private let format: AudioFormat

    private static let blockFrames = 4_096

    static func reads(_ format: AudioFormat) -> Bool {
        switch format {
        case .wav, .aiff, .ogg: true
        case .mp3, .flac, .aac, .m4a, .weba, .mka: false
        }
    }

    /// `bytes` must outlive the file. Throws `damaged`.
    init(_ bytes: UnsafeRawBufferPointer, format: AudioFormat) throws(MediaError) {
        let memory = UnsafeMutablePointer<Memory>.allocate(capacity: 1)
        memory.initialize(to: Memory(bytes: bytes))
        var access = Memory.access
        var sound = SF_INFO()
        guard let file = sf_open_virtual(&access, Int32(SFM_READ), &sound, memory) else {
            memory.deallocate()
            throw .damaged(format: format.name, reason: String(cString: sf_strerror(nil)))
        }
        let channels = max(1, Int(sound.channels))
        let frames = sound.frames >= 0 && sound.frames < Int64.max / 2 ? Int(sound.frames) : nil
        let rate = Double(max(1, sound.samplerate))
        info = AudioSource.Info(
            sampleRate: Int(sound.samplerate), channels: channels, seconds: frames.map { Double($0) / rate },
            promisedSeconds: format == .ogg ? nil : frames.map { (Double($0) - 0.5) / rate })
        isEmpty = frames == 0
        self.file = file
        self.memory = memory
        self.format = format
        interleaved = .allocate(capacity: Self.blockFrames * channels)
        mono = .allocate(capacity: Self.blockFrames)
    }

    deinit {
        sf_close(file)
        memory.deallocate()
        interleaved.deallocate()
        mono.deallocate()
    }

    /// Goes on at a time, in seconds. False where the file cannot, and stands where it stood.
    func seek(to seconds: Double) -> Bool {
        let frame = seconds * Double(max(1, info.sampleRate))
        return frame >= 0 && frame < 0x1p62 && sf_seek(file, Int64(frame), SEEK_SET) == Int64(frame)
    }

    func next() throws(MediaError) -> AudioSource.Block? {
        let count = Int(sf_readf_float(file, interleaved.baseAddress, Int64(Self.blockFrames)))
        // Also with samples: what a decoder could not read, it may have filled with silence.
        guard sf_error(file) == SF_ERR_NO_ERROR else {
            throw .damaged(format: format.name, reason: String(cString: sf_strerror(file)))
        }
        guard count > 0 else { return nil }
        let channels = info.channels
        for frame in 0..<count {
            var sum: Float = 0
            for channel in 0..<channels {
                sum += interleaved[frame * channels + channel]
            }
            mono[frame] = sum / Float(channels)
        }
        return AudioSource.Block(
            samples: UnsafeBufferPointer(rebasing: mono[..<count]), sampleRate: info.sampleRate, channels: channels)
    }
}

/// A file in memory, as libsndfile's callbacks see it.
private struct Memory {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    static var access: SF_VIRTUAL_IO {
        SF_VIRTUAL_IO(
            get_filelen: { Int64(memory($0).pointee.bytes.count) },
            seek: { offset, whence, state in
                let file = memory(state)
                let base =
                    switch whence {
                    case SEEK_CUR: file.pointee.position
                    case SEEK_END: file.pointee.bytes.count
                    default: 0
                    }
                let (target, overflow) = base.addingReportingOverflow(Int(offset))
                guard !overflow, target >= 0, target <= file.pointee.bytes.count else { return -1 }
                file.pointee.position = target
                return Int64(target)
            },
            read: { output, count, state in
                let file = memory(state)
                let n = min(Int(count), file.pointee.bytes.count - file.pointee.position)
                guard n > 0, let output else { return 0 }
                let start = file.pointee.position
                UnsafeMutableRawBufferPointer(start: output, count: n)
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: file.pointee.bytes[start..<start + n]))
                file.pointee.position += n
                return Int64(n)
            },
            write: { _, _, _ in 0 },
            tell: { Int64(memory($0).pointee.position) })
    }
}

private func memory(_ state: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<Memory> {
    // Never nil: it is the pointer given to sf_open_virtual.
    state!.assumingMemoryBound(to: Memory.self)
}
