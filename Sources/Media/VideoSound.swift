/// The sound of a stretch of a video.
enum VideoSound {
    /// A few frames that encoders put before and behind the sound.
    private static let tolerance = 0.2

    /// From `start` to `end`, in seconds of the sound track. Throws as ``AudioDecoder`` does; a stretch without any sample
    /// gives a clip without samples.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, _ format: VideoFormat, from start: Double, to end: Double,
        _ limits: MediaLimits
    ) throws(MediaError) -> AudioClip {
        let source = try FFmpegAudio(
            bytes, demuxer: format.demuxer(bytes), name: format.rawValue, limits.cancellation)
        var assembly = AudioAssembly(format: format.rawValue, limits: limits)
        var (position, seconds) = (0, 0.0)
        while let block = try source.next() {
            try limits.checkCancelled()
            let rate = Double(block.sampleRate)
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
            guard seconds <= end - start + limits.maxSecondsBeforeStretch else {
                throw .badVideoRange(
                    "the sound before the start offset is longer than \(rounded(limits.maxSecondsBeforeStretch)) s")
            }
        }
        var notes = try source.verdict(decoded: nil)
        if let claimed = source.info.seconds, seconds < min(claimed, end) - tolerance {
            notes.append(
                .soundShorter(format: format.rawValue, seconds: seconds, claimed: min(claimed, end)))
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
