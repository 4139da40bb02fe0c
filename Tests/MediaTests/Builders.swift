/// Hand-made files whose headers say things that no program writes.
enum Builder {
    /// `size` is the one that the data chunk claims; nil for the true one.
    static func wave(
        _ data: [UInt8], rate: UInt32 = 16_000, channels: UInt16 = 1, bits: UInt16 = 16, isFloat: Bool = false,
        size: UInt32? = nil, riffSize: UInt32? = nil
    ) -> [UInt8] {
        let frame = UInt32(channels) * UInt32(bits / 8)
        var bytes = Array("RIFF".utf8) + littleEndian(riffSize ?? UInt32(36 + data.count)) + Array("WAVEfmt ".utf8)
        bytes += littleEndian(UInt32(16)) + littleEndian(UInt16(isFloat ? 3 : 1)) + littleEndian(channels)
        bytes += littleEndian(rate) + littleEndian(rate &* frame) + littleEndian(UInt16(truncatingIfNeeded: frame))
        bytes += littleEndian(bits) + Array("data".utf8) + littleEndian(size ?? UInt32(data.count)) + data
        return bytes
    }

    /// The 64-bit form of a WAV file: the real sizes are in a chunk of their own.
    static func wave64(_ data: [UInt8], size: UInt64) -> [UInt8] {
        let sizes = littleEndian(UInt64(data.count + 72)) + littleEndian(size) + littleEndian(size / 2)
        var bytes = Array("RF64".utf8) + littleEndian(UInt32.max) + Array("WAVEds64".utf8)
        bytes += littleEndian(UInt32(28)) + sizes + littleEndian(UInt32(0))
        return bytes + wave(data, size: .max)[12...]
    }

    static func floats(_ values: [Float]) -> [UInt8] {
        values.flatMap { littleEndian($0.bitPattern) }
    }

    /// A PNG file of one header and as much picture data as is given.
    static func png(width: UInt32, height: UInt32, data: [UInt8] = [0x78, 0x9C]) -> [UInt8] {
        let header = bigEndian(width) + bigEndian(height) + [8, 2, 0, 0, 0]
        let magic: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        return magic + chunk("IHDR", header) + chunk("IDAT", data) + chunk("IEND", [])
    }

    static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
        let body = Array(name.utf8) + content
        return bigEndian(UInt32(content.count)) + body + bigEndian(crc32(body))
    }

    /// A GIF file of 1 x 1 frames, or of one frame that is `left`, `top` away from the corner.
    static func gif(canvas: (UInt16, UInt16) = (1, 1), frames: Int, left: UInt16 = 0, top: UInt16 = 0) -> [UInt8] {
        var bytes = Array("GIF89a".utf8) + littleEndian(canvas.0) + littleEndian(canvas.1) + [0x80, 0, 0]
        bytes += [10, 20, 30, 40, 50, 60]
        let image = [0x2C] + littleEndian(left) + littleEndian(top) + [1, 0, 1, 0, 0, 2, 2, 0x44, 0x01, 0]
        bytes.reserveCapacity(bytes.count + frames * image.count + 1)
        for _ in 0..<frames { bytes += image }
        return bytes + [0x3B]
    }

    static func bmp(width: Int32, height: Int32, bits: UInt16 = 24, data: [UInt8] = []) -> [UInt8] {
        var bytes = Array("BM".utf8) + littleEndian(UInt32(54 + data.count)) + [0, 0, 0, 0] + littleEndian(UInt32(54))
        bytes += littleEndian(UInt32(40)) + littleEndian(width) + littleEndian(height) + [1, 0] + littleEndian(bits)
        return bytes + [UInt8](repeating: 0, count: 24) + data
    }

    static func box(_ name: String, _ content: [UInt8]) -> [UInt8] {
        bigEndian(UInt32(8 + content.count)) + Array(name.utf8) + content
    }

    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = .max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        return ~crc
    }
}

/// The same numbers on every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

extension Builder {
    /// A PDF file of numbered objects, the first of which is the catalog.
    static func pdf(_ objects: [String], trailer: String = "") -> [UInt8] {
        pdf(objects.map { Array($0.utf8) }, trailer: trailer)
    }

    static func pdf(_ objects: [[UInt8]], trailer: String = "") -> [UInt8] {
        var (bytes, places) = (Array("%PDF-1.4\n".utf8), [Int]())
        for (index, object) in objects.enumerated() {
            places.append(bytes.count)
            bytes += Array("\(index + 1) 0 obj\n".utf8) + object + Array("\nendobj\n".utf8)
        }
        var text = "xref\n0 \(objects.count + 1)\n0000000000 65535 f \n"
        for place in places { text += String(repeating: "0", count: 10 - "\(place)".count) + "\(place) 00000 n \n" }
        text += "trailer<</Size \(objects.count + 1)/Root 1 0 R\(trailer)>>\nstartxref\n\(bytes.count)\n%%EOF\n"
        return bytes + Array(text.utf8)
    }

    /// zlib's form, of blocks that are stored as they are.
    static func zlib(_ bytes: [UInt8]) -> [UInt8] {
        var (a, b) = (UInt32(1), UInt32(0))
        for byte in bytes {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        var stream: [UInt8] = [0x78, 0x01]
        for start in stride(from: 0, to: bytes.count, by: 60_000) {
            let part = bytes[start..<min(start + 60_000, bytes.count)]
            let length = UInt16(part.count)
            stream += [start + 60_000 >= bytes.count ? 1 : 0] + littleEndian(length) + littleEndian(~length) + part
        }
        return stream + bigEndian(b << 16 | a)
    }

    /// A PDF file of pages of these sizes in points, all with the same content stream.
    static func pdf(
        pages: [(width: Int, height: Int)], content: String = "", resources: String = "", catalog: String = "",
        page: String = ""
    ) -> [UInt8] {
        let kids = pages.indices.map { "\($0 + 4) 0 R" }.joined(separator: " ")
        return pdf(
            [
                "<</Type/Catalog/Pages 2 0 R\(catalog)>>", "<</Type/Pages/Count \(pages.count)/Kids[\(kids)]>>",
                "<</Length \(content.utf8.count)>>stream\n\(content)\nendstream",
            ]
                + pages.map {
                    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 \($0.width) \($0.height)]/Contents 3 0 R"
                        + "/Resources<<\(resources)>>\(page)>>"
                })
    }

    /// Ten levels of forms, each of which draws the next ten times: 10^10 rectangles, hours of work.
    static func endlessDocument() -> [UInt8] {
        var objects = [
            "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>",
            "<</Length 5>>stream\n/X Do\nendstream",
        ]
        for level in 0..<10 {
            let content = level == 9 ? "0 0 100 100 re f" : String(repeating: "/X Do ", count: 10)
            objects.append(
                "<</Type/XObject/Subtype/Form/BBox[0 0 100 100]/Length \(content.count)"
                    + "/Resources<</XObject<</X \(level + 6) 0 R>>>>>>stream\n\(content)\nendstream")
        }
        return pdf(objects)
    }
}
