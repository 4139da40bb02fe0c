/// Where files are decoded: in this process, or in others that can do nothing but decode. Both give the same bits.
package enum Decoders: Sendable, Equatable {
    case inside
    case outside(DecoderPool)
}

extension Decoders {
    /// As ``ImageDecoder/decode(_:format:limits:target:)``. Outside, it also throws `decoderStopped`, `decoderProcess` and `cancelled`, as all
    /// of these do.
    package func image(
        _ bytes: RawSpan, format: ImageFormat, limits: MediaLimits = MediaLimits(),
        target: (ImageSize) -> ImageSize? = { _ in nil }
    ) throws(MediaError) -> DecodedImage {
        guard case .outside(let pool) = self else {
            return try ImageDecoder.decode(bytes, format: format, limits: limits, target: target)
        }
        var whole: ImageSize?
        return try pool.decode(
            .image(format), bytes, limits, seconds: pool.options.maxImageSeconds, memory: limits.imageBytes
        ) {
            whole = nil
        } question: { size throws(WorkerLie) in
            guard whole == nil, limits.allows(size, format) else { throw WorkerLie() }
            whole = size
            return WorkerTarget(size: target(size), room: 3 * size.pixelCount)
        } result: { message, worker throws(WorkerLie) in
            guard let whole else { throw WorkerLie() }
            let size = try message.size(in: 1...max(whole.width, whole.height))
            guard size.pixelCount <= whole.pixelCount else { throw WorkerLie() }
            return DecodedImage(
                image: PixelImage(size: size, pixels: try worker.copy(UInt8.self, 3 * size.pixelCount)),
                originalSize: whole, notes: try message.notes())
        }
    }

    /// As ``ImageDecoder/size(of:format:limits:)``.
    package func imageSize(
        of bytes: RawSpan, format: ImageFormat, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> ImageSize {
        guard case .outside(let pool) = self else {
            return try ImageDecoder.size(of: bytes, format: format, limits: limits)
        }
        return try pool.decode(
            .imageSize(format), bytes, limits, seconds: pool.options.maxImageSeconds, memory: limits.imageBytes
        ) { message, _ throws(WorkerLie) in
            let size = try message.size(in: 1...Int.max)
            guard limits.allows(size, format) else { throw WorkerLie() }
            return size
        }
    }

    /// As ``AudioDecoder/decode(_:format:limits:)``.
    package func audio(
        _ bytes: RawSpan, format: AudioFormat, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> AudioClip {
        guard case .outside(let pool) = self else {
            return try AudioDecoder.decode(bytes, format: format, limits: limits)
        }
        let most = MediaLimits.samples(in: limits.maxAudioSeconds)
        return try pool.decode(
            .audio(format), bytes, limits, seconds: pool.options.maxAudioSeconds, memory: 3 * 4 * most, room: 4 * most
        ) { message, worker throws(WorkerLie) in try worker.clip(&message, most: most, at: 0) }
    }

    /// As ``AudioDecoder/decode(_:format:from:to:limits:)``.
    package func audio(
        _ bytes: RawSpan, format: AudioFormat, from start: Double, to end: Double, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> AudioClip {
        guard case .outside(let pool) = self else {
            return try AudioDecoder.decode(bytes, format: format, from: start, to: end, limits: limits)
        }
        let most = MediaLimits.samples(in: end - start)
        return try pool.decode(
            .audioStretch(format, from: start, to: end), bytes, limits, seconds: pool.options.maxAudioSeconds,
            memory: 3 * 4 * most, room: 4 * most
        ) { message, worker throws(WorkerLie) in try worker.clip(&message, most: most, at: 0) }
    }

    /// As ``AudioDecoder/duration(of:format:limits:)``.
    package func audioSeconds(
        of bytes: RawSpan, format: AudioFormat, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> Double? {
        guard case .outside(let pool) = self else {
            return try AudioDecoder.duration(of: bytes, format: format, limits: limits)
        }
        return try pool.decode(
            .audioSeconds(format), bytes, limits, seconds: pool.options.maxAudioSeconds, memory: 0
        ) { message, _ throws(WorkerLie) in
            try message.optional()
        }
    }

    /// As ``AudioDecoder/length(of:format:limits:)``.
    package func audioLength(
        of bytes: RawSpan, format: AudioFormat, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> SoundLength {
        guard case .outside(let pool) = self else {
            return try AudioDecoder.length(of: bytes, format: format, limits: limits)
        }
        return try pool.decode(
            .audioLength(format), bytes, limits, seconds: pool.options.maxAudioSeconds, memory: 0
        ) { message, _ throws(WorkerLie) in
            SoundLength(promised: try message.optional(), exact: try message.optional())
        }
    }

    /// As ``VideoDecoder/outline(_:format:selection:maxFrames:wantsSound:limits:)``.
    package func videoOutline(
        _ bytes: RawSpan, format: VideoFormat, selection: VideoSelection = VideoSelection(), maxFrames: Int,
        wantsSound: Bool = false, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> (frameCount: Int, soundSeconds: Double) {
        guard case .outside(let pool) = self else {
            return try VideoDecoder.outline(
                bytes, format: format, selection: selection, maxFrames: maxFrames, wantsSound: wantsSound,
                limits: limits)
        }
        return try pool.decode(
            .videoOutline(format, selection, maxFrames: maxFrames, wantsSound: wantsSound), bytes, limits,
            seconds: pool.options.maxVideoSeconds, memory: limits.videoBytes
        ) { message, _ throws(WorkerLie) in
            let count = try message.int(in: 0...maxFrames)
            let seconds = try message.finite()
            guard (0...limits.maxVideoSecondsWithSound).contains(seconds) else { throw WorkerLie() }
            return (frameCount: count, soundSeconds: seconds)
        }
    }

    /// As ``VideoDecoder/decode(_:format:selection:maxFrames:wantsSound:limits:most:target:)``.
    package func video(
        _ bytes: RawSpan, format: VideoFormat, selection: VideoSelection = VideoSelection(), maxFrames: Int,
        wantsSound: Bool = false, limits: MediaLimits = MediaLimits(), most: (ImageSize) -> Int = { _ in .max },
        target: (ImageSize) -> ImageSize
    ) throws(MediaError) -> DecodedVideo {
        guard case .outside(let pool) = self else {
            return try VideoDecoder.decode(
                bytes, format: format, selection: selection, maxFrames: maxFrames, wantsSound: wantsSound,
                limits: limits, most: most, target: target)
        }
        let asked = VideoAnswer(maxFrames: maxFrames, wantsSound: wantsSound, limits: limits)
        var answer = asked
        return try pool.decode(
            .video(format, selection, maxFrames: maxFrames, wantsSound: wantsSound), bytes, limits,
            seconds: pool.options.maxVideoSeconds, memory: limits.videoBytes
        ) {
            answer = asked
        } question: { size throws(WorkerLie) in
            try answer.target(of: size, most: most, target)
        } result: { message, worker throws(WorkerLie) in
            try answer.read(&message, worker)
        }
    }
}

extension DecoderPool {
    /// A file whose process ends from outside (by the kernel, for want of memory, or by somebody's hand) is given to one more.
    ///
    /// - Parameters:
    ///   - memory: bytes that decoding may take beside the file and the room for results
    ///   - begin: is called before each attempt
    fileprivate func decode<Result>(
        _ task: WorkerRequest.Task, _ bytes: RawSpan, _ limits: MediaLimits, seconds: Double, memory: Int,
        room: Int = 0, begin: () -> Void = {},
        question: (ImageSize) throws(WorkerLie) -> WorkerTarget = { _ throws(WorkerLie) in throw WorkerLie() },
        result: (inout MessageReader, DecoderWorker) throws(WorkerLie) -> Result
    ) throws(MediaError) -> Result {
        guard !bytes.isEmpty else { throw .empty }
        return try bytes.withUnsafeBytes { bytes throws(MediaError) in
            let request = WorkerRequest(
                task: task, byteCount: bytes.count, room: room, limits: limits.forAnotherProcess)
            let bounds = DecodingBounds(
                seconds: seconds, memory: options.spareBytes + memory + room + bytes.count)
            let isCancelled = { limits.cancellation?.isCancelled ?? false }
            var isEndedFromOutside = false
            func attempt() throws(MediaError) -> Result {
                begin()
                return try withWorker(isCancelled) { worker throws(MediaError) in
                    defer { isEndedFromOutside = worker.wasEndedFromOutside }
                    return try worker.decode(request, bytes, bounds, isCancelled, question: question, result: result)
                }
            }
            do throws(MediaError) { return try attempt() } catch {
                guard isEndedFromOutside else { throw error }
            }
            return try attempt()
        }
    }
}

extension DecoderWorker {
    /// A clip whose samples begin at `offset`, in bytes.
    func clip(_ message: inout MessageReader, most: Int, at offset: Int) throws(WorkerLie) -> AudioClip {
        let count = try message.int(in: 0...most)
        let samples = try copy(Float.self, count, at: offset)
        guard samples.allSatisfy(\.isFinite) else { throw WorkerLie() }
        return AudioClip(samples: samples, notes: try message.notes())
    }
}

extension MediaLimits {
    /// Without what stays in this process: a message holds no references.
    var forAnotherProcess: MediaLimits {
        var limits = self
        limits.cancellation = nil
        limits.decoders = .inside
        return limits
    }

    func allows(_ size: ImageSize, _ format: ImageFormat) -> Bool {
        do throws(MediaError) {
            try check(size, format)
            return size.width > 0 && size.height > 0
        } catch { return false }
    }

    /// What a decoder may hold of a picture: some copies, with alpha and in 16 bits.
    var imageBytes: Int { 16 * min(maxImagePixels, 1 << 36) }

    /// What a decoder may hold of a video's frames: twenty or more, of 16 bits, and those that are wanted.
    var videoBytes: Int { 200 * min(maxVideoPixels, 1 << 36) }

    /// Samples of a sound so long, and a little more.
    static func samples(in seconds: Double) -> Int {
        Int(min(max(0, seconds) + 1, 1e6) * Double(AudioClip.sampleRate))
    }
}
