import CastorNumerics
import Encoder
import Media

/// One function a medium: what decoders give, cut into patches.
extension Decoding {
    func image(
        _ bytes: ByteSource, _ format: ImageFormat, _ media: MediaDecoding, _ hooks: some PreparationHooks,
        _ notes: inout [MediaNote]
    ) throws(MediaError) -> EncoderInput.Segment {
        let maxPatches = configuration.image.maxPatches
        let decoded = try hooks.picture(bytes) { () throws(MediaError) in
            try media.picture(bytes, format) { target(grid($0, maxPatches)) }
        }
        notes += decoded.notes
        let cells = grid(decoded.originalSize, maxPatches)
        return .image(patches: patches(decoded.image, cells), grid: cells)
    }

    func audioPatches(_ clip: AudioClip) -> Matrix {
        let mel = logMel(clip.samples)
        // Frames of one patch lie side by side in memory: the same values, seen as longer rows.
        return Matrix(
            buffer: mel.buffer, rows: mel.rows / configuration.audio.patchFrames,
            columns: configuration.audioPatchLength)
    }

    /// The frames of a video and, where wanted, its sound.
    func video(
        _ bytes: ByteSource, _ format: VideoFormat, _ selection: VideoSelection, sound: Bool, _ media: MediaDecoding,
        _ usage: inout Usage, _ notes: inout [MediaNote]
    ) throws(MediaError) -> [EncoderInput.Segment] {
        guard let video = configuration.video else { preconditionFailure("the intake let a video in") }
        let decoded = try media.clip(
            bytes, format, selection, maxFrames: video.maxFrames, wantsSound: sound
        ) { target(grid($0, video.maxPatches)) }
        notes += decoded.notes + (decoded.sound?.notes ?? [])
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
        usage = usage + Accounting.video(frames: decoded.frames.count)
        let frames = PooledPictures(patches: all, grid: cells, pooledSide: video.pooledSide)
        var segments = [EncoderInput.Segment.video(frames: frames, times: decoded.times)]
        if let clip = decoded.sound {
            usage = usage + accounting.sound(samples: clip.samples.count)
            segments.append(.audio(patches: audioPatches(clip)))
        }
        return segments
    }

    /// Pictures and texts of a document's pages, in order.
    func document(
        _ bytes: ByteSource, recognisesText: Bool, _ media: MediaDecoding, _ usage: inout Usage,
        _ notes: inout [MediaNote]
    ) throws(MediaError) -> [EncoderInput.Segment] {
        guard let document = configuration.document else { preconditionFailure("the intake let a document in") }
        var segments: [EncoderInput.Segment] = []
        let decoded = try media.pages(bytes, recognisesText: recognisesText)
        notes += decoded.notes
        for page in decoded.pages {
            let cells = grid(page.image.size, document.maxPatches)
            let picture = PooledPictures(
                patches: patches(page.image, cells), grid: cells, pooledSide: document.pooledSide)
            segments.append(.page(picture))
            let ids = try accounting.pageText(page.text)
            usage = usage + Accounting.page(textTokens: ids.count)
            if !ids.isEmpty { segments.append(.pageText(ids)) }
        }
        return segments
    }

    // MARK: - Pictures

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
}
