private import CJPEG
import Glibc

/// Writing pictures: for people to look at, never for the model.
package enum JPEGEncoder {
    /// A baseline JPEG file; nil when there is no memory for it.
    ///
    /// - Parameter quality: 1...100
    package static func encode(_ image: PixelImage, quality: Int = 80) -> [UInt8]? {
        var count = 0
        let output = image.pixels.withUnsafeBufferPointer {
            castor_jpeg_encode($0.baseAddress, UInt32(image.width), UInt32(image.height), Int32(quality), &count)
        }
        guard let output else { return nil }
        defer { free(output) }
        return Array(UnsafeBufferPointer(start: output, count: count))
    }
}
