private import CWebP

/// WebP through libwebp. Of an animated file, the first frame on its canvas.
enum WebP {
    static func header(_ bytes: UnsafeRawBufferPointer) throws(MediaError) -> ImageHeader {
        if let header = readHeader(bytes) { return header }
        guard let header = WebPChunks.repaired(bytes).flatMap({ $0.withUnsafeBytes(readHeader) }) else {
            throw .damaged(format: "webp", reason: "the header is broken or cut short")
        }
        return header
    }

    private static func readHeader(_ bytes: UnsafeRawBufferPointer) -> ImageHeader? {
        features(bytes).map {
            ImageHeader(
                format: .webp, size: ImageSize(width: Int($0.width), height: Int($0.height)),
                orientation: orientation(bytes))
        }
    }

    private static func features(_ bytes: UnsafeRawBufferPointer) -> WebPBitstreamFeatures? {
        var features = WebPBitstreamFeatures()
        let status = WebPGetFeatures(bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, &features)
        return status == VP8_STATUS_OK ? features : nil
    }

    static func decode(_ bytes: UnsafeRawBufferPointer, header: ImageHeader) throws(MediaError) -> StoredImage {
        let oddity = "the sizes in it are not those of its content"
        return try StoredImage(bytes, repair: WebPChunks.repaired, oddity: oddity) { bytes throws(MediaError) in
            guard let features = features(bytes) else { throw header.damaged("the header is broken or cut short") }
            if features.has_animation != 0 { return try decodeFirstFrame(bytes, header) }
            return try decodeStill(bytes, header, hasAlpha: features.has_alpha != 0)
        }
    }

    private static func decodeStill(
        _ bytes: UnsafeRawBufferPointer, _ header: ImageHeader, hasAlpha: Bool
    ) throws(MediaError) -> PixelImage {
        let channels = hasAlpha ? 4 : 3
        let count = header.size.pixelCount * channels
        var status = VP8_STATUS_OUT_OF_MEMORY
        let pixels = filledBytes(count) { output in
            let room = UnsafeMutableBufferPointer(start: output, count: count)
            status = decode(bytes, into: room, stride: header.size.width * channels, hasAlpha ? MODE_RGBA : MODE_RGB)
            return status == VP8_STATUS_OK
        }
        guard let pixels else { throw failure(status, header, "the picture data is broken or cut short") }
        return hasAlpha
            ? PixelImage(size: header.size, overWhite: pixels) : PixelImage(size: header.size, pixels: pixels)
    }

    private static func decodeFirstFrame(
        _ bytes: UnsafeRawBufferPointer, _ header: ImageHeader
    ) throws(MediaError) -> PixelImage {
        guard let demuxer = demuxer(bytes) else { throw header.damaged("the animation is broken or cut short") }
        defer { WebPDemuxDelete(demuxer) }
        var frame = WebPIterator()
        guard WebPDemuxGetFrame(demuxer, 1, &frame) != 0 else { throw header.damaged("the animation has no frame") }
        defer { WebPDemuxReleaseIterator(&frame) }

        // The canvas starts transparent, and the first frame may cover a part of it only.
        let canvas = header.size
        let (x, y) = (Int(frame.x_offset), Int(frame.y_offset))
        let (width, height) = (Int(frame.width), Int(frame.height))
        guard x >= 0, y >= 0, width > 0, height > 0, width <= canvas.width - x, height <= canvas.height - y else {
            throw header.damaged("the first frame lies outside the canvas")
        }
        let stride = canvas.width * 4
        var status = VP8_STATUS_OUT_OF_MEMORY
        let pixels = filledBytes(stride * canvas.height) { output in
            let start = (y * canvas.width + x) * 4
            let room = UnsafeMutableBufferPointer(start: output + start, count: (height - 1) * stride + width * 4)
            let fragment = UnsafeRawBufferPointer(start: frame.fragment.bytes, count: frame.fragment.size)
            status = decode(fragment, into: room, stride: stride, MODE_RGBA)
            return status == VP8_STATUS_OK
        }
        guard let pixels else { throw failure(status, header, "the first frame is broken or cut short") }
        return PixelImage(size: canvas, overWhite: pixels)
    }

    /// As `WebPDecodeRGBAInto`, which does not say why it could not.
    private static func decode(
        _ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableBufferPointer<UInt8>, stride: Int,
        _ mode: WEBP_CSP_MODE
    ) -> VP8StatusCode {
        var configuration = WebPDecoderConfig()
        guard WebPInitDecoderConfig(&configuration) != 0 else { return VP8_STATUS_INVALID_PARAM }
        configuration.output.colorspace = mode
        configuration.output.is_external_memory = 1
        configuration.output.u.RGBA = WebPRGBABuffer(
            rgba: output.baseAddress, stride: Int32(stride), size: output.count)
        return WebPDecode(bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, &configuration)
    }

    private static func failure(_ status: VP8StatusCode, _ header: ImageHeader, _ reason: String) -> MediaError {
        status == VP8_STATUS_OUT_OF_MEMORY ? .outOfMemory(format: header.format.rawValue) : header.damaged(reason)
    }

    private static func demuxer(_ bytes: UnsafeRawBufferPointer) -> OpaquePointer? {
        var data = WebPData(bytes: bytes.bindMemory(to: UInt8.self).baseAddress, size: bytes.count)
        return WebPDemux(&data)
    }

    private static func orientation(_ bytes: UnsafeRawBufferPointer, isRepaired: Bool = false) -> Orientation {
        guard let demuxer = demuxer(bytes) else {
            return isRepaired
                ? .upright
                : WebPChunks.repaired(bytes).map { $0.withUnsafeBytes { orientation($0, isRepaired: true) } }
                    ?? .upright
        }
        defer { WebPDemuxDelete(demuxer) }
        var chunk = WebPChunkIterator()
        guard WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk) != 0 else { return .upright }
        defer { WebPDemuxReleaseChunkIterator(&chunk) }
        return Orientation(exif: UnsafeRawBufferPointer(start: chunk.chunk.bytes, count: chunk.chunk.size))
    }
}
