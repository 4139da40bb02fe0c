private import CPNG

/// PNG through libpng. Of an animated file, the default image.
enum PNG {
    static func header(_ bytes: UnsafeRawBufferPointer) throws(MediaError) -> ImageHeader {
        let info = try readInfo(bytes)
        return ImageHeader(
            format: .png, size: ImageSize(width: Int(info.width), height: Int(info.height)),
            orientation: orientation(bytes))
    }

    static func decode(_ bytes: UnsafeRawBufferPointer, header: ImageHeader) throws(MediaError) -> StoredImage {
        let channels = Int(try readInfo(bytes).channels)
        let count = header.size.pixelCount * channels
        var message = CMessage(size: Int(CASTOR_PNG_MESSAGE_SIZE))
        var isOdd = false
        let pixels = filledBytes(count) { output in
            message.fill { castor_png_decode(bytes.baseAddress, bytes.count, output, count, &isOdd, $0) }
        }
        guard let pixels else { throw message.failure(of: .png, noMemory: CASTOR_PNG_NO_MEMORY) }
        let image =
            channels == 3
            ? PixelImage(size: header.size, pixels: pixels) : PixelImage(size: header.size, overWhite: pixels)
        return StoredImage(image, oddity: isOdd ? message.text : nil)
    }

    private static func readInfo(_ bytes: UnsafeRawBufferPointer) throws(MediaError) -> castor_png_info {
        var info = castor_png_info()
        var message = CMessage(size: Int(CASTOR_PNG_MESSAGE_SIZE))
        guard message.fill({ castor_png_read_info(bytes.baseAddress, bytes.count, &info, $0) }) else {
            throw message.failure(of: .png, noMemory: CASTOR_PNG_NO_MEMORY)
        }
        return info
    }

    /// Walks the chunks for eXIf, which may also follow the picture.
    private static func orientation(_ bytes: UnsafeRawBufferPointer) -> Orientation {
        var offset = 8
        while let length = bytes.bigEndian(UInt32.self, at: offset), length <= Int32.max {
            let content = offset + 8..<offset + 8 + Int(length)
            if bytes.has("eXIf", at: offset + 4) { return Orientation(exif: bytes.slice(content)) }
            if bytes.has("IEND", at: offset + 4) { break }
            offset = content.upperBound + 4
        }
        return .upright
    }
}
