import CastorNumerics

extension ImageSpec {
    /// Cuts a picture into patches, each byte turned into the value that the tower wants.
    ///
    /// - Parameters:
    ///   - pixels: `[seenHeight, seenWidth, 3]`, what the tower sees of the resized picture, red first
    ///   - size: of ``size(width:height:budget:)``
    /// - Precondition: as many bytes as the size says
    package func patched(_ pixels: [UInt8], _ size: PictureSize) -> PatchedPicture {
        precondition(pixels.count == size.seenWidth * size.seenHeight * 3, "pixels of another size")
        let side = patchSize
        let values = byteValues
        let patches = Matrix(rows: size.rows * size.columns, columns: patchLength)
        pixels.withUnsafeBufferPointer { pixels in
            values.withUnsafeBufferPointer { values in
                for index in 0..<patches.rows {
                    let (row, column) = (index / size.columns, index % size.columns)
                    let patch = patches.row(index)
                    for y in 0..<side {
                        let first = ((row * side + y) * size.seenWidth + column * side) * 3
                        for x in 0..<side {
                            for channel in 0..<3 {
                                let target =
                                    switch order {
                                    case .channelsLast: (y * side + x) * 3 + channel
                                    case .channelsFirst: (channel * side + y) * side + x
                                    }
                                patch[target] = values[channel << 8 | Int(pixels[first + 3 * x + channel])]
                            }
                        }
                    }
                }
            }
        }
        return PatchedPicture(patches: patches, rows: size.rows, columns: size.columns, tokenCount: size.tokenCount)
    }

    /// Of each channel, what its 256 bytes become.
    private var byteValues: [Float] {
        (0..<3).flatMap { channel in
            (0..<256).map { byte in
                Float((pixels.scale * Double(byte) - pixels.mean[channel]) / pixels.deviation[channel])
            }
        }
    }
}
