/// A decoded picture and the size of the one in the file, which scaled decoding makes larger. Both are upright.
package struct DecodedImage: Sendable, Equatable {
    package let image: PixelImage
    package let originalSize: ImageSize
    package let notes: [MediaNote]

    package init(image: PixelImage, originalSize: ImageSize, notes: [MediaNote] = []) {
        self.image = image
        self.originalSize = originalSize
        self.notes = notes
    }
}

/// Encoded image bytes to upright, opaque RGB pixels.
///
/// Colour profiles and gamma chunks are not applied: pixels are taken as sRGB, as they are stored.
package enum ImageDecoder {
    /// The upright size, from the headers alone. Throws `empty`, `damaged` and `imageTooLarge`.
    package static func size(
        of bytes: RawSpan, format: ImageFormat, limits: MediaLimits = MediaLimits()
    ) throws(MediaError) -> ImageSize {
        try bytes.withUnsafeBytes { bytes throws(MediaError) in
            try header(bytes, format, limits).uprightSize
        }
    }

    /// All pixels, or fewer where fewer do.
    ///
    /// - Parameters:
    ///   - target: From the upright size, the size that the picture will be resized to; nil to keep every pixel. JPEG
    ///     files are then decoded at 1/s scale, s the largest of 1, 2, 4 and 8 that leaves twice the target's width and
    ///     height. Other formats ignore it.
    /// - Throws: `empty`, `damaged`, `imageTooLarge`, `tooCostly`, `unsupported`, `outOfMemory` and `libraryMissing`.
    package static func decode(
        _ bytes: RawSpan, format: ImageFormat, limits: MediaLimits = MediaLimits(),
        target: (ImageSize) -> ImageSize? = { _ in nil }
    ) throws(MediaError) -> DecodedImage {
        try bytes.withUnsafeBytes { bytes throws(MediaError) in
            try limits.checkCancelled()
            // Files that lack something are copied to be put right.
            let header = try MemoryClaim.with(bytes.count, format: format) { () throws(MediaError) in
                try Self.header(bytes, format, limits)
            }
            let scale = target(header.uprightSize).map { reduction(from: header.uprightSize, to: $0) } ?? 1
            // JPEG alone is decoded at less.
            let pixels = header.size.pixelCount / (format == .jpeg ? scale * scale : 1)
            let memory = bytes.count + header.bytesPerPixel * pixels
            return try MemoryClaim.with(memory, format: format) { () throws(MediaError) in
                let stored = try Self.stored(bytes, header, limits, scale)
                return DecodedImage(
                    image: header.orientation.applied(to: stored.image), originalSize: header.uprightSize,
                    notes: stored.oddity.map { [.damaged(format: format.rawValue, reason: $0)] } ?? [])
            }
        }
    }

    private static func stored(
        _ bytes: UnsafeRawBufferPointer, _ header: ImageHeader, _ limits: MediaLimits, _ scale: Int
    ) throws(MediaError) -> StoredImage {
        switch header.format {
        case .jpeg: try JPEG.decode(bytes, header: header, reduction: scale)
        case .png: try PNG.decode(bytes, header: header)
        case .webp: try WebP.decode(bytes, header: header)
        case .gif: try GIF.decode(bytes, header: header)
        case .bmp: try BMP.decode(bytes, header: header)
        case .heic, .avif: StoredImage(try HEIF.decode(bytes, header: header, limits: limits))
        }
    }

    private static func header(
        _ bytes: UnsafeRawBufferPointer, _ format: ImageFormat, _ limits: MediaLimits
    ) throws(MediaError) -> ImageHeader {
        guard !bytes.isEmpty else { throw .empty }
        let header =
            switch format {
            case .jpeg: try JPEG.header(bytes)
            case .png: try PNG.header(bytes)
            case .webp: try WebP.header(bytes)
            case .gif: try GIF.header(bytes)
            case .bmp: try BMP.header(bytes)
            case .heic, .avif: try HEIF.header(bytes, format: format, limits: limits)
            }
        guard header.size.width > 0, header.size.height > 0 else {
            throw .damaged(
                format: format.rawValue, reason: "the size is \(header.size.width) x \(header.size.height) pixels")
        }
        try limits.check(header.size, format)
        return header
    }

    /// The largest of 1, 2, 4 and 8 that still leaves at least twice the target's pixels in both directions.
    static func reduction(from size: ImageSize, to target: ImageSize) -> Int {
        guard target.width > 0, target.height > 0 else { return 1 }
        let most = min(size.width / (2 * target.width), size.height / (2 * target.height))
        return [8, 4, 2].first { $0 <= most } ?? 1
    }
}

/// All pixels of a file, as stored, before turning.
struct StoredImage {
    var image: PixelImage
    /// What is wrong with the file nevertheless.
    var oddity: String?

    init(_ image: PixelImage, oddity: String? = nil) {
        self.image = image
        self.oddity = oddity
    }

    /// A picture that `decode` makes of the bytes or, where they are damaged, of what `repair` makes of them.
    ///
    /// - Parameter oddity: what is wrong then
    init(
        _ bytes: UnsafeRawBufferPointer, repair: (UnsafeRawBufferPointer) -> [UInt8]?, oddity: String,
        decode: (UnsafeRawBufferPointer) throws(MediaError) -> PixelImage
    ) throws(MediaError) {
        do throws(MediaError) {
            self.init(try decode(bytes))
        } catch {
            guard case .damaged = error, let repaired = repair(bytes) else { throw error }
            let first = error
            do throws(MediaError) {
                let image = try repaired.span.bytes.withUnsafeBytes { bytes throws(MediaError) in try decode(bytes) }
                self.init(image, oddity: oddity)
            } catch {
                // The words about the file itself.
                throw first
            }
        }
    }
}

/// What the start of an image file says.
struct ImageHeader {
    var format: ImageFormat
    /// As stored, before turning.
    var size: ImageSize
    var orientation = Orientation.upright

    var uprightSize: ImageSize { orientation.applied(to: size) }

    func damaged(_ reason: String) -> MediaError { .damaged(format: format.rawValue, reason: reason) }
}
