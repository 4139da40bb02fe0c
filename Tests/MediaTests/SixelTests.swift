import Media
import Testing

/// What is written is read by a terminal of this file's own, after the manual.
@Suite struct SixelTests {
    @Test(arguments: [(1, 1), (7, 5), (40, 13), (33, 24)])
    func pictures(_ width: Int, _ height: Int) throws {
        var pixels: [UInt8] = []
        for row in 0..<height {
            for column in 0..<width {
                pixels += [UInt8(column * 255 / max(1, width - 1)), UInt8(row * 255 / max(1, height - 1)), 90]
            }
        }
        let image = PixelImage(size: ImageSize(width: width, height: height), pixels: pixels)
        let drawn = try Terminal.draw(Sixel.encode(image), width: width, height: height)
        // Pixels are dithered: their neighbourhood has the colour, and each is next to it.
        for place in 0..<3 * width * height {
            #expect(abs(Int(drawn[place]) - Int(pixels[place])) <= 60, "\(place)")
        }
        func mean(_ values: [UInt8], _ channel: Int) -> Double {
            let all = stride(from: channel, to: values.count, by: 3).map { Double(values[$0]) }
            return all.reduce(0, +) / Double(all.count)
        }
        guard width * height > 100 else { return }
        for channel in 0..<3 { #expect(abs(mean(drawn, channel) - mean(pixels, channel)) < 4) }
    }

    /// Bright colours are exact: they are among those that there are.
    @Test func plainColours() throws {
        let pixels: [UInt8] = [255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 255, 0]
        let image = PixelImage(size: ImageSize(width: 6, height: 1), pixels: pixels)
        #expect(try Terminal.draw(Sixel.encode(image), width: 6, height: 1) == pixels)
    }

    private struct Terminal: Error {
        /// `[height, width, 3]`. Throws for what is not drawn whole, or not well written.
        static func draw(_ text: String, width: Int, height: Int) throws -> [UInt8] {
            guard let start = text.firstRange(of: "\u{1B}P0;1;0q\"1;1;\(width);\(height)"), text.hasSuffix("\u{1B}\\"),
                start.lowerBound == text.startIndex
            else { throw Terminal() }
            var rest = text[start.upperBound...].dropLast(2)
            var pixels = [UInt8?](repeating: nil, count: 3 * width * height)
            var colours: [Int: [UInt8]] = [:]
            var (colour, column, top) = (-1, 0, 0)
            func number() throws -> Int {
                let digits = rest.prefix { $0.isNumber }
                rest = rest.dropFirst(digits.count)
                guard let value = Int(digits) else { throw Terminal() }
                return value
            }
            while let letter = rest.popFirst() {
                switch letter {
                case "#":
                    colour = try number()
                    guard rest.first == ";" else { continue }
                    var values: [Int] = []
                    while rest.first == ";" {
                        rest.removeFirst()
                        values.append(try number())
                    }
                    guard values.count == 4, values[0] == 2, values.allSatisfy({ $0 <= 100 }) else { throw Terminal() }
                    colours[colour] = values[1...].map { UInt8(($0 * 255 + 50) / 100) }
                case "$": column = 0
                case "-": (column, top) = (0, top + 6)
                default:
                    var (count, sixel) = (1, letter)
                    if letter == "!" {
                        count = try number()
                        guard let next = rest.popFirst() else { throw Terminal() }
                        sixel = next
                    }
                    guard let value = sixel.asciiValue, (63...126).contains(value), let shade = colours[colour] else {
                        throw Terminal()
                    }
                    for _ in 0..<count {
                        for bit in 0..<6 where (value - 63) >> UInt8(bit) & 1 == 1 {
                            guard top + bit < height, column < width else { throw Terminal() }
                            for channel in 0..<3 {
                                pixels[3 * ((top + bit) * width + column) + channel] = shade[channel]
                            }
                        }
                        column += 1
                    }
                }
            }
            return try pixels.map { pixel in
                guard let pixel else { throw Terminal() }
                return pixel
            }
        }
    }
}
