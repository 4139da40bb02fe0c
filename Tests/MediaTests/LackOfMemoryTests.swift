import Media
import Testing

/// Pictures under `ulimit -v`: whatever is left, a picture is decoded, or there is not enough memory for it. Never an end of the process, and
/// never a word against the file.
@Suite struct LackOfMemoryTests {
    private static let small = ["rgb.png", "rgb.jpg", "rgb.bmp", "palette.gif", "lossy.webp", "rgb.heic", "rgb.avif"]
    private static let large = ["png", "gif", "bmp", "webp", "jpeg", "progressive"]
    /// Libraries that are loaded need some for themselves: from none to enough.
    private static let megabytes = [0, 1, 2, 4, 8, 16, 24, 32, 40, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024]

    /// Whether it was decoded, with so many megabytes of address space beside what is in use.
    private func isDecoded(_ bytes: [UInt8], _ type: MediaType, _ megabytes: Int) throws -> Bool {
        let result = try decodeBounded(bytes, type, megabytes: megabytes, seconds: 20, mayLackMemory: true)
        guard result.verdict.hasPrefix("error: ") else { return true }
        #expect(result.verdict.hasPrefix("error: there is not enough memory to decode the "), "\(result)")
        return false
    }

    @Test(arguments: small) func smallOnes(name: String) throws {
        let (bytes, type) = (try Fixture.bytes(name), try Fixture.type(name))
        let decoded = try Self.megabytes.map { try isDecoded(bytes, type, $0) }
        #expect(decoded.first == false && decoded.last == true)
    }

    /// Of 36 million pixels; some of them are too short, and are put right.
    @Test(arguments: large) func largeOnes(kind: String) throws {
        let bytes: [UInt8]
        switch kind {
        case "png": bytes = Builder.png(width: 6_000, height: 6_000)
        case "gif": bytes = Builder.gif(canvas: (6_000, 6_000), frames: 1)
        case "bmp": bytes = Builder.bmp(width: 6_000, height: 6_000, data: [UInt8](repeating: 9, count: 108_000_000))
        case "webp": bytes = Builder.webp(width: 6_000, height: 6_000)
        case "jpeg": bytes = try Fixture.bytes("rgb.jpg").withHeight(65_000)
        default: bytes = Film.manyScans(1)
        }
        let type = try #require(MediaType.sniff(bytes))
        var outcomes: Set<String> = []
        for megabytes in Self.megabytes {
            let result = try decodeBounded(bytes, type, megabytes: megabytes, seconds: 20, mayLackMemory: true)
            let lacksMemory = result.verdict.hasPrefix("error: there is not enough memory")
            outcomes.insert(lacksMemory ? "no memory" : result.verdict)
        }
        // With enough of it, what is to be said of the file is the same whatever is left.
        #expect(outcomes.count == 2 && outcomes.contains("no memory"), "\(outcomes)")
    }
}

extension [UInt8] {
    /// Of a JPEG file: in the header of its frame.
    fileprivate func withHeight(_ height: UInt16) throws -> [UInt8] {
        var bytes = self
        let place = try #require(bytes.indices.dropLast(9).first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
        bytes.replaceSubrange(place + 5..<place + 7, with: bigEndian(height))
        return bytes
    }
}
