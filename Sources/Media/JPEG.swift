private import CJPEG

/// JPEG through libjpeg-turbo.
enum JPEG {
    /// Where the file begins, as FFmpeg has it: within the first 1,024 bytes, and at the last of several start markers; nil where it does
    /// not.
    static func start(of bytes: UnsafeRawBufferPointer) -> Int? {
        let head = bytes.slice(0..<1_028)
        guard var start = head.indices.first(where: { head.bigEndian(UInt32.self, at: $0).map { $0 >> 8 } == 0xFFD8FF })
        else { return nil }
        while head.bigEndian(UInt32.self, at: start) == 0xFFD8_FFD8 { start += 2 }
        return start
    }

    private static func fromStart(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        bytes.slice((start(of: bytes) ?? 0)..<bytes.count)
    }

    static func header(_ bytes: UnsafeRawBufferPointer) throws(MediaError) -> ImageHeader {
        let bytes = fromStart(bytes)
        let info = try readInfo(bytes)
        return ImageHeader(format: .jpeg, size: info.size, orientation: orientation(bytes))
    }

    /// The stored picture at 1/`reduction` of its size, rounded up.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, header: ImageHeader, reduction: Int
    ) throws(MediaError) -> StoredImage {
        let whole = bytes
        let bytes = fromStart(whole)
        let info = try readInfo(bytes)
        let size = ImageSize(
            width: (info.size.width + reduction - 1) / reduction,
            height: (info.size.height + reduction - 1) / reduction)
        let count = size.pixelCount * Int(info.channels)
        var message = CMessage(size: Int(CASTOR_JPEG_MESSAGE_SIZE))
        var oddities: UInt32 = 0
        let pixels = filledBytes(count) { output in
            message.fill {
                castor_jpeg_decode(bytes.baseAddress, bytes.count, Int32(reduction), output, count, &oddities, $0)
            }
        }
        guard let pixels else { throw message.failure(of: .jpeg, noMemory: CASTOR_JPEG_NO_MEMORY) }
        return StoredImage(
            PixelImage(size: size, pixels: info.channels == 4 ? rgb(pixels) : pixels),
            oddity: words(oddities, isBehindJunk: bytes.count < whole.count))
    }

    /// What is wrong with a file whose pixels are all there.
    private static func words(_ oddities: UInt32, isBehindJunk: Bool) -> String? {
        let all = [
            (CASTOR_JPEG_NO_END, "it has no end marker"),
            (CASTOR_JPEG_BAD_SCAN_HEADER, "the spectral selection in its scan header makes no sense"),
            (CASTOR_JPEG_STRAY_BYTES, "it has bytes that belong to no segment"),
            (CASTOR_JPEG_BROKEN_END, "what follows the picture makes no sense"),
        ]
        let found =
            (isBehindJunk ? ["it does not begin with its first byte"] : [])
            + all.filter { oddities & $0.0.rawValue != 0 }.map(\.1)
        return found.isEmpty ? nil : found.joined(separator: ", ")
    }

    private struct Info {
        var size: ImageSize
        /// Four where the file has inks.
        var channels: Int32
    }

    private static func readInfo(_ bytes: UnsafeRawBufferPointer) throws(MediaError) -> Info {
        var info = castor_jpeg_info()
        var message = CMessage(size: Int(CASTOR_JPEG_MESSAGE_SIZE))
        guard message.fill({ castor_jpeg_read_info(bytes.baseAddress, bytes.count, &info, $0) }) else {
            throw message.failure(of: .jpeg, noMemory: CASTOR_JPEG_NO_MEMORY)
        }
        return Info(size: ImageSize(width: Int(info.width), height: Int(info.height)), channels: info.channels)
    }

    /// Four-colour files store inverted inks, as Adobe's programs write them and every reader assumes.
    private static func rgb(_ inks: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: inks.count / 4 * 3) { output, initialized in
            for i in 0..<inks.count / 4 {
                let key = UInt32(inks[4 * i + 3])
                for channel in 0..<3 {
                    output[3 * i + channel] = UInt8((UInt32(inks[4 * i + channel]) * key + 127) / 255)
                }
            }
            initialized = inks.count / 4 * 3
        }
    }

    /// Walks the segments before the picture for the first EXIF one.
    private static func orientation(_ bytes: UnsafeRawBufferPointer) -> Orientation {
        var offset = 2
        while let marker = bytes.bigEndian(UInt16.self, at: offset), marker >> 8 == 0xFF {
            switch marker & 0xFF {
            case 0xFF:
                offset += 1  // padding
            case 0x01, 0xD0...0xD8:
                offset += 2  // no content
            case 0xD9, 0xDA:
                return .upright
            default:
                guard let length = bytes.bigEndian(UInt16.self, at: offset + 2).map(Int.init), length >= 2 else {
                    return .upright
                }
                let content = offset + 4..<offset + 2 + length
                if marker & 0xFF == 0xE1, content.count > 6, bytes.has("Exif\0\0", at: content.lowerBound) {
                    return Orientation(exif: bytes.slice(content))
                }
                offset = content.upperBound
            }
        }
        return .upright
    }
}
