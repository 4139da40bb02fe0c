extension Resize {
    /// What a pixel of the result is made of, widened by the scale when shrinking.
    package enum Filter: Sendable {
        case bilinear
        /// R. Keys' kernel with a = -0.5.
        case bicubic
    }

    /// How weights are rounded to integers.
    package enum Rounding: Sendable {
        /// To 16 bits, as torchvision does on x86.
        case torchvision
        /// To 22 bits behind the point, as Pillow does.
        case pillow
    }

    /// Resizes bytes to bytes with antialiasing, to the last bit as torchvision's `resize` on x86 or Pillow's: rows first, then columns, each
    /// rounded to bytes, and each left out where that side stays.
    package static func antialiased(
        _ image: PixelImage, to size: ImageSize, _ filter: Filter, _ rounding: Rounding
    ) -> PixelImage {
        precondition(size.width > 0 && size.height > 0, "an image cannot be resized to nothing")
        var image = image
        if size.width != image.width {
            let weights = ByteFilter(from: image.width, to: size.width, filter, rounding)
            image = PixelImage(
                size: ImageSize(width: size.width, height: image.height), pixels: weights.alongRows(of: image))
        }
        if size.height != image.height {
            let weights = ByteFilter(from: image.height, to: size.height, filter, rounding)
            image = PixelImage(size: size, pixels: weights.alongColumns(of: image))
        }
        return image
    }
}

/// The integer weights of input pixels in each output pixel along one axis.
private struct ByteFilter {
    /// For each output pixel, the input pixels that it sums.
    private var spans: [Range<Int>] = []
    /// Where each output pixel's weights begin in `weights`.
    private var starts: [Int] = []
    private var weights: [Int32] = []
    /// Bits of a weight behind the point.
    private var bits: Int32 = 0

    init(from inputSize: Int, to outputSize: Int, _ filter: Resize.Filter, _ rounding: Resize.Rounding) {
        let scale = Double(inputSize) / Double(outputSize)
        let width = max(scale, 1)
        let inverse = 1 / width
        let support = (filter == .bicubic ? 2 : 1) * width
        var exact: [Double] = []
        for index in 0..<outputSize {
            let center = scale * (Double(index) + 0.5)
            let start = max(Int(center - support + 0.5), 0)
            let end = min(Int(center + support + 0.5), inputSize)
            let span = start..<max(start, end)
            // In the reference's own order of additions: the last bit decides where a weight lies between two integers.
            let heights = span.map { filter.height((Double($0 - start) + Double(start) - center + 0.5) * inverse) }
            let total = heights.reduce(0, +)
            starts.append(exact.count)
            spans.append(span)
            exact += heights.map { total == 0 ? $0 : $0 / total }
        }
        switch rounding {
        case .pillow: bits = 22
        case .torchvision:
            let largest = exact.max() ?? 0
            while bits < 22, Int(0.5 + largest * Double(1 << (bits + 1))) < 1 << 15 { bits += 1 }
        }
        let one = Double(1 << bits)
        weights = exact.map { Int32(($0 * one).rounded(.toNearestOrAwayFromZero)) }
    }

    /// `[height, output width, 3]`
    func alongRows(of image: PixelImage) -> [UInt8] {
        let (length, outputLength) = (image.width * 3, spans.count * 3)
        let half = SIMD4<Int32>(repeating: 1 << (bits - 1))
        // One byte more than a row, because a pixel is loaded as four.
        let row = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: length + 1)
        row.initialize(repeating: 0)
        defer { row.deallocate() }
        return [UInt8](unsafeUninitializedCapacity: image.height * outputLength) { result, initialized in
            image.pixels.withUnsafeBufferPointer { pixels in
                weights.withUnsafeBufferPointer { weights in
                    let input = UnsafeRawPointer(row.baseAddress!)
                    for y in 0..<image.height {
                        row.baseAddress!.update(from: pixels.baseAddress! + y * length, count: length)
                        for (x, span) in spans.enumerated() {
                            var sum = half
                            var weight = starts[x]
                            for pixel in span {
                                let bytes = input.loadUnaligned(fromByteOffset: pixel * 3, as: SIMD4<UInt8>.self)
                                sum &+= SIMD4<Int32>(truncatingIfNeeded: bytes) &* weights[weight]
                                weight += 1
                            }
                            let value = (sum &>> SIMD4(repeating: bits)).clamped(
                                lowerBound: .zero, upperBound: SIMD4(repeating: 255))
                            let target = y * outputLength + x * 3
                            for channel in 0..<3 {
                                result[target + channel] = UInt8(truncatingIfNeeded: value[channel])
                            }
                        }
                    }
                }
            }
            initialized = image.height * outputLength
        }
    }

    /// `[output height, width, 3]`
    func alongColumns(of image: PixelImage) -> [UInt8] {
        let length = image.width * 3
        let half = Int32(1) << (bits - 1)
        let sums = UnsafeMutableBufferPointer<Int32>.allocate(capacity: length)
        defer { sums.deallocate() }
        return [UInt8](unsafeUninitializedCapacity: spans.count * length) { result, initialized in
            image.pixels.withUnsafeBufferPointer { pixels in
                for (y, span) in spans.enumerated() {
                    sums.initialize(repeating: half)
                    for input in span {
                        let weight = weights[starts[y] + input - span.lowerBound]
                        let row = UnsafeBufferPointer(rebasing: pixels[input * length..<(input + 1) * length])
                        for i in row.indices { sums[i] &+= weight &* Int32(truncatingIfNeeded: row[i]) }
                    }
                    let target = UnsafeMutableBufferPointer(rebasing: result[y * length..<(y + 1) * length])
                    for i in target.indices {
                        target[i] = UInt8(truncatingIfNeeded: min(max(sums[i] &>> bits, 0), 255))
                    }
                }
            }
            initialized = spans.count * length
        }
    }
}

extension Resize.Filter {
    /// Of the kernel, at a distance in pixels of the coarser side.
    fileprivate func height(_ distance: Double) -> Double {
        let x = abs(distance)
        switch self {
        case .bilinear: return max(0, 1 - x)
        case .bicubic:
            let a = -0.5
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
            return 0
        }
    }
}
