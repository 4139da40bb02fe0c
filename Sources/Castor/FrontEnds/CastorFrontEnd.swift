import CastorNumerics
import Encoder
import Media

/// Of models of format castor-1 (docs/model.md sections 3 and 4).
struct CastorFrontEnd: FrontEnd {
    let configuration: Configuration
    let tokenizer: Tokenizer
    let logMel: LogMel

    var outputDimensions: Int { configuration.outputDimensions }
    var maxTokens: Int { configuration.maxTokens }
    var maxTextTokens: Int { maxTokens }
    var maxFrames: Int { configuration.video?.maxFrames ?? 0 }
    var frameRule: FrameRule { .evenMoments }
    var seesPages: Bool { true }
    /// Each has an end token of its own.
    var textJoint: String? { nil }

    var media: Set<Usage.Modality> {
        var media: Set<Usage.Modality> = [.text, .image, .audio]
        if configuration.video != nil { media.insert(.video) }
        if configuration.document != nil { media.insert(.document) }
        return media
    }

    func prompted(_ text: String, _ task: TaskType?, title: String?) -> String {
        task?.prompt(text, title: title) ?? text
    }

    func complete(_ segments: [EncoderInput.Segment]) -> (segments: [EncoderInput.Segment], truncated: Bool) {
        (segments, false)
    }

    // MARK: - Texts

    func ids(_ text: String, limit: Int) throws(TextFailure) -> (ids: [Int32], truncated: Bool) {
        do { return try tokenizer.encode(text, limit: limit) } catch { throw failure(error) }
    }

    func count(_ text: String, limit: Int, isCancelled: () -> Bool) throws(TextFailure) -> Int {
        do { return try tokenizer.count(text, limit: limit, isCancelled: isCancelled) } catch { throw failure(error) }
    }

    private func failure(_ error: ModelError) -> TextFailure {
        TextFailure(isOfText: false, reason: error.description)
    }

    // MARK: - Pictures

    func pictureTarget(_ size: ImageSize) -> ImageSize? { target(grid(size, configuration.image.maxPatches)) }

    func picture(_ decoded: DecodedImage) -> [EncoderInput.Segment] {
        let cells = grid(decoded.originalSize, configuration.image.maxPatches)
        return [.image(patches: patches(decoded.image, cells), grid: cells)]
    }

    func frameTarget(_ size: ImageSize) -> ImageSize { target(grid(size, configuration.video?.maxPatches ?? 1)) }

    /// All fit.
    func mostFrames(of size: ImageSize) -> Int { maxFrames }

    func video(_ decoded: DecodedVideo) -> [EncoderInput.Segment] {
        guard let video = configuration.video else { preconditionFailure("the intake let a video in") }
        let cells = grid(decoded.displaySize, video.maxPatches)
        let perFrame = cells.rows * cells.columns
        let all = Matrix(rows: decoded.frames.count * perFrame, columns: configuration.imagePatchLength)
        for (index, frame) in decoded.frames.enumerated() {
            let own = patches(frame, cells)
            // A pointer does not keep its matrix alive.
            withExtendedLifetime(own) {
                all.row(index * perFrame).update(from: own.pointer, count: perFrame * all.columns)
            }
        }
        let frames = PooledPictures(patches: all, grid: cells, pooledSide: video.pooledSide)
        return [.video(frames: frames, times: decoded.times)] + (decoded.sound.map(sound) ?? [])
    }

    func page(_ image: PixelImage, ids: [Int32]) -> [EncoderInput.Segment] {
        guard let document = configuration.document else { preconditionFailure("the intake let a document in") }
        let cells = grid(image.size, document.maxPatches)
        let picture = PooledPictures(patches: patches(image, cells), grid: cells, pooledSide: document.pooledSide)
        return ids.isEmpty ? [.page(picture)] : [.page(picture), .pageText(ids)]
    }

    private func grid(_ size: ImageSize, _ maxPatches: Int) -> ImageGrid {
        ImageGrid(width: size.width, height: size.height, maxPatches: maxPatches)
    }

    /// Pixels of a picture with this grid.
    private func target(_ grid: ImageGrid) -> ImageSize {
        ImageSize(
            width: grid.columns * configuration.image.patchSize, height: grid.rows * configuration.image.patchSize)
    }

    /// The picture, resized to its grid, `[rows * columns, image patch length]`.
    private func patches(_ image: PixelImage, _ cells: ImageGrid) -> Matrix {
        configuration.image.patchFeatures(Resize.triangle(image, to: target(cells)), grid: cells)
    }

    // MARK: - Sounds

    func sound(_ clip: AudioClip) -> [EncoderInput.Segment] {
        let mel = logMel(clip.samples)
        // Frames of one patch lie side by side in memory: the same values, seen as longer rows.
        return [
            .audio(
                patches: Matrix(
                    buffer: mel.buffer, rows: mel.rows / configuration.audio.patchFrames,
                    columns: configuration.audioPatchLength))
        ]
    }
}
