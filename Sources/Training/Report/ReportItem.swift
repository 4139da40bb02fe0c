import CastorNumerics
package import Encoder
import FoundationEssentials
import Media
import Report

/// A content as the report shows it.
package struct ReportItem: Sendable, Equatable {
    package enum Part: Sendable, Equatable {
        case text(String)
        /// JPEG bytes; `alternative` says in words what they are.
        case picture([UInt8], alternative: String)
    }

    package var parts: [Part]

    package init(_ parts: [Part]) {
        self.parts = parts
    }

    /// What the model was given: texts, pictures put together from their patches, the mel spectrogram of sounds.
    ///
    /// - Parameters:
    ///   - texts: of the input's parts, in their order
    ///   - architecture: of the model that the input was prepared for
    package init(_ input: EncoderInput, texts: [String], _ architecture: Architecture) {
        guard case .castor(let configuration) = architecture else {
            parts = Self.named(texts, input)
            return
        }
        var (index, previous) = (-1, Modality?.none)
        parts = input.segments.map { segment in
            // The pages of a document are one part.
            if segment.modality != .document || previous != .document { index += 1 }
            previous = segment.modality
            let thumbnail: PixelImage
            let alternative: String
            switch segment {
            case .text, .pageText: return .text(Self.shortened(index < texts.count ? texts[index] : ""))
            case .image(let patches, let grid):
                thumbnail = Thumbnail.picture(patches, grid, side: configuration.image.patchSize)
                alternative = "picture"
            case .video(let pictures, _), .page(let pictures):
                // Of a video, its first frame.
                let first = pictures.patches[0..<pictures.patchesPerPicture]
                thumbnail = Thumbnail.picture(first, pictures.grid, side: configuration.image.patchSize)
                alternative = segment.modality == .video ? "video of \(pictures.pictureCount) frames" : "page"
            case .audio(let patches):
                thumbnail = Thumbnail.spectrogram(patches, bands: configuration.audio.melBands)
                let frames = patches.rows * configuration.audio.patchFrames
                let seconds = Double(frames * configuration.audio.hopLength) / Double(configuration.audio.sampleRate)
                alternative = "sound of \(Figures.fixed(seconds, 1)) s"
            case .picture, .sound: preconditionFailure("prepared for another format")
            }
            return JPEGEncoder.encode(thumbnail).map { .picture($0, alternative: alternative) } ?? .text(alternative)
        }
    }

    /// Of a model of format castor-2, whose marks are segments of ids, too: parts by their texts, or by the names of their files.
    private static func named(_ texts: [String], _ input: EncoderInput) -> [Part] {
        guard texts.isEmpty else { return texts.map { .text(shortened($0)) } }
        return input.segments.filter { $0.ids == nil }.map { .text($0.modality == .audio ? "sound" : "picture") }
    }

    private static let longestText = 160

    private static func shortened(_ text: String) -> String {
        text.count <= longestText ? text : text.prefix(longestText) + "..."
    }

    func html(isRight: Bool? = nil) -> String {
        var html = "<span class=\"item\(isRight == true ? " right" : "")\">"
        for part in parts {
            switch part {
            case .text(let text): html += "<span>\(HTML.escape(text))</span>"
            case .picture(let bytes, let alternative):
                html +=
                    "<img alt=\"\(HTML.escape(alternative))\" src=\"data:image/jpeg;base64,\(Data(bytes).base64EncodedString())\"/>"
                if alternative.hasPrefix("sound") { html += "<span class=\"soft\">\(HTML.escape(alternative))</span>" }
            }
        }
        if let isRight { html += isRight ? "<span class=\"yes\"> &#10003; right</span>" : "" }
        return html + "</span>"
    }
}

/// Small pictures of what the model saw.
enum Thumbnail {
    static let side = 96

    /// Patches `[n, p p 3]` of values -1...1 in raster order; those that are missing stay gray.
    static func picture(_ patches: Matrix, _ grid: ImageGrid, side p: Int) -> PixelImage {
        let size = ImageSize(width: grid.columns * p, height: grid.rows * p)
        var pixels = [UInt8](repeating: 128, count: size.width * size.height * 3)
        for patch in 0..<min(patches.rows, grid.rows * grid.columns) {
            let (top, left) = (patch / grid.columns * p, patch % grid.columns * p)
            let values = patches.row(patch)
            for y in 0..<p {
                for x in 0..<p * 3 {
                    pixels[((top + y) * size.width + left) * 3 + x] = byte((values[y * p * 3 + x] + 1) * 127.5)
                }
            }
        }
        return fitted(PixelImage(size: size, pixels: pixels))
    }

    /// Patches `[n, frames bands]`: time to the right, pitch upwards, the louder the brighter.
    static func spectrogram(_ patches: Matrix, bands: Int) -> PixelImage {
        let frames = patches.count / bands
        var (low, high) = (Float.infinity, -Float.infinity)
        for index in 0..<patches.count {
            low = min(low, patches.pointer[index])
            high = max(high, patches.pointer[index])
        }
        let scale = high > low ? 255 / (high - low) : 0
        var pixels = [UInt8](repeating: 0, count: frames * bands * 3)
        for frame in 0..<frames {
            for band in 0..<bands {
                let value = byte((patches.pointer[frame * bands + band] - low) * scale)
                let start = ((bands - 1 - band) * frames + frame) * 3
                for channel in 0..<3 { pixels[start + channel] = value }
            }
        }
        let whole = PixelImage(size: ImageSize(width: frames, height: bands), pixels: pixels)
        return resized(whole, to: ImageSize(width: side, height: side / 2))
    }

    private static func fitted(_ image: PixelImage) -> PixelImage {
        let longest = max(image.width, image.height)
        guard longest > side else { return image }
        func scaled(_ length: Int) -> Int { max(1, (length * side + longest / 2) / longest) }
        return resized(image, to: ImageSize(width: scaled(image.width), height: scaled(image.height)))
    }

    private static func resized(_ image: PixelImage, to size: ImageSize) -> PixelImage {
        PixelImage(size: size, pixels: Resize.triangle(image, to: size).map { byte($0) })
    }

    private static func byte(_ value: Float) -> UInt8 { UInt8(min(max(value.rounded(), 0), 255)) }
}
