/// Image resampling.
package enum Resize {
    /// Resizes with the antialiased triangle filter: `torch.nn.functional.interpolate(mode="bilinear", antialias=True,
    /// align_corners=False)` of the same pixels in f32, nothing rounded or clamped.
    ///
    /// Rows are reduced as they are read, so the working memory is three rows and the result.
    ///
    /// - Returns: `[height, width, 3]`, 0...255.
    package static func triangle(_ image: PixelImage, to size: ImageSize) -> [Float] {
        precondition(size.width > 0 && size.height > 0, "an image cannot be resized to nothing")
        let columns = TriangleFilter(from: image.width, to: size.width)
        let rows = TriangleFilter(from: image.height, to: size.height)
        let rowLength = size.width * 3

        // One value of padding, because a pixel is loaded as four values.
        let source = UnsafeMutableBufferPointer<Float>.allocate(capacity: image.width * 3 + 1)
        let narrowed = UnsafeMutableBufferPointer<Float>.allocate(capacity: rowLength + 1)
        source.initialize(repeating: 0)
        narrowed.initialize(repeating: 0)
        defer {
            source.deallocate()
            narrowed.deallocate()
        }

        var result = [Float](repeating: 0, count: size.pixelCount * 3)
        result.withUnsafeMutableBufferPointer { result in
            image.pixels.withUnsafeBufferPointer { pixels in
                // Output rows whose span may still include the current input row: spans begin and end in order.
                var first = 0
                for y in 0..<image.height {
                    while first < size.height, rows.spans[first].upperBound <= y { first += 1 }
                    guard first < size.height else { break }
                    guard rows.spans[first].contains(y) else { continue }
                    widen(pixels, row: y, length: image.width * 3, into: source)
                    columns.apply(source, into: narrowed)
                    for row in first..<size.height {
                        guard rows.spans[row].contains(y) else { break }
                        let weight = rows.weight(of: y, in: row)
                        for i in 0..<rowLength {
                            result[row * rowLength + i] += weight * narrowed[i]
                        }
                    }
                }
            }
        }
        return result
    }

    @inline(__always)
    private static func widen(
        _ pixels: UnsafeBufferPointer<UInt8>, row: Int, length: Int, into output: UnsafeMutableBufferPointer<Float>
    ) {
        let start = row * length
        for i in 0..<length {
            output[i] = Float(pixels[start + i])
        }
    }
}

/// The weights of input pixels in each output pixel along one axis.
///
/// Widened by the scale when shrinking. The arithmetic is PyTorch's (`_compute_indices_min_size_weights_aa`), f32 in the same
/// places, so that weights agree to the last bit.
struct TriangleFilter {
    /// For each output pixel, the input pixels that it sums.
    private(set) var spans: [Range<Int>] = []
    /// Where each output pixel's weights begin in `weights`.
    private var starts: [Int] = []
    private var weights: [Float] = []

    init(from inputSize: Int, to outputSize: Int) {
        let scale = Float(inputSize) / Float(outputSize)
        let support = scale >= 1 ? scale : 1
        let inverseScale: Float = scale >= 1 ? 1 / scale : 1
        for i in 0..<outputSize {
            let center = Float(Double(scale) * (Double(i) + 0.5))
            let start = max(Int(Double(center - support) + 0.5), 0)
            let end = min(Int(Double(center + support) + 0.5), inputSize)
            starts.append(weights.count)
            spans.append(start..<max(start, end))

            var total: Float = 0
            for j in spans[i] {
                let distance = abs(Float((Double(Float(j) - center) + 0.5) * Double(inverseScale)))
                let weight = max(0, 1 - distance)
                weights.append(weight)
                total += weight
            }
            for k in starts[i]..<weights.count where total != 0 {
                weights[k] /= total
            }
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
