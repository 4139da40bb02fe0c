private import CTurboJPEG

/// Writing pictures: for people to look at, never for the model.
package enum JPEGEncoder {
    /// A baseline JPEG file; nil when there is no memory for it.
    ///
    /// - Parameter quality: 1...100
    package static func encode(_ image: PixelImage, quality: Int = 80) -> [UInt8]? {
        guard let handle = tjInitCompress() else { return nil }
        defer { tjDestroy(handle) }
        var output: UnsafeMutablePointer<UInt8>?
        var count: UInt = 0
        let result = image.pixels.withUnsafeBufferPointer { pixels in
            tjCompress2(
                handle, pixels.baseAddress, Int32(image.width), 0, Int32(image.height), Int32(TJPF_RGB.rawValue),
                &output,
                &count, Int32(TJSAMP_444.rawValue), Int32(quality), 0)
        }
        defer { tjFree(output) }
        guard result == 0, let output else { return nil }
        return Array(UnsafeBufferPointer(start: output, count: Int(count)))
    }
}
