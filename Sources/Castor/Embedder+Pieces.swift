import CastorNumerics
import Encoder
package import Media

/// What a file too long for one content is made into, a piece at a time.
extension Embedder {
    /// Runs `body(0) ... body(count - 1)`, each once, on all workers. It must not call the embedder's other methods that do.
    package func onWorkers(_ count: Int, _ body: (Int) -> Void) {
        pool.run(count) { index, _ in body(index) }
    }

    /// What contents may be.
    package var media: Set<Usage.Modality> { prepare.frontEnd.media }

    /// A page of a document that was opened elsewhere.
    package func prepare(_ page: DocumentPage) throws(EmbedError) -> PreparedContent {
        let ids: [Int32]
        do { ids = try prepare.pageText(page.text) } catch {
            throw .media(part: 1, name: nil, reason: error.description)
        }
        return try prepare.content(prepare.frontEnd.page(page.image, ids: ids))
    }

    /// A stretch of a sound.
    package func prepare(_ sound: AudioClip) throws(EmbedError) -> PreparedContent {
        do { return try prepare.content(try prepare.frontEnd.sound(sound)) } catch {
            throw error as? EmbedError ?? .media(part: 1, name: nil, reason: "\(error)")
        }
    }

    /// A stretch of a film, and apart from it what is heard there; nil where it has no sound, or the model takes none.
    package func prepare(
        _ film: ByteSource, _ format: VideoFormat, _ selection: VideoSelection, sound: Bool,
        cancellation: Cancellation? = nil
    ) throws(EmbedError) -> (pictures: PreparedContent, sound: AudioClip?) {
        var limits = options.limits.media
        limits.cancellation = cancellation
        limits.maxVideoSecondsWithSound = limits.maxVideoSeconds
        var selection = selection
        selection.rule = prepare.frontEnd.frameRule
        do {
            let decoded = try MediaDecoding(limits: limits).clip(
                film, format, selection, maxFrames: prepare.frontEnd.maxFrames, wantsSound: sound,
                most: { prepare.frontEnd.mostFrames(of: $0) }, target: { prepare.frontEnd.frameTarget($0) })
            let silent = DecodedVideo(
                frames: decoded.frames, times: decoded.times, displaySize: decoded.displaySize, sound: nil)
            return (try prepare.content(try prepare.frontEnd.video(silent)), decoded.sound)
        } catch {
            throw error as? EmbedError ?? .media(part: 1, name: nil, reason: "\(error)")
        }
    }

    /// Seconds of a film, whatever their number.
    package func length(of film: ByteSource, _ format: VideoFormat) throws(MediaError) -> Int {
        var limits = options.limits.media
        limits.maxVideoSeconds = Double(Self.longestFilm)
        return try MediaDecoding(limits: limits).outline(
            film, format, VideoSelection(), maxFrames: Self.longestFilm, wantsSound: false
        ).frameCount
    }

    /// In seconds: more than a day.
    private static let longestFilm = 100_000
}
