import Castor
import Media

/// The windows of a sound, one after the other. A long sound is decoded a stretch at a time: no more of it is in memory, and it may be as long as it is.
final class SoundPieces {
    private let file: ByteSource
    private let format: AudioFormat
    private let limits: MediaLimits
    private let options: PieceOptions
    private var stretch: Stretch

    /// What is decoded at a time.
    private struct Stretch {
        var clip: AudioClip
        /// Of the sound, in seconds.
        var start: Double
        var windows: [Range<Double>]
        /// Where the next stretch begins; nil where this is the last.
        var next: Double?
        var isWhole: Bool
    }

    /// Decodes the first stretch. Throws what is wrong with the file.
    init(
        _ file: ByteSource, _ format: AudioFormat, _ limits: MediaLimits, _ options: PieceOptions
    ) throws(MediaError) {
        (self.file, self.format, self.limits, self.options) = (file, format, limits, options)
        do throws(MediaError) {
            let clip = try file.withUnsafeBytes { bytes throws(MediaError) in
                try limits.decoders.audio(bytes.bytes, format: format, limits: limits)
            }
            stretch = Stretch(
                clip: clip, start: 0, windows: options.windows(over: clip.seconds), next: nil, isWhole: true)
        } catch {
            guard case .audioTooLong = error else { throw error }
            stretch = Stretch(clip: AudioClip(samples: []), start: 0, windows: [], next: 0, isWhole: false)
            stretch = try decoded(from: 0)
        }
        stretch.windows.reverse()
    }

    /// nil after the last. Throws what is wrong with the rest of the file.
    func next() throws(MediaError) -> (clip: AudioClip, window: Range<Double>?)? {
        while stretch.windows.isEmpty {
            guard let next = stretch.next else { return nil }
            // Not two of them at a time.
            stretch.clip = AudioClip(samples: [])
            stretch = try decoded(from: next)
            stretch.windows.reverse()
        }
        let window = stretch.windows.removeLast()
        if stretch.isWhole, stretch.windows.isEmpty, window.lowerBound == 0 { return (stretch.clip, nil) }
        return (part(window), window)
    }

    private func decoded(from start: Double) throws(MediaError) -> Stretch {
        let seconds = options.soundStretchSeconds
        let clip = try file.withUnsafeBytes { bytes throws(MediaError) in
            try limits.decoders.audio(bytes.bytes, format: format, from: start, to: start + seconds, limits: limits)
        }
        guard clip.seconds > 0 else { return Stretch(clip: clip, start: start, windows: [], next: nil, isWhole: false) }
        let windows = options.windows(over: clip.seconds).map { $0.lowerBound + start..<$0.upperBound + start }
        // A stretch that is as long as was asked for may go on: its last window is the first of the next one.
        guard clip.seconds > seconds - Self.tolerance, let last = windows.last, windows.count > 1 else {
            return Stretch(clip: clip, start: start, windows: windows, next: nil, isWhole: false)
        }
        return Stretch(
            clip: clip, start: start, windows: windows.dropLast(), next: last.lowerBound, isWhole: false)
    }

    /// What rates that are converted may lack, in seconds.
    private static let tolerance = 0.5

    private func part(_ window: Range<Double>) -> AudioClip {
        let rate = Double(AudioClip.sampleRate)
        let count = stretch.clip.samples.count
        let start = min(count, Int((window.lowerBound - stretch.start) * rate))
        let end = min(count, max(start, Int(((window.upperBound - stretch.start) * rate).rounded(.up))))
        return AudioClip(samples: Array(stretch.clip.samples[start..<end]))
    }
}
