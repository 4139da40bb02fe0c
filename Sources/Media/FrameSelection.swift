/// Which part of a video is looked at, and how often: the service's `videoMetadata`.
package struct VideoSelection: Sendable, Hashable {
    /// In seconds from the first frame; nil for the beginning.
    package var start: Double?
    /// In seconds; nil for the end.
    package var end: Double?
    /// Frames a second; nil for one.
    package var framesPerSecond: Double?
    /// The model's, not the service's.
    package var rule: FrameRule = .evenMoments

    package init(start: Double? = nil, end: Double? = nil, framesPerSecond: Double? = nil) {
        self.start = start
        self.end = end
        self.framesPerSecond = framesPerSecond
    }
}

/// Which moments of a video are looked at, and what is said of their time.
package enum FrameRule: Sendable, Hashable {
    /// A frame for each step that has begun; where those are too many, moments at even distances. A frame's time is the moment's.
    case evenMoments
    /// A frame for each step that is over; where those are too many, some of these, with whole steps between them. A frame's time is when it is
    /// first on display. As the video processors of `transformers` do it.
    case wholeSteps
}

/// The frames that stand for a video (docs/model.md section 4).
package enum FrameSelection {
    /// A last frame so late, in steps, is left out: 60 frames of 1001/30000 s last 2.002 s, and are two seconds of video.
    static let countTolerance = 0.05
    /// Times of frames are fractions that seconds in floating point miss by a little.
    static let timeTolerance = 1e-6

    /// When to look, in seconds from the start of a stretch of video: every `1 / framesPerSecond` seconds, or, where those are
    /// more than `most` times, at `most` moments, spread as the rule says.
    ///
    /// - Precondition: `framesPerSecond` and `most` are positive, `length` is finite.
    package static func times(
        length: Double, framesPerSecond: Double, most: Int, rule: FrameRule = .evenMoments
    ) -> [Double] {
        switch rule {
        case .evenMoments:
            let wanted = max(1, (length * framesPerSecond - countTolerance).rounded(.up))
            let count = wanted > Double(most) ? most : Int(wanted)
            let step = wanted > Double(most) ? length / Double(most) : 1 / framesPerSecond
            return (0..<count).map { Double($0) * step }
        case .wholeSteps:
            let wanted = max(1, (length * framesPerSecond + timeTolerance).rounded(.down))
            guard wanted > Double(most) else { return (0..<Int(wanted)).map { Double($0) / framesPerSecond } }
            guard most > 1 else { return [0] }
            let last = wanted - 1
            return (0..<most).map { index in
                let place = index == most - 1 ? last : (Double(index) * (last / Double(most - 1))).rounded(.down)
                return place / framesPerSecond
            }
        }
    }

    /// For each moment the frame on display: the last one that begins at it or before, or else the first.
    ///
    /// - Parameter starts: of the frames, ascending, at least one
    /// - Returns: places in `starts`
    package static func frames(at moments: [Double], starts: [Double]) -> [Int] {
        moments.map { moment in
            var (low, high) = (0, starts.count)
            while low < high {
                let middle = (low + high) / 2
                if starts[middle] <= moment + timeTolerance { low = middle + 1 } else { high = middle }
            }
            return max(0, low - 1)
        }
    }
}
