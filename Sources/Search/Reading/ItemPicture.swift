package import Media

/// A small picture of an item, for people to look at: the picture itself, a frame from the middle of a film's stretch, a page.
package enum ItemPicture {
    /// Larger files are not read for it. None is mapped: whoever cuts a file that is mapped ends the program.
    private static let maxFileBytes = 256 << 20
    private static let quality = 82

    /// Whether an item has one.
    package static func exists(for hit: SearchHit) -> Bool {
        switch hit.medium {
        case .image, .video, .document: true
        case .text, .audio: false
        }
    }

    /// A JPEG file whose longer side is at most `side`; nil for what has none or cannot be drawn. Throws as ``IndexedFile``.
    package static func jpeg(_ hit: SearchHit, side: Int, limits: MediaLimits) throws(SearchError) -> [UInt8]? {
        guard exists(for: hit), let bytes = try IndexedFile(hit).bytes(atMost: maxFileBytes) else { return nil }
        guard let image = try? picture(bytes, hit, side, limits) else { return nil }
        let size = small(image.size, side)
        return JPEGEncoder.encode(Resize.antialiased(image, to: size, .bilinear, .pillow), quality: quality)
    }

    private static func picture(
        _ bytes: [UInt8], _ hit: SearchHit, _ side: Int, _ limits: MediaLimits
    ) throws(MediaError) -> PixelImage? {
        let span = bytes.span.bytes
        switch (hit.medium, MediaType.sniff(span)) {
        case (.image, .image(let format)):
            return try limits.decoders.image(span, format: format, limits: limits) { small($0, side) }.image
        case (.video, .video(let format)):
            var selection = VideoSelection()
            if case .seconds(let seconds) = hit.place {
                selection.start = seconds.lowerBound
                selection.end = seconds.upperBound
            }
            let frames = try limits.decoders.video(
                span, format: format, selection: selection, maxFrames: 3, limits: limits
            ) { small($0, side) }
            // A film's first frame is often black.
            let frame = frames.frames[frames.frames.count / 2]
            return Resize.antialiased(frame, to: small(frames.displaySize, side), .bilinear, .pillow)
        case (.document, .document):
            guard case .page(let page) = hit.place else { return nil }
            var limits = limits
            limits.maxPages = PieceOptions().maxPages
            limits.maxPageSide = side
            // Points are 72 to the inch: a page of A4 has 842 of them.
            limits.pageDotsPerInch = 300
            return try DocumentPages(span, from: page, limits: limits).next()?.image
        default: return nil
        }
    }

    private static func small(_ size: ImageSize, _ side: Int) -> ImageSize {
        let longer = max(size.width, size.height, 1)
        guard longer > side else { return size }
        return ImageSize(width: max(1, size.width * side / longer), height: max(1, size.height * side / longer))
    }
}
