import Encoder
import Media

/// One function a medium: what decoders give, and what the model's front end makes of it.
extension Decoding {
    func image(
        _ bytes: ByteSource, _ format: ImageFormat, _ media: MediaDecoding, _ hooks: some PreparationHooks,
        _ notes: inout [MediaNote]
    ) throws(MediaError) -> [EncoderInput.Segment] {
        let decoded = try hooks.picture(bytes) { () throws(MediaError) in
            try media.picture(bytes, format) { frontEnd.pictureTarget($0) }
        }
        notes += decoded.notes
        return frontEnd.picture(decoded)
    }

    /// The frames of a video and, where wanted, its sound.
    func video(
        _ bytes: ByteSource, _ format: VideoFormat, _ selection: VideoSelection, sound: Bool, _ media: MediaDecoding,
        _ usage: inout Usage, _ notes: inout [MediaNote]
    ) throws(MediaError) -> [EncoderInput.Segment] {
        var selection = selection
        selection.rule = frontEnd.frameRule
        let decoded = try media.clip(
            bytes, format, selection, maxFrames: frontEnd.maxFrames, wantsSound: sound,
            most: { frontEnd.mostFrames(of: $0) }, target: { frontEnd.frameTarget($0) })
        notes += decoded.notes + (decoded.sound?.notes ?? [])
        usage = usage + Accounting.video(frames: decoded.selectedFrames)
        if let clip = decoded.sound { usage = usage + Accounting.sound(samples: clip.samples.count) }
        return try frontEnd.video(decoded)
    }

    /// Pictures and texts of a document's pages, in order.
    func document(
        _ bytes: ByteSource, recognisesText: Bool, _ media: MediaDecoding, _ usage: inout Usage,
        _ notes: inout [MediaNote]
    ) throws(MediaError) -> [EncoderInput.Segment] {
        var segments: [EncoderInput.Segment] = []
        let decoded = try media.pages(bytes, recognisesText: recognisesText, textOnly: !frontEnd.seesPages)
        notes += decoded.notes
        for page in decoded.pages {
            let ids = try accounting.pageText(page.text)
            usage = usage + Accounting.page(textTokens: ids.count)
            segments += frontEnd.page(page.image, ids: ids)
        }
        return segments
    }
}
