import CastorNumerics
import Encoder
package import Media

/// What kind of media a part is, and what its tokens depend on beside its bytes.
package enum MediaRequest: Sendable, Hashable {
    case image
    case audio
    case video(VideoSelection, sound: Bool)
    case document(recognisesText: Bool)
}

extension Preparation {
    /// The frames of a video and, where wanted, its sound.
    func video(
        _ bytes: [UInt8], _ format: VideoFormat, _ selection: VideoSelection, sound: Bool,
        _ video: Configuration.Video, _ usage: inout Usage, _ notes: inout [MediaNote]
    ) throws(MediaError) -> [EncoderInput.Segment] {
        let decoded = try decoders.video(
            bytes.span.bytes, format: format, selection: selection, maxFrames: video.maxFrames, wantsSound: sound,
            limits: limits.media
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
        usage.add(Usage.tokensPerFrame * decoded.frames.count, .video)
        let frames = PooledPictures(patches: all, grid: cells, pooledSide: video.pooledSide)
        var segments = [EncoderInput.Segment.video(frames: frames, times: decoded.times)]
        if let clip = decoded.sound {
            addUsage(of: clip, &usage)
            segments.append(.audio(patches: audioPatches(clip)))
        }
        return segments
    }

    /// Pictures and texts of a document's pages, in order.
    func document(
        _ bytes: [UInt8], recognisesText: Bool, _ document: Configuration.Document, _ usage: inout Usage,
        _ notes: inout [MediaNote]
    ) throws(MediaError) -> [EncoderInput.Segment] {
        var segments: [EncoderInput.Segment] = []
        let decoded = try DocumentReader.decode(
            bytes.span.bytes, recognisesText: recognisesText, limits: limits.media)
        notes += decoded.notes
        for page in decoded.pages {
            let cells = grid(page.image.size, document.maxPatches)
            let picture = PooledPictures(
                patches: patches(page.image, cells), grid: cells, pooledSide: document.pooledSide)
            segments.append(.page(picture))
            usage.add(Usage.tokensPerPage, .document)
            guard !page.text.isEmpty else { continue }
            // One token more than fits shows the content that it is too long.
            let ids: [Int32]
            do { ids = try tokenizer.encode(page.text, limit: configuration.maxTokens + 1).ids } catch {
                throw .documentTooCostly(error.description)
            }
            segments.append(.pageText(ids))
            usage.add(ids.count, .document)
        }
        return segments
    }

    func addUsage(of clip: AudioClip, _ usage: inout Usage) {
        let seconds = Double(clip.samples.count) / Double(configuration.audio.sampleRate)
        usage.add(Int((seconds * Usage.tokensPerSecondOfAudio).rounded(.up)), .audio)
    }

    // MARK: - Pictures

    func grid(_ size: ImageSize, _ maxPatches: Int) -> ImageGrid {
        ImageGrid(width: size.width, height: size.height, maxPatches: maxPatches)
    }

    /// Pixels of a picture with this grid.
    func target(_ grid: ImageGrid) -> ImageSize {
        ImageSize(
            width: grid.columns * configuration.image.patchSize, height: grid.rows * configuration.image.patchSize)
    }

    /// The picture, resized to its grid, `[rows * columns, image patch length]`.
    func patches(_ image: PixelImage, _ cells: ImageGrid) -> Matrix {
        configuration.image.patchFeatures(Resize.triangle(image, to: target(cells)), grid: cells)
    }
}
