/// A part of a sound, by the file's own clock where it has one.
enum SoundStretch {
    /// A few frames that encoders put before and behind the sound.
    private static let tolerance = 0.2

    /// What is decoded before the stretch, so that the decoder is at ease when it begins. What comes earlier is passed over.
    private static let leadSeconds = 10.0

    /// From `start` to `end`, in seconds; no samples where it ends before.
    static func decode(
        _ source: consuming AudioSource, _ format: String, _ start: Double, _ end: Double, _ limits: MediaLimits
    ) throws(MediaError) -> AudioClip {
        var assembly = AudioAssembly(format: format, limits: limits)
        var (position, seconds, decoded) = (0, 0.0, 0.0)
        var begin: Double?
        var isPassing = false
        if start > leadSeconds, source.seek(to: start - leadSeconds) {
            seconds = start - leadSeconds
            position = Int(clamping: seconds * Double(source.info.sampleRate))
        }
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
                    format: format,
                    reason:
                        "more than \(rounded(limits.maxSecondsBeforeStretch)) s of its sound are to be decoded before the part that is wanted"
                )
            }
        }
        var notes = try source.verdictOfPart()
        if let claimed = source.info.seconds, seconds < min(claimed, end) - tolerance {
            notes.append(.soundShorter(format: format, seconds: seconds, claimed: min(claimed, end)))
        }
        if isPassing, assembly.isEmpty {
            notes.append(
                .damaged(
                    format: format, reason: "none of its sound says that it belongs to the part that is wanted"))
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
