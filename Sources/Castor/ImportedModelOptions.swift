/// What an imported model leaves to its user.
public struct ImportedModelOptions: Sendable, Equatable {
    /// Tokens that a picture, a page or a frame may have at most, where the model lets choose: what it costs. The default, nil, is the
    /// model's own: of EmbeddingGemma 2 280, and 140 of a frame.
    public var pictureTokens: Int?
    /// Whether each frame of a video stands after its time, `00:07`. With the video's sound it always does. The default is false.
    public var timesFrames = false

    /// The defaults.
    public init() {}
}
