private import CGIF

/// GIF through giflib: the first frame on its canvas. Later frames are not read.
enum GIF {
    static func header(_ bytes: UnsafeRawBufferPointer) throws(MediaError) -> ImageHeader {
        try withFirstFrame(bytes) { frame throws(MediaError) in
            ImageHeader(format: .gif, size: frame.canvas)
        }
    }

    static func decode(_ bytes: UnsafeRawBufferPointer, header: ImageHeader) throws(MediaError) -> StoredImage {
        try StoredImage(bytes, repair: GIFBlocks.closed, oddity: "its end is missing") { bytes throws(MediaError) in
            try withFirstFrame(bytes) { frame throws(MediaError) in
                PixelImage(size: header.size, overWhite: try frame.pixels())
            }
        }
    }

    /// Reads records up to the first image. The bytes must outlive the call only.
    private static func withFirstFrame<R>(
        _ bytes: UnsafeRawBufferPointer, _ body: (GIFFrame) throws(MediaError) -> R
    ) throws(MediaError) -> R {
        let source = UnsafeMutablePointer<Source>.allocate(capacity: 1)
        source.initialize(to: Source(bytes: bytes))
        defer { source.deallocate() }

        var error: Int32 = 0
        let file = DGifOpen(
            source,
            { file, output, count in
                guard let source = file?.pointee.UserData?.assumingMemoryBound(to: Source.self), let output, count > 0
                else {
                    return 0
                }
                let left = source.pointee.bytes.count - source.pointee.position
                let n = min(Int(count), left)
                let range = source.pointee.position..<source.pointee.position + n
                UnsafeMutableRawBufferPointer(start: output, count: n)
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source.pointee.bytes[range]))
                source.pointee.position += n
                return Int32(n)
            }, &error)
        guard let file else { throw damaged(error) }
        defer { DGifCloseFile(file, nil) }
        return try body(try GIFFrame(file))
    }

    private struct Source {
        let bytes: UnsafeRawBufferPointer
        var position = 0
    }

    fileprivate static func damaged(_ code: Int32) -> MediaError {
        if code == D_GIF_ERR_NOT_ENOUGH_MEM { return .outOfMemory(format: "gif") }
        let reason = GifErrorString(code).map { String(cString: $0) } ?? "the file is broken or cut short"
        return .damaged(format: "gif", reason: reason)
    }
}

/// A GIF file whose next record is the first image's data.
private struct GIFFrame {
    let file: UnsafeMutablePointer<GifFileType>
    var canvas: ImageSize
    var transparent: Int?

    init(_ file: UnsafeMutablePointer<GifFileType>) throws(MediaError) {
        self.file = file
        canvas = ImageSize(width: Int(file.pointee.SWidth), height: Int(file.pointee.SHeight))
        while true {
            var record = UNDEFINED_RECORD_TYPE
            guard DGifGetRecordType(file, &record) == GIF_OK else { throw GIF.damaged(file.pointee.Error) }
            switch record {
            case IMAGE_DESC_RECORD_TYPE:
                guard DGifGetImageDesc(file) == GIF_OK else { throw GIF.damaged(file.pointee.Error) }
                // Some files have frames that reach beyond the canvas, or no canvas at all.
                let frame = file.pointee.Image
                canvas.width = max(canvas.width, Int(frame.Left) + Int(frame.Width))
                canvas.height = max(canvas.height, Int(frame.Top) + Int(frame.Height))
                return
            case EXTENSION_RECORD_TYPE:
                try readExtension()
            default:
                throw .damaged(format: "gif", reason: "there is no image in it")
            }
        }
    }

    private mutating func readExtension() throws(MediaError) {
        var code: Int32 = 0
        var block: UnsafeMutablePointer<GifByteType>?
        guard DGifGetExtension(file, &code, &block) == GIF_OK else { throw GIF.damaged(file.pointee.Error) }
        while let bytes = block {
            var control = GraphicsControlBlock()
            // The first byte is the number of those that follow.
            if code == GRAPHICS_EXT_FUNC_CODE, DGifExtensionToGCB(Int(bytes[0]), bytes + 1, &control) == GIF_OK {
                transparent = control.TransparentColor >= 0 ? Int(control.TransparentColor) : nil
            }
            guard DGifGetExtensionNext(file, &block) == GIF_OK else { throw GIF.damaged(file.pointee.Error) }
        }
    }

    /// RGBA of the whole canvas; what the frame does not cover is transparent.
    func pixels() throws(MediaError) -> [UInt8] {
        let frame = file.pointee.Image
        let (width, height) = (Int(frame.Width), Int(frame.Height))
        guard width > 0, height > 0 else { throw .damaged(format: "gif", reason: "the first frame is empty") }
        guard let map = frame.ColorMap ?? file.pointee.SColorMap else {
            throw .damaged(format: "gif", reason: "the first frame has no colours")
        }
        var rgba = [UInt8](repeating: 0, count: canvas.pixelCount * 4)
        var line = [GifPixelType](repeating: 0, count: width)
        let palette = palette(map)
        for y in rowOrder(height, interlaced: frame.Interlace) {
            guard DGifGetLine(file, &line, Int32(width)) == GIF_OK else { throw GIF.damaged(file.pointee.Error) }
            let start = ((Int(frame.Top) + y) * canvas.width + Int(frame.Left)) * 4
            rgba.withUnsafeMutableBytes { rgba in
                let row = UnsafeMutableRawBufferPointer(rebasing: rgba[start..<start + 4 * width])
                palette.withUnsafeBufferPointer { palette in
                    for x in 0..<width {
                        row.storeBytes(of: palette[Int(line[x])], toByteOffset: 4 * x, as: UInt32.self)
                    }
                }
            }
        }
        return rgba
    }

    /// RGBA of every index, as it lies in memory: nothing for those that have no colour.
    private func palette(_ map: UnsafeMutablePointer<ColorMapObject>) -> [UInt32] {
        (0..<256).map { index in
            guard index != transparent, index < Int(map.pointee.ColorCount) else { return 0 }
            let color = map.pointee.Colors[index]
            let (red, green, blue) = (UInt32(color.Red), UInt32(color.Green), UInt32(color.Blue))
            return UInt32(littleEndian: red | green << 8 | blue << 16 | 255 << 24)
        }
    }

    private func rowOrder(_ height: Int, interlaced: Bool) -> [Int] {
        guard interlaced else { return Array(0..<height) }
        return [(0, 8), (4, 8), (2, 4), (1, 2)].flatMap { Array(stride(from: $0.0, to: height, by: $0.1)) }
    }
}
