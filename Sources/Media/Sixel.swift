/// Pictures as text for terminals that draw DEC's sixels (VT340 Programmer Reference Manual, EK-VT3XX-TP, chapter 14): six rows of pixels at a time, for each colour
/// the columns in which it stands.
package enum Sixel {
    /// Levels of red, green and blue: 252 colours, and 256 is what terminals have.
    private static let levels = [6, 7, 6]
    private static let bandHeight = 6

    /// In the nearest of a fixed set of colours, with what each pixel is off by handed on to its neighbours (Floyd and Steinberg 1976).
    package static func encode(_ image: PixelImage) -> String {
        let colours = dithered(image)
        var text: [UInt8] = Array("\u{1B}P0;1;0q\"1;1;\(image.width);\(image.height)".utf8)
        for colour in Set(colours).sorted() {
            let shares = components(colour).indices.map {
                (200 * components(colour)[$0] + levels[$0] - 1) / (2 * (levels[$0] - 1))
            }
            text += "#\(colour);2;\(shares[0]);\(shares[1]);\(shares[2])".utf8
        }
        for top in stride(from: 0, to: image.height, by: bandHeight) {
            band(colours, image.size, from: top, &text)
            text.append(UInt8(ascii: "-"))
        }
        return String(decoding: text, as: UTF8.self) + "\u{1B}\\"
    }

    private static func band(_ colours: [Int], _ size: ImageSize, from top: Int, _ text: inout [UInt8]) {
        let rows = top..<min(size.height, top + bandHeight)
        var columns: [Int: [UInt8]] = [:]
        for row in rows {
            for column in 0..<size.width {
                columns[colours[row * size.width + column], default: [UInt8](repeating: 0, count: size.width)][
                    column] |= 1 << UInt8(row - top)
            }
        }
        for (index, (colour, bits)) in columns.sorted(by: { $0.key < $1.key }).enumerated() {
            // Back to the band's left.
            if index > 0 { text.append(UInt8(ascii: "$")) }
            text += "#\(colour)".utf8
            var column = 0
            let end = (bits.lastIndex { $0 != 0 } ?? -1) + 1
            while column < end {
                let count = bits[column..<end].prefix { $0 == bits[column] }.count
                let letter = 63 + bits[column]
                // A repetition takes three letters at least.
                if count > 3 { text += "!\(count)".utf8 }
                text += repeatElement(letter, count: count > 3 ? 1 : count)
                column += count
            }
        }
    }

    private static func components(_ colour: Int) -> [Int] {
        [colour / (levels[1] * levels[2]), colour / levels[2] % levels[1], colour % levels[2]]
    }

    /// Numbers of colours, `[height, width]`.
    private static func dithered(_ image: PixelImage) -> [Int] {
        let width = image.width
        // Sixteenths that are handed on to this row and the next, with a column more on either side.
        var (here, below) = ([Int](repeating: 0, count: 3 * (width + 2)), [Int](repeating: 0, count: 3 * (width + 2)))
        var colours: [Int] = []
        colours.reserveCapacity(width * image.height)
        for row in 0..<image.height {
            for column in 0..<width {
                var colour = 0
                for channel in 0..<3 {
                    let place = 3 * (column + 1) + channel
                    let wanted = min(
                        255, max(0, Int(image.pixels[3 * (row * width + column) + channel]) + here[place] / 16))
                    let most = levels[channel] - 1
                    let level = (wanted * most + 127) / 255
                    let rest = wanted - level * 255 / most
                    here[place + 3] += 7 * rest
                    below[place - 3] += 3 * rest
                    below[place] += 5 * rest
                    below[place + 3] += rest
                    colour = colour * levels[channel] + level
                }
                colours.append(colour)
            }
            here = below
            for index in below.indices { below[index] = 0 }
        }
        return colours
    }
}
