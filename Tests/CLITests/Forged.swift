import Foundation

/// Files that lie.
enum Forged {
    /// A PNG with a valid header that claims 60,000 x 60,000 pixels, and no pixels.
    static let hugePNG: [UInt8] = {
        let side = bigEndian(60_000)
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            + chunk("IHDR", side + side + [8, 2, 0, 0, 0])
            // zlib of nothing.
            + chunk("IDAT", [0x78, 0x9C, 0x03, 0, 0, 0, 0, 1])
            + chunk("IEND", [])
    }()

    /// An MP4 file whose first table of samples claims so many, of a byte each.
    static func withSamples(_ film: [UInt8], count: Int) -> [UInt8] {
        var film = film
        let place = film.indices.dropLast(16).first { film[$0..<$0 + 4].elementsEqual("stsz".utf8) }
        guard let place else { preconditionFailure("there is no table of samples") }
        film.replaceSubrange(place + 8..<place + 16, with: bigEndian(1) + bigEndian(count))
        return film
    }

    /// White pages.
    static func pdf(pages: Int) -> String {
        let kids = (0..<pages).map { "\($0 + 3) 0 R" }.joined(separator: " ")
        return pdf(
            ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count \(pages)/Kids[\(kids)]>>"]
                + Array(repeating: "<</Type/Page/Parent 2 0 R/MediaBox[0 0 40 40]>>", count: pages))
    }

    /// The password is not known to anybody.
    static let encryptedPDF = pdf(
        ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 0/Kids[]>>"],
        trailer: "/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<\(String(repeating: "28", count: 32))>"
            + "/U<\(String(repeating: "4e", count: 32))>>>/ID[<00><00>]")

    private static func pdf(_ objects: [String], trailer: String = "") -> String {
        var (text, places) = ("%PDF-1.4\n", [Int]())
        for (index, object) in objects.enumerated() {
            places.append(text.utf8.count)
            text += "\(index + 1) 0 obj\n\(object)\nendobj\n"
        }
        let start = text.utf8.count
        text += "xref\n0 \(objects.count + 1)\n0000000000 65535 f \n"
        for place in places { text += String(repeating: "0", count: 10 - "\(place)".count) + "\(place) 00000 n \n" }
        return text + "trailer<</Size \(objects.count + 1)/Root 1 0 R\(trailer)>>\nstartxref\n\(start)\n%%EOF\n"
    }

    /// Silence, 16 bit, 16 kHz, mono.
    static func wav(bytes: Int, claimed: Int) -> [UInt8] {
        Array("RIFF".utf8) + littleEndian(36 + claimed) + Array("WAVEfmt ".utf8) + littleEndian(16)
            + [1, 0, 1, 0] + littleEndian(16_000) + littleEndian(32_000) + [2, 0, 16, 0]
            + Array("data".utf8) + littleEndian(claimed) + [UInt8](repeating: 0, count: bytes)
    }

    /// The safetensors file with its named f16 tensor's first value replaced.
    static func withNaN(_ file: [UInt8], in tensor: String) throws -> [UInt8] {
        struct Entry: Decodable {
            let dtype: String?
            let offsets: [Int]?

            enum CodingKeys: String, CodingKey {
                case dtype
                case offsets = "data_offsets"
            }
        }
        let size = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try JSONDecoder().decode([String: Entry].self, from: Data(file[8..<8 + size]))
        guard let entry = header[tensor], entry.dtype == "F16", let start = entry.offsets?.first else {
            preconditionFailure("\(tensor) is not an f16 tensor")
        }
        var file = file
        file.replaceSubrange(8 + size + start..<8 + size + start + 2, with: [0, 0x7E])
        return file
    }

    private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + data
        return bigEndian(data.count) + body + bigEndian(Int(crc32(body)))
    }

    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
    }

    private static func littleEndian(_ value: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func bigEndian(_ value: Int) -> [UInt8] {
        littleEndian(value).reversed()
    }
}
