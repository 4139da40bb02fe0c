package import CastorNumerics

/// One content, ready for the encoder: what its parts are after text was tokenised, pictures cut into patches, and sound
/// turned into log-mel patches.
package struct EncoderInput: Sendable {
    package enum Segment: Sendable {
        /// SentencePiece ids.
        case text([Int32])
        /// The first patches in raster order, `[n, 3 p p]`, of a picture with this grid, or of those that it keeps.
        case image(patches: Matrix, grid: ImageGrid)
        /// Patches over time, `[n, F * mel bands]`.
        case audio(patches: Matrix)

        package var tokenCount: Int {
            switch self {
            case .text(let ids): ids.count
            case .image(let patches, _), .audio(let patches): patches.rows
            }
        }

        package var modality: Modality {
            switch self {
            case .text: .text
            case .image: .image
            case .audio: .audio
            }
        }

        /// The first `count` tokens.
        fileprivate func prefix(_ count: Int) -> Segment {
            switch self {
            case .text(let ids): .text(Array(ids.prefix(count)))
            case .image(let patches, let grid): .image(patches: patches[0..<count], grid: grid)
            case .audio(let patches): .audio(patches: patches[0..<count])
            }
        }
    }

    package private(set) var segments: [Segment]

    package init(_ segments: [Segment]) {
        self.segments = segments
    }

    package var tokenCount: Int { segments.reduce(0) { $0 + $1.tokenCount } }

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
