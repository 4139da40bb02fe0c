/// Image resampling.
package enum Resize {
    /// Resizes with the antialiased triangle filter: `torch.nn.functional.interpolate(mode="bilinear", antialias=True,
    /// align_corners=False)` of the same pixels, nothing rounded or clamped: weights in double precision, sums in f32.
    ///
    /// Columns before rows: the long rows are summed many values at a time, and only a result's row is then filtered along itself. The
    /// working memory is two rows and the result.
    ///
    /// - Returns: `[height, width, 3]`, 0...255.
    package static func triangle(_ image: PixelImage, to size: ImageSize) -> [Float] {
        precondition(size.width > 0 && size.height > 0, "an image cannot be resized to nothing")
        let columns = TriangleFilter(from: image.width, to: size.width)
        let rows = TriangleFilter(from: image.height, to: size.height)
        let (length, rowLength) = (image.width * 3, size.width * 3)

        // One value of padding, because a pixel is loaded as four values.
        let sums = UnsafeMutableBufferPointer<Float>.allocate(capacity: length + 1)
        let row = UnsafeMutableBufferPointer<Float>.allocate(capacity: rowLength + 1)
        row.initialize(repeating: 0)
        defer {
            sums.deallocate()
            row.deallocate()
        }

        return [Float](unsafeUninitializedCapacity: size.height * rowLength) { result, initialized in
            image.pixels.withUnsafeBufferPointer { pixels in
                for y in 0..<size.height {
                    sums.initialize(repeating: 0)
                    for input in rows.spans[y] {
                        let pixels = UnsafeBufferPointer(rebasing: pixels[input * length..<(input + 1) * length])
                        add(pixels, times: rows.weight(of: input, in: y), to: sums)
                    }
                    columns.apply(sums, into: row)
                    _ = result[(y * rowLength)...].initialize(from: row.prefix(rowLength))
                }
            }
            initialized = size.height * rowLength
        }
    }

    private static func add(
        _ pixels: UnsafeBufferPointer<UInt8>, times weight: Float, to sums: UnsafeMutableBufferPointer<Float>
    ) {
        // Without a sum in the subscripts, whose check for overflow keeps the compiler from taking many values at a time.
        for i in pixels.indices {
            sums[i] += weight * Float(pixels[i])
        }
    }
}

/// The weights of input pixels in each output pixel along one axis.
///
/// Widened by the scale when shrinking. Computed in double precision, because positions along thousands of pixels leave f32 too
/// few digits, with the rounding of span ends that PyTorch and Pillow share; stored as f32.
struct TriangleFilter {
    /// For each output pixel, the input pixels that it sums.
    private(set) var spans: [Range<Int>] = []
    /// Where each output pixel's weights begin in `weights`.
    private var starts: [Int] = []
    private var weights: [Float] = []

    init(from inputSize: Int, to outputSize: Int) {
        let scale = Double(inputSize) / Double(outputSize)
        let support = max(scale, 1)
        for i in 0..<outputSize {
            let center = scale * (Double(i) + 0.5)
            let start = max(Int(center - support + 0.5), 0)
            let end = min(Int(center + support + 0.5), inputSize)
            let span = start..<max(start, end)
            let heights = span.map { max(0, 1 - abs((Double($0) - center + 0.5) / support)) }
            let total = heights.reduce(0, +)
            starts.append(weights.count)
            spans.append(span)
            weights += heights.map { Float($0 / total) }
        }
    }

    /// The weight of one input pixel of an output pixel's span.
    func weight(of input: Int, in output: Int) -> Float {
        weights[starts[output] + input - spans[output].lowerBound]
    }

    /// Filters one row of interleaved RGB. Both buffers are one value longer than their pixels.
    func apply(_ row: UnsafeMutableBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>) {
        guard let input = UnsafeRawPointer(row.baseAddress), let output = UnsafeMutableRawPointer(output.baseAddress)
        else {
            return
        }
        weights.withUnsafeBufferPointer { weights in
            for (x, span) in spans.enumerated() {
                var sum = SIMD4<Float>.zero
                var weight = starts[x]
                for pixel in span {
                    let value = input.loadUnaligned(fromByteOffset: pixel * 12, as: SIMD4<Float>.self)
                    sum += weights[weight] * value
                    weight += 1
                }
                // The fourth lane lands on the next pixel, which is written after, or on the padding.
                output.storeBytes(of: sum, toByteOffset: x * 12, as: SIMD4<Float>.self)
            }
        }
    }
}
