private import CTurboJPEG

/// JPEG through libjpeg-turbo.
enum JPEG {
    static func header(_ bytes: UnsafeRawBufferPointer) throws(MediaError) -> ImageHeader {
        let decompressor = try Decompressor()
        let info = try decompressor.readHeader(bytes)
        return ImageHeader(format: .jpeg, size: info.size, orientation: orientation(bytes))
    }

    /// The stored picture at 1/`reduction` of its size, rounded up.
    static func decode(
        _ bytes: UnsafeRawBufferPointer, header: ImageHeader, reduction: Int
    ) throws(MediaError) -> PixelImage {
        let decompressor = try Decompressor()
        let info = try decompressor.readHeader(bytes)
        let size = ImageSize(
            width: (info.size.width + reduction - 1) / reduction,
            height: (info.size.height + reduction - 1) / reduction)
        guard info.isFourColor else {
            return PixelImage(size: size, pixels: try decompressor.decode(bytes, size: size, TJPF_RGB, channels: 3))
        }
        let inks = try decompressor.decode(bytes, size: size, TJPF_CMYK, channels: 4)
        return PixelImage(size: size, pixels: rgb(inks))
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

private struct Decompressor: ~Copyable {
    let handle: tjhandle

    init() throws(MediaError) {
        guard let handle = tjInitDecompress() else { throw .unsupported("JPEG: out of memory") }
        self.handle = handle
    }

    deinit { tjDestroy(handle) }

    struct Info {
        var size: ImageSize
        /// CMYK or YCCK.
        var isFourColor: Bool
    }

    func readHeader(_ bytes: UnsafeRawBufferPointer) throws(MediaError) -> Info {
        var (width, height, sampling, space): (Int32, Int32, Int32, Int32) = (0, 0, -1, -1)
        let result = tjDecompressHeader3(
            handle, bytes.bindMemory(to: UInt8.self).baseAddress, UInt(bytes.count), &width, &height, &sampling, &space)
        // Unusual sampling factors are an error only to callers that want planes: the rest has been filled in.
        guard result == 0 || (width > 0 && height > 0 && space >= 0) else { throw damaged(message) }
        return Info(
            size: ImageSize(width: Int(width), height: Int(height)),
            isFourColor: space == TJCS_CMYK.rawValue || space == TJCS_YCCK.rawValue)
    }

    func decode(
        _ bytes: UnsafeRawBufferPointer, size: ImageSize, _ layout: TJPF, channels: Int
    ) throws(MediaError) -> [UInt8] {
        var result: Int32 = -1
        let pixels = filledBytes(size.pixelCount * channels) { output in
            // A progressive file of a few kB can hold thousands of scans over a huge picture.
            result = tjDecompress2(
                handle, bytes.bindMemory(to: UInt8.self).baseAddress, UInt(bytes.count), output, Int32(size.width), 0,
                Int32(size.height), Int32(layout.rawValue), TJFLAG_LIMITSCANS)
            return true
        }
        guard let pixels else { throw damaged(message) }
        if result != 0 {
            guard tjGetErrorCode(handle) == TJERR_WARNING.rawValue, isHarmless(message), endsProperly(bytes) else {
                throw damaged(message)
            }
        }
        return pixels
    }

    private var message: String {
        tjGetErrorStr2(handle).map { String(cString: $0) } ?? "unknown error"
    }

    private func damaged(_ reason: String) -> MediaError { .damaged(format: "jpeg", reason: reason) }

    /// Warnings that leave every pixel as the encoder meant it: junk between segments and unknown versions of markers.
    private func isHarmless(_ warning: String) -> Bool {
        warning.contains("extraneous bytes before marker") || warning.contains("unknown JFIF revision")
            || warning.contains("Unknown Adobe color transform")
    }

    /// Only the first warning is reported, so a harmless one may hide that the data stops early. Then there is no end
    /// marker after the last start of a scan.
    private func endsProperly(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for offset in stride(from: bytes.count - 2, through: 0, by: -1) where bytes[offset] == 0xFF {
            if bytes[offset + 1] == 0xD9 { return true }
            if bytes[offset + 1] == 0xDA { return false }
        }
        return false
    }
}
