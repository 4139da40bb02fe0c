private import CFFmpeg

/// BMP through FFmpeg's decoder; the header is read here, so that nothing is decoded before the limits are checked.
enum BMP {
    static func header(_ bytes: UnsafeRawBufferPointer) throws(MediaError) -> ImageHeader {
        let fields = try BMPFields(bytes)
        return ImageHeader(format: .bmp, size: fields.size)
    }

    static func decode(_ bytes: UnsafeRawBufferPointer, header: ImageHeader) throws(MediaError) -> StoredImage {
        let fields = try BMPFields(bytes)
        let layout = try BMPLayout(fields, bytes)
        guard layout.end <= Int32.max else { throw failure(CASTOR_FFMPEG_UNSUPPORTED, header) }
        var status = CASTOR_FFMPEG_NO_MEMORY
        let pixels = filledBytes(header.size.pixelCount * 4) { output in
            let size = castor_bmp_size(
                width: Int32(header.size.width), height: Int32(header.size.height),
                data_offset: UInt32(layout.dataOffset),
                planes_offset: UInt32(fields.planesOffset), end: UInt32(layout.end))
            status = castor_bmp_decode(bytes.baseAddress, bytes.count, size, output)
            return status == CASTOR_FFMPEG_OK
        }
        guard var pixels else { throw failure(status, header) }
        if !fields.hasAlpha {
            for i in 0..<header.size.pixelCount { pixels[4 * i + 3] = 255 }
        }
        return StoredImage(PixelImage(size: header.size, overWhite: pixels), oddity: layout.oddity)
    }

    private static func failure(_ status: castor_ffmpeg_status, _ header: ImageHeader) -> MediaError {
        switch status {
        case CASTOR_FFMPEG_MISSING: .missingFFmpeg
        case CASTOR_FFMPEG_NO_MEMORY: .outOfMemory(format: header.format.rawValue)
        case CASTOR_FFMPEG_UNSUPPORTED: .unsupported("this kind of BMP file")
        default: header.damaged("the picture data is broken or cut short")
        }
    }
}
