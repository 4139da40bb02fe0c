/// Which part of a video is looked at, and how often.
public struct VideoMetadata: Sendable, Hashable {
    /// In seconds. The default, nil, is the beginning.
    public var startOffset: Double?
    /// In seconds. The default, nil, is the end.
    public var endOffset: Double?
    /// Frames a second, above 0 and at most 24. The default, nil, is one; a model looks at 32 frames at most, evenly spread where
    /// there are more.
    public var fps: Double?

    /// Seconds from the beginning of the video, and frames a second.
    public init(startOffset: Double? = nil, endOffset: Double? = nil, fps: Double? = nil) {
        self.startOffset = startOffset
        self.endOffset = endOffset
        self.fps = fps
    }
}
