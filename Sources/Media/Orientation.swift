private import CEXIF

/// How stored pixels must be turned to stand upright: the values of the EXIF tag 0x0112.
enum Orientation: UInt16, CaseIterable {
    case upright = 1
    case mirrored = 2
    case rotated180 = 3
    case flipped = 4
    case transposed = 5
    case rotated90 = 6
    case transversed = 7
    case rotated270 = 8

    /// Whether width and height are exchanged.
    var swapsSides: Bool { rawValue >= Orientation.transposed.rawValue }

    /// The size after turning.
    func applied(to size: ImageSize) -> ImageSize { swapsSides ? size.transposed : size }

    /// The picture, turned.
    func applied(to image: PixelImage) -> PixelImage {
        guard self != .upright else { return image }
        let source = image.size
        let target = applied(to: source)
        // The source pixel of the target's first one, and the steps in the source that one step right and down make.
        let (w, h) = (source.width, source.height)
        let (start, right, down) =
            switch self {
            case .upright: (0, 1, w)
            case .mirrored: (w - 1, -1, w)
            case .rotated180: (w * h - 1, -1, -w)
            case .flipped: (w * (h - 1), 1, -w)
            case .transposed: (0, w, 1)
            case .rotated90: (w * (h - 1), -w, 1)
            case .transversed: (w * h - 1, -w, -1)
            case .rotated270: (w - 1, w, -1)
            }
        let pixels = [UInt8](unsafeUninitializedCapacity: image.pixels.count) { output, initialized in
            image.pixels.withUnsafeBufferPointer { input in
                var to = 0
                for y in 0..<target.height {
                    var from = 3 * (start + y * down)
                    for _ in 0..<target.width {
                        output[to] = input[from]
                        output[to + 1] = input[from + 1]
                        output[to + 2] = input[from + 2]
                        to += 3
                        from += 3 * right
                    }
                }
            }
            initialized = image.pixels.count
        }
        return PixelImage(size: target, pixels: pixels)
    }
}

extension Orientation {
    /// The orientation in a block of EXIF data, which is a TIFF file with or without `Exif\0\0` before it.
    /// `upright` where it has none, or none that makes sense.
    init(exif block: UnsafeRawBufferPointer) {
        self = Self.read(block) ?? .upright
    }

    private static let marker: StaticString = "Exif\0\0"

    private static func read(_ block: UnsafeRawBufferPointer) -> Orientation? {
        // A JPEG segment holds no more than 64 kB; libexif's own limit is the same.
        let tiff = block.slice((block.has(marker, at: 0) ? 6 : 0)..<65_536)
        guard tiff.count >= 8, let data = exif_data_new() else { return nil }
        defer { exif_data_unref(data) }
        exif_data_unset_option(data, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION)

        let bytes = Array("Exif\0\0".utf8) + Array(tiff)
        exif_data_load_data(data, bytes, UInt32(bytes.count))
        let order = exif_data_get_byte_order(data)
        guard let main = data.pointee.ifd.0, let entry = exif_content_get_entry(main, EXIF_TAG_ORIENTATION),
            entry.pointee.format == EXIF_FORMAT_SHORT, entry.pointee.components >= 1, entry.pointee.size >= 2
        else { return nil }
        return Orientation(rawValue: exif_get_short(entry.pointee.data, order))
    }
}
