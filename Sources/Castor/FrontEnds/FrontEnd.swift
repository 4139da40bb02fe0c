package import Encoder
package import Media

/// One kind of model's way from what decoders give to tokens.
package protocol FrontEnd: Sendable {
    /// Values of a full vector.
    var outputDimensions: Int { get }
    /// Tokens of one content's parts together.
    var maxTokens: Int { get }
    /// Tokens of one text.
    var maxTextTokens: Int { get }
    /// What parts may be.
    var media: Set<Usage.Modality> { get }
    /// Of a video.
    var maxFrames: Int { get }
    var frameRule: FrameRule { get }
    /// Whether pages are looked at, or their text alone is read.
    var seesPages: Bool { get }

    /// The text with what the model wants in front of it for a task, or for none.
    func prompted(_ text: String, _ task: TaskType?, title: String?) -> String
    /// What makes one text of two that follow each other; nil where they stay apart.
    var textJoint: String? { get }

    /// At most `limit` ids of a text.
    func ids(_ text: String, limit: Int) throws(TextFailure) -> (ids: [Int32], truncated: Bool)
    /// As many as ``ids(_:limit:)`` gives, in bounded memory.
    func count(_ text: String, limit: Int, isCancelled: () -> Bool) throws(TextFailure) -> Int

    /// Pixels that a picture of this size is decoded to; nil where as many as it has.
    func pictureTarget(_ size: ImageSize) -> ImageSize?
    func picture(_ decoded: DecodedImage) -> [EncoderInput.Segment]
    func sound(_ clip: AudioClip) throws(MediaError) -> [EncoderInput.Segment]
    func frameTarget(_ size: ImageSize) -> ImageSize
    /// Frames of this size that more than fill the context: those after them are not decoded.
    func mostFrames(of size: ImageSize) -> Int
    func video(_ decoded: DecodedVideo) throws(MediaError) -> [EncoderInput.Segment]
    /// - Parameter ids: of the page's text
    func page(_ image: PixelImage, ids: [Int32]) -> [EncoderInput.Segment]

    /// The parts of a content with what stands around them, where anything does, and whether a text was cut for which its tower has no room.
    func complete(_ segments: [EncoderInput.Segment]) -> (segments: [EncoderInput.Segment], truncated: Bool)
}

/// Why a text has no ids.
package struct TextFailure: Error {
    /// Whether the text itself is at fault, and not the machine.
    let isOfText: Bool
    let reason: String

    func error(part: Int) -> EmbedError {
        isOfText
            ? .media(part: part, name: nil, reason: reason) : .unreadableText(part: part, reason: reason)
    }
}
