/// The sound of a stretch of a video.
enum VideoSound {
    /// A few frames that encoders put before and behind the sound.
    private static let tolerance = 0.2

    /// What is decoded before the stretch, so that the decoder is at ease when it begins. What comes earlier is passed over.
    private static let leadSeconds = 10.0

    /// From `start` to `end`, in seconds of the sound track. Throws as ``AudioDecoder`` does; a stretch without any sample
    /// gives a clip without samples.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, _ format: VideoFormat, from start: Double, to end: Double,
        _ limits: MediaLimits
    ) throws(MediaError) -> AudioClip {
        let source = try FFmpegAudio(bytes, demuxer: format.demuxer(bytes), name: format.rawValue, limits: limits)
        var assembly = AudioAssembly(format: format.rawValue, limits: limits)
        var (position, seconds, decoded) = (0, 0.0, 0.0)
        var begin: Double?
        var isPassing = false
        while let block = try source.next() {
            try limits.checkCancelled()
            let rate = Double(block.sampleRate)
            if let begin {
                // Behind what was passed over.
                if isPassing, block.time - begin > seconds + 1 {
                    isPassing = false
                    seconds = block.time - begin
                    position = Int(clamping: (seconds * rate).rounded())
                }
            } else {
                begin = block.time
                isPassing = block.time.isFinite && start > leadSeconds
                if isPassing { source.passOver(until: block.time + start - leadSeconds) }
            }
            // A rate out of range is told by the assembly, which sees the first block in any case.
            let first = Int(clamping: (start * rate).rounded(.up))
            let wanted = first..<max(first, Int(clamping: (end * rate).rounded(.up)))
            guard position < wanted.upperBound else { break }
            let range = (position..<position + block.samples.count).clamped(to: wanted)
            if !range.isEmpty {
                let part = range.lowerBound - position..<range.upperBound - position
                try assembly.append(
                    UnsafeBufferPointer(rebasing: block.samples[part]), sampleRate: block.sampleRate,
                    channels: block.channels)
            }
            position += block.samples.count
            seconds += Double(block.samples.count) / max(1, rate)
            decoded += Double(block.samples.count) / max(1, rate)
            guard decoded <= limits.maxSecondsBeforeStretch + end - start else {
                throw .tooCostly(
                    format: format.rawValue,
                    reason:
                        "more than \(rounded(limits.maxSecondsBeforeStretch)) s of its sound are to be decoded before the part that is wanted"
                )
            }
        }
        var notes = try source.verdict(decoded: nil)
        if let claimed = source.info.seconds, seconds < min(claimed, end) - tolerance {
            notes.append(
                .soundShorter(format: format.rawValue, seconds: seconds, claimed: min(claimed, end)))
        }
        if isPassing, assembly.isEmpty {
            notes.append(
                .damaged(
                    format: format.rawValue, reason: "none of its sound says that it belongs to the part that is wanted"
                ))
        }
        guard !assembly.isEmpty else { return AudioClip(samples: [], notes: notes) }
        return AudioClip(samples: try assembly.finish(), notes: notes)
    }
}

extension Int {
    /// The nearest whole number that fits; 0 for what is none.
    fileprivate init(clamping value: Double) {
        self = value.isNaN ? 0 : value >= 9e18 ? .max : value <= -9e18 ? .min : Int(value)
    }
}
