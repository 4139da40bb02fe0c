package import CastorNumerics

/// One content, ready for the encoder: what its parts are after text was tokenised, pictures cut into patches, and sound
/// turned into log-mel patches.
package struct EncoderInput: Sendable {
    package enum Segment: Sendable {
        /// Ids of a text.
        case text([Int32])
        /// The first patches in raster order, `[n, 3 p p]`, of a picture with this grid, or of those that it keeps.
        case image(patches: Matrix, grid: ImageGrid)
        /// Patches over time, `[n, F * mel bands]`.
        case audio(patches: Matrix)
        /// A video's frames, each shown at its time, in seconds from the first moment asked for.
        case video(frames: PooledPictures, times: [Double])
        /// The picture of a document's page.
        case page(PooledPictures)
        /// Ids of the text on a document's page.
        case pageText([Int32])
        /// A picture, a frame or a page for a model of format castor-2.
        case picture(PatchedPicture)
        /// A sound for a model of format castor-2.
        case sound(SoundFrames)

        /// Tokens in the unified encoder.
        package var tokenCount: Int {
            switch self {
            case .text(let ids), .pageText(let ids): ids.count
            case .image(let patches, _), .audio(let patches): patches.rows
            case .video(let pictures, _), .page(let pictures): pictures.tokenCount
            case .picture(let picture): picture.tokenCount
            case .sound(let sound): sound.tokenCount
            }
        }

        /// Tokens in the segment's tower.
        package var towerTokenCount: Int {
            switch self {
            case .video(let pictures, _), .page(let pictures): pictures.patches.rows
            case .picture(let picture): picture.patches.rows
            case .sound(let sound): sound.mel.rows
            case .text, .pageText, .image, .audio: tokenCount
            }
        }

        package var modality: Modality {
            switch self {
            case .text: .text
            case .image, .picture: .image
            case .audio, .sound: .audio
            case .video: .video
            case .page, .pageText: .document
            }
        }

        package var tower: Configuration.Tower {
            switch self {
            case .text, .pageText: .text
            case .image, .video, .page, .picture: .image
            case .audio, .sound: .audio
            }
        }

        package var ids: [Int32]? {
            switch self {
            case .text(let ids), .pageText(let ids): ids
            case .image, .audio, .video, .page, .picture, .sound: nil
            }
        }

        package var patches: Matrix? {
            switch self {
            case .text, .pageText: nil
            case .image(let patches, _), .audio(let patches): patches
            case .video(let pictures, _), .page(let pictures): pictures.patches
            case .picture(let picture): picture.patches
            case .sound(let sound): sound.mel
            }
        }

        /// Pictures that are pooled, and the times of those of a video.
        var pooled: PooledPictures? {
            switch self {
            case .video(let pictures, _), .page(let pictures): pictures
            case .text, .pageText, .image, .audio, .picture, .sound: nil
            }
        }

        /// Tokens that attend to each other in the tower, in order: those of the segment, or of each of its pictures.
        var towerLengths: [Int] {
            guard let pooled else { return [towerTokenCount] }
            return Array(repeating: pooled.patchesPerPicture, count: pooled.pictureCount)
        }

        /// The first `count` tokens.
        fileprivate func prefix(_ count: Int) -> Segment {
            switch self {
            case .text(let ids): .text(Array(ids.prefix(count)))
            case .image(let patches, let grid): .image(patches: patches[0..<count], grid: grid)
            case .audio(let patches): .audio(patches: patches[0..<count])
            case .video(let frames, let times):
                .video(
                    frames: frames.prefix(count),
                    times: Array(times.prefix((count + frames.tokensPerPicture - 1) / frames.tokensPerPicture)))
            case .page(let picture): .page(picture.prefix(count))
            case .pageText(let ids): .pageText(Array(ids.prefix(count)))
            case .picture(let picture): .picture(picture.prefix(count))
            case .sound(let sound): .sound(sound.prefix(count))
            }
        }
    }

    package private(set) var segments: [Segment]

    package init(_ segments: [Segment]) {
        self.segments = segments
    }

    package var tokenCount: Int { segments.reduce(0) { $0 + $1.tokenCount } }

    /// Memory of ids, patches and times, and of what holds them.
    package var byteCount: Int {
        segments.reduce(0) { sum, segment in
            var values = (segment.ids?.count ?? 0) + (segment.patches?.count ?? 0)
            if case .image(_, let grid) = segment { values += grid.kept?.count ?? 0 }
            return sum + 4 * values + 64
        }
    }

    /// Rows that the pass computes at a time: tokens in the towers or in the unified encoder, whichever are more.
    package var workTokenCount: Int { segments.reduce(0) { $0 + max($1.tokenCount, $1.towerTokenCount) } }

    /// Cuts at the end so that at most `limit` tokens remain. Returns whether anything was cut.
    package mutating func truncate(to limit: Int) -> Bool {
        guard tokenCount > limit else { return false }
        var room = limit
        var kept: [Segment] = []
        for segment in segments where room > 0 {
            kept.append(segment.tokenCount <= room ? segment : segment.prefix(room))
            room -= min(room, segment.tokenCount)
        }
        segments = kept
        return true
    }
}
