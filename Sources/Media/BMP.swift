private import CFFmpeg

/// BMP through FFmpeg's decoder; the header is read here, so that nothing is decoded before the limits are checked.
enum BMP {
    static func header(_ bytes: UnsafeRawBufferPointer) throws(MediaError) -> ImageHeader {
        let fields = try Fields(bytes)
        return ImageHeader(format: .bmp, size: fields.size)
    }

    static func decode(_ bytes: UnsafeRawBufferPointer, header: ImageHeader) throws(MediaError) -> PixelImage {
        let fields = try Fields(bytes)
        var status = CASTOR_FFMPEG_NO_MEMORY
        let pixels = filledBytes(header.size.pixelCount * 4) { output in
            status = castor_bmp_decode(
                bytes.baseAddress, bytes.count, Int32(header.size.width), Int32(header.size.height), output)
            return status == CASTOR_FFMPEG_OK
        }
        guard var pixels else { throw failure(status, header) }
        if !fields.hasAlpha {
            for i in 0..<header.size.pixelCount { pixels[4 * i + 3] = 255 }
        }
        return PixelImage(size: header.size, overWhite: pixels)
    }

    private static func failure(_ status: castor_ffmpeg_status, _ header: ImageHeader) -> MediaError {
        switch status {
        case CASTOR_FFMPEG_MISSING: .libraryMissing(String(cString: castor_ffmpeg_missing()))
        case CASTOR_FFMPEG_UNSUPPORTED, CASTOR_FFMPEG_NO_MEMORY: .unsupported("this kind of BMP file")
        default: header.damaged("the picture data is broken or cut short")
        }
    }

    private struct Fields {
        var size: ImageSize
        var hasAlpha = false

        init(_ bytes: UnsafeRawBufferPointer) throws(MediaError) {
            guard let headerSize = bytes.littleEndian(UInt32.self, at: 14),
                let dataOffset = bytes.littleEndian(UInt32.self, at: 10)
            else { throw damaged("the header is cut short") }
            if headerSize == 12 {
                guard let width = bytes.littleEndian(UInt16.self, at: 18),
                    let height = bytes.littleEndian(Int16.self, at: 20)
                else { throw damaged("the header is cut short") }
                size = ImageSize(width: Int(width), height: abs(Int(height)))
            } else {
                guard let width = bytes.littleEndian(Int32.self, at: 18),
                    let height = bytes.littleEndian(Int32.self, at: 22)
                else { throw damaged("the header is cut short") }
                // A negative height means rows from the top. A negative width means nothing.
                guard width > 0, height != 0 else { throw damaged("the size is \(width) x \(height) pixels") }
                size = ImageSize(width: Int(width), height: abs(Int(height)))
                // Fields of a header of 40 bytes; the longer ones add masks, of which the fourth is alpha's.
                let compression = bytes.littleEndian(UInt32.self, at: 30) ?? 0
                let bits = bytes.littleEndian(UInt16.self, at: 28) ?? 0
                let alphaMask = headerSize >= 56 ? bytes.littleEndian(UInt32.self, at: 66) ?? 0 : 0
                hasAlpha = compression == 3 && bits == 32 && alphaMask != 0
                // Run-length data says how long it is; the decoder fills what is missing with black.
                let dataSize = bytes.littleEndian(UInt32.self, at: 34) ?? 0
                let present = max(0, bytes.count - Int(dataOffset))
                if compression == 1 || compression == 2, Int(dataSize) > present {
                    throw damaged("the header claims \(dataSize) bytes of picture data, \(present) are present")
                }
            }
        }
    }

    private static func damaged(_ reason: String) -> MediaError { .damaged(format: "bmp", reason: reason) }
}
