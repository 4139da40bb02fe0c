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
    ///
    /// - Parameter part: of the resized picture, all that is computed; nil for the whole
    /// - Returns: the part
    package static func antialiased(
        _ image: PixelImage, to size: ImageSize, part: PixelPart? = nil, _ filter: Filter, _ rounding: Rounding
    ) -> PixelImage {
        precondition(size.width > 0 && size.height > 0, "an image cannot be resized to nothing")
        let part = part ?? PixelPart(left: 0, top: 0, size: size)
        let (columns, rows) = (part.left..<part.left + part.size.width, part.top..<part.top + part.size.height)
        precondition(columns.lowerBound >= 0 && columns.upperBound <= size.width, "a part beside the picture")
        precondition(rows.lowerBound >= 0 && rows.upperBound <= size.height, "a part beside the picture")
        if part.size == image.size, size == image.size { return image }
        let vertical =
            size.height == image.height
            ? nil : ByteFilter(from: image.height, to: size.height, rows, filter, rounding)
        let input = vertical?.input ?? rows
        let middle: [UInt8]
        if size.width == image.width {
            middle = image.cut(columns, input)
        } else {
            let horizontal = ByteFilter(from: image.width, to: size.width, columns, filter, rounding)
            middle = horizontal.alongRows(of: image, input)
        }
        let pixels = vertical?.alongColumns(of: middle, first: input.lowerBound, length: columns.count * 3) ?? middle
        return PixelImage(size: part.size, pixels: pixels)
    }
}

/// A rectangle of a picture.
package struct PixelPart: Sendable, Hashable {
    package var left: Int
    package var top: Int
    package var size: ImageSize

    package init(left: Int, top: Int, size: ImageSize) {
        self.left = left
        self.top = top
        self.size = size
    }
}

extension PixelImage {
    fileprivate func cut(_ columns: Range<Int>, _ rows: Range<Int>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(columns.count * rows.count * 3)
        for row in rows {
            let start = row * width
            bytes += pixels[(start + columns.lowerBound) * 3..<(start + columns.upperBound) * 3]
        }
        return bytes
    }
}

/// The integer weights of input pixels in some of the output pixels along one axis.
private struct ByteFilter {
    /// For each output pixel, the input pixels that it sums.
    private var spans: [Range<Int>] = []
    /// Where each output pixel's weights begin in `weights`.
    private var starts: [Int] = []
    private var weights: [Int32] = []
    /// Bits of a weight behind the point.
    private var bits: Int32 = 0

    init(
        from inputSize: Int, to outputSize: Int, _ outputs: Range<Int>, _ filter: Resize.Filter,
        _ rounding: Resize.Rounding
    ) {
        let scale = Double(inputSize) / Double(outputSize)
        let width = max(scale, 1)
        let inverse = 1 / width
        let support = (filter == .bicubic ? 2 : 1) * width
        func span(_ index: Int) -> (center: Double, Range<Int>) {
            let center = scale * (Double(index) + 0.5)
            let start = max(Int(center - support + 0.5), 0)
            let end = min(Int(center + support + 0.5), inputSize)
            return (center, start..<max(start, end))
        }
        func height(_ pixel: Int, _ center: Double, _ start: Int) -> Double {
            // In the reference's own order of additions: the last bit decides where a weight lies between two integers.
            filter.height((Double(pixel - start) + Double(start) - center + 0.5) * inverse)
        }
        switch rounding {
        case .pillow: bits = 22
        case .torchvision:
            // The largest weight of all outputs decides, also of those that are not wanted.
            var largest = 0.0
            for index in 0..<outputSize {
                let (center, span) = span(index)
                var (most, total) = (0.0, 0.0)
                for pixel in span {
                    let own = height(pixel, center, span.lowerBound)
                    most = max(most, own)
                    total += own
                }
                largest = max(largest, total == 0 ? most : most / total)
            }
            while bits < 22, Int(0.5 + largest * Double(1 << (bits + 1))) < 1 << 15 { bits += 1 }
        }
        let one = Double(1 << bits)
        for index in outputs {
            let (center, span) = span(index)
            let heights = span.map { height($0, center, span.lowerBound) }
            let total = heights.reduce(0, +)
            starts.append(weights.count)
            spans.append(span)
            weights += heights.map {
                Int32(((total == 0 ? $0 : $0 / total) * one).rounded(.toNearestOrAwayFromZero))
            }
        }
    }

    /// Input pixels that are summed at all.
    var input: Range<Int> { spans[0].lowerBound..<spans[spans.count - 1].upperBound }

    /// Some rows of a picture, `[rows, outputs, 3]`.
    func alongRows(of image: PixelImage, _ rows: Range<Int>) -> [UInt8] {
        let (length, outputLength) = (image.width * 3, spans.count * 3)
        let half = SIMD4<Int32>(repeating: 1 << (bits - 1))
        // One byte more than a row, because a pixel is loaded as four.
        let row = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: length + 1)
        row.initialize(repeating: 0)
        defer { row.deallocate() }
        return [UInt8](unsafeUninitializedCapacity: rows.count * outputLength) { result, initialized in
            image.pixels.withUnsafeBufferPointer { pixels in
                weights.withUnsafeBufferPointer { weights in
                    let input = UnsafeRawPointer(row.baseAddress!)
                    for (y, source) in rows.enumerated() {
                        row.baseAddress!.update(from: pixels.baseAddress! + source * length, count: length)
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
            initialized = rows.count * outputLength
        }
    }

    /// `[outputs, length]` of rows of `length` bytes, the first of which is row `first` of the input.
    func alongColumns(of rows: [UInt8], first: Int, length: Int) -> [UInt8] {
        let half = Int32(1) << (bits - 1)
        let sums = UnsafeMutableBufferPointer<Int32>.allocate(capacity: length)
        defer { sums.deallocate() }
        return [UInt8](unsafeUninitializedCapacity: spans.count * length) { result, initialized in
            rows.withUnsafeBufferPointer { rows in
                for (y, span) in spans.enumerated() {
                    sums.initialize(repeating: half)
                    for input in span {
                        let weight = weights[starts[y] + input - span.lowerBound]
                        let start = (input - first) * length
                        let row = UnsafeBufferPointer(rebasing: rows[start..<start + length])
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
