/// Which part of a video is looked at, and how often.
public struct VideoMetadata: Sendable, Hashable {
    /// In seconds. The default, nil, is the beginning.
    public var startOffset: Double?
    /// In seconds. The default, nil, is the end.
    public var endOffset: Double?
    /// Frames a second, above 0 and at most 24. The default, nil, is one; a model looks at 32 frames at most, evenly spread where
    /// there are more.
    public var fps: Double?

    public init(startOffset: Double? = nil, endOffset: Double? = nil, fps: Double? = nil) {
        self.startOffset = startOffset
        self.endOffset = endOffset
        self.fps = fps
    }
}

/// The service's JSON: `{"startOffset": "1.5s", "endOffset": "40s", "fps": 2}`.
extension VideoMetadata: Decodable {
    public init(from decoder: any Decoder) throws {
        let fields = try Fields(decoder, known: ["startoffset", "endoffset", "fps"])
        startOffset = try fields.seconds("startoffset")
        endOffset = try fields.seconds("endoffset")
        fps = try fields.value("fps")
    }
}

extension Fields {
    /// A duration of proto3 JSON, as in `"3.5s"`.
    fileprivate func seconds(_ name: String) throws -> Double? {
        guard let text = try value(name, String.self) else { return nil }
        guard text.last == "s", let seconds = Double(text.dropLast()), seconds.isFinite else {
            throw failure("\"\(text)\" is not a duration in seconds, as in \"3.5s\"")
        }
        return seconds
    }
}
