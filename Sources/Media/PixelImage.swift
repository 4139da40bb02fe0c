/// Width and height in pixels.
package struct ImageSize: Sendable, Hashable {
    package var width: Int
    package var height: Int

    package init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    var pixelCount: Int { width * height }

    /// Width and height exchanged.
    var transposed: ImageSize { ImageSize(width: height, height: width) }
}

/// A decoded picture: 8-bit sRGB, upright, opaque.
package struct PixelImage: Sendable, Equatable {
    package let size: ImageSize

    /// `[height, width, 3]`, rows from the top, red first.
    package let pixels: [UInt8]

    package var width: Int { size.width }
    package var height: Int { size.height }

    /// `pixels` has `width * height * 3` bytes.
    package init(size: ImageSize, pixels: [UInt8]) {
        precondition(pixels.count == size.pixelCount * 3, "pixels do not match the image's size")
        self.size = size
        self.pixels = pixels
    }

    /// Composites straight alpha over white: `round((c a + 255 (255 - a)) / 255)`. `rgba` is `[height, width, 4]`.
    init(size: ImageSize, overWhite rgba: consuming [UInt8]) {
        precondition(rgba.count == size.pixelCount * 4, "pixels do not match the image's size")
        var pixels = rgba
        // In place, three bytes for four: a second copy of a large picture would double the memory.
        pixels.withUnsafeMutableBufferPointer { pixels in
            for i in 0..<size.pixelCount {
                let alpha = UInt32(pixels[4 * i + 3])
                if alpha == 255 {
                    for channel in 0..<3 { pixels[3 * i + channel] = pixels[4 * i + channel] }
                    continue
                }
                let white = 255 * (255 - alpha) + 127
                for channel in 0..<3 {
                    pixels[3 * i + channel] = UInt8((UInt32(pixels[4 * i + channel]) * alpha + white) / 255)
                }
            }
        }
        pixels.removeLast(size.pixelCount)
        self.init(size: size, pixels: pixels)
    }
}

/// An array of bytes that C code fills; `body` returns false when it could not.
func filledBytes(_ count: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Bool) -> [UInt8]? {
    var filled = false
    let bytes = [UInt8](unsafeUninitializedCapacity: max(count, 1)) { buffer, initialized in
        // Decoders may stop early; nothing uninitialised must ever be read.
        buffer.initialize(repeating: 0)
        filled = buffer.baseAddress.map(body) ?? false
        initialized = count
    }
    return filled ? bytes : nil
}
