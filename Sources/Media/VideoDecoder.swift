/// The frames of a video that a model looks at, and its sound.
package struct DecodedVideo: Sendable {
    /// Upright, all of one size, fewer pixels than in the file where fewer do.
    package let frames: [PixelImage]
    /// Frames that the selection names: the first of them were decoded.
    package let selectedFrames: Int
    /// Of each frame, in seconds from the start of the stretch that was asked for, as ``FrameRule`` says.
    package let times: [Double]
    /// As shown: upright, with square pixels.
    package let displaySize: ImageSize
    /// Nil where it was not asked for or the file has none.
    package let sound: AudioClip?
    /// Those of the sound are the sound's.
    package var notes: [MediaNote] = []

    package init(
        frames: [PixelImage], of selectedFrames: Int? = nil, times: [Double], displaySize: ImageSize,
        sound: AudioClip?, notes: [MediaNote] = []
    ) {
        self.frames = frames
        self.selectedFrames = selectedFrames ?? frames.count
        self.times = times
        self.displaySize = displaySize
        self.sound = sound
        self.notes = notes
    }
}

/// Encoded video bytes to the frames of a selection. Packets are listed first, without decoding; then only those frames are
/// decoded, and those that they depend on.
package enum VideoDecoder {
    /// - Parameters:
    ///   - maxFrames: more are spread as the selection's rule says
    ///   - wantsSound: whether the sound of the same stretch is decoded, too
    ///   - most: from the display size, how many of these are decoded, from the first
    ///   - target: from the display size, the size that frames will be resized to
    ///
    /// Throws `empty`, `damaged`, `noVideo`, `unsupported`, `videoTooLong`, `frameTooLarge`, `tooManyFrames`, `tooCostly`, `badVideoRange`,
    /// `outOfMemory`, `libraryMissing`, and with sound what ``AudioDecoder`` throws.
    package static func decode(
        _ bytes: RawSpan, format: VideoFormat, selection: VideoSelection = VideoSelection(), maxFrames: Int,
        wantsSound: Bool = false, limits: MediaLimits = MediaLimits(), most: (ImageSize) -> Int = { _ in .max },
        target: (ImageSize) -> ImageSize
    ) throws(MediaError) -> DecodedVideo {
        try bytes.withUnsafeBytes { bytes throws(MediaError) in
            try limits.watching { () throws(MediaError) in
                guard !bytes.isEmpty else { throw .empty }
                let whole = bytes
                let bytes = content(of: whole, format)
                let junk = whole.count - bytes.count
                let note = try ContainerClaims.check(bytes, format, limits)
                let file = try FFmpegVideo(bytes, format: format, limits: limits)
                let withSound = wantsSound && file.hasSound
                let (timeline, stretch) = try listed(file, selection, withSound: withSound, limits)
                let selected = stretch.times(most: maxFrames)
                // Asked before the other question: it is answered with it.
                let wanted = target(file.displaySize)
                let moments = Array(selected.prefix(max(1, most(file.displaySize))))
                let places = FrameSelection.frames(at: moments.map { stretch.start + $0 }, starts: timeline.starts)
                let times =
                    switch selection.rule {
                    case .evenMoments: moments
                    case .wholeSteps: places.map { max(0, timeline.starts[$0] - stretch.start) }
                    }
                let (frames, undecodable, concealed) = try file.frames(
                    Array(places.map { timeline.packets[$0] }), target: wanted)
                let sound =
                    withSound
                    ? try VideoSound.decode(bytes, format, from: stretch.start, to: stretch.end, limits) : nil
                return DecodedVideo(
                    frames: frames, of: selected.count, times: times, displaySize: file.displaySize, sound: sound,
                    notes: [
                        junk > 0 ? .junkBefore(.video(format), bytes: junk) : nil, note,
                        shortfall(file, timeline, format),
                        format == .mpeg && MPEGStream.endsAmidPacket(bytes)
                            ? .damaged(format: format.rawValue, reason: "it ends amid a packet") : nil,
                    ].compactMap { $0 }
                        + damage(undecodable, concealed, timeline, format))
            }
        }
    }

    /// How many frames `decode` gives, and the seconds of sound with them, none of which is decoded. Throws as `decode` does.
    package static func outline(
        _ bytes: RawSpan, format: VideoFormat, selection: VideoSelection = VideoSelection(), maxFrames: Int,
        wantsSound: Bool = false, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> (frameCount: Int, soundSeconds: Double) {
        try bytes.withUnsafeBytes { bytes throws(MediaError) in
            try limits.watching { () throws(MediaError) in
                guard !bytes.isEmpty else { throw .empty }
                let bytes = content(of: bytes, format)
                _ = try ContainerClaims.check(bytes, format, limits)
                let file = try FFmpegVideo(bytes, format: format, limits: limits)
                let withSound = wantsSound && file.hasSound
                let (_, stretch) = try listed(file, selection, withSound: withSound, limits)
                return (stretch.times(most: maxFrames).count, withSound ? stretch.length : 0)
            }
        }
    }

    /// Without what stands before it. Streams of MPEG begin anywhere.
    private static func content(of bytes: UnsafeRawBufferPointer, _ format: VideoFormat) -> UnsafeRawBufferPointer {
        format == .mpeg ? bytes : ContainerStart.content(of: bytes)
    }

    /// The packets of a film and the stretch that is wanted of them.
    private static func listed(
        _ file: borrowing FFmpegVideo, _ selection: VideoSelection, withSound: Bool, _ limits: MediaLimits
    ) throws(MediaError) -> (FFmpegVideo.Timeline, Stretch) {
        try check(file.stored, limits)
        // What the header says, before the packets are listed: they are checked again.
        if let seconds = file.seconds {
            _ = try Stretch(selection, duration: seconds, withSound: withSound, limits, isClaim: true)
        }
        let timeline = try file.timeline()
        let stretch = try Stretch(
            selection, duration: timeline.duration, withSound: withSound, limits, isClaim: false)
        return (timeline, stretch)
    }

    /// Lengths in headers are rounded, and a last frame may last long.
    private static let shortfallSeconds = 0.3
    /// At the beginning of a film, frames may lead the first one that can be decoded.
    private static let leadingFrames = 4

    /// What is to be said of a film that was cut, or whose pictures end before they should. Of pictures, no more is due than the file is
    /// long: a clip keeps frames that it does not show.
    private static func shortfall(
        _ file: borrowing FFmpegVideo, _ timeline: FFmpegVideo.Timeline, _ format: VideoFormat
    ) -> MediaNote? {
        guard let whole = file.fileSeconds else { return nil }
        let pictures = min(file.seconds ?? 0, whole)
        for (claimed, end) in [(whole, timeline.end), (pictures, timeline.duration)]
        where end < claimed - shortfallSeconds {
            return .shorter(format: format.rawValue, seconds: max(0, end), claimed: claimed)
        }
        return nil
    }

    private static func damage(
        _ undecodable: Int, _ concealed: Int, _ timeline: FFmpegVideo.Timeline, _ format: VideoFormat
    ) -> [MediaNote] {
        var reasons: [String] = []
        if undecodable > 0 {
            reasons.append("frames that cannot be decoded, others stand in their place: \(undecodable)")
        }
        if concealed > 0 { reasons.append("frames that are decoded in part: \(concealed)") }
        if timeline.leftOut > leadingFrames {
            reasons.append("frames that cannot be decoded or placed, and are left out: \(timeline.leftOut)")
        }
        if timeline.damagedPackets > 0 {
            reasons.append("packets of it that are damaged or lack something before them: \(timeline.damagedPackets)")
        }
        if timeline.isBroken { reasons.append("its end cannot be read and is left out") }
        return reasons.map { .damaged(format: format.rawValue, reason: $0) }
    }

    private static func check(_ size: ImageSize, _ limits: MediaLimits) throws(MediaError) {
        let (pixels, overflow) = size.width.multipliedReportingOverflow(by: size.height)
        guard max(size.width, size.height) <= limits.maxVideoSide, !overflow, pixels <= limits.maxVideoPixels else {
            throw .frameTooLarge(
                width: size.width, height: size.height, sideLimit: limits.maxVideoSide,
                pixelLimit: limits.maxVideoPixels)
        }
    }
}

/// The part of a video that a selection names, in seconds.
private struct Stretch {
    let start: Double
    let end: Double
    let framesPerSecond: Double
    let rule: FrameRule

    var length: Double { end - start }

    /// When to look, in seconds from its start.
    func times(most: Int) -> [Double] {
        FrameSelection.times(length: length, framesPerSecond: framesPerSecond, most: most, rule: rule)
    }

    /// More than any film has; the service's own limit.
    private static let maxFramesPerSecond = 24.0

    /// Throws `badVideoRange` and `videoTooLong`. A duration that is only claimed may turn out longer.
    init(
        _ selection: VideoSelection, duration: Double, withSound: Bool, _ limits: MediaLimits, isClaim: Bool
    ) throws(MediaError) {
        start = selection.start ?? 0
        framesPerSecond = selection.framesPerSecond ?? 1
        rule = selection.rule
        guard framesPerSecond > 0, framesPerSecond <= Self.maxFramesPerSecond else {
            throw .badVideoRange(
                "the fps is \(framesPerSecond); it must be above 0, at most \(Self.maxFramesPerSecond)")
        }
        guard start.isFinite, start >= 0 else { throw .badVideoRange("the start offset is \(start) s") }
        if let end = selection.end {
            guard end.isFinite, end > start else {
                throw .badVideoRange(
                    "the end offset, \(rounded(end)) s, is not after the start offset, \(rounded(start)) s")
            }
        }
        end = selection.end.map { min($0, duration) } ?? duration
        guard start < duration || (start == 0 && duration == 0) || isClaim else {
            throw .badVideoRange("the start offset is \(rounded(start)) s, the video is \(rounded(duration)) s long")
        }
        let limit = withSound ? limits.maxVideoSecondsWithSound : limits.maxVideoSeconds
        guard end - start <= limit else {
            throw .videoTooLong(seconds: end - start, limit: limit, withSound: withSound)
        }
    }
}
