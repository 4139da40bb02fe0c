import Media
import Testing

/// What headers claim, for guessing a picture's cost.
@Suite struct ClaimedSizeTests {
    @Test func headersTellWhatDecodersFind() throws {
        for name in ImageDecodingTests.all + ["scaled.jpg"] {
            let bytes = try Fixture.bytes(name)
            guard case .image(let format) = try Fixture.type(name) else { continue }
            let claimed = format.claimedPixels(bytes.span.bytes)
            if [.heic, .avif].contains(format) {
                #expect(claimed == nil)
            } else {
                let size = try ImageDecoder.size(of: bytes.span.bytes, format: format)
                #expect(claimed == size.width * size.height, "\(name)")
            }
            // Whatever is there.
            for end in 0..<min(bytes.count, 200) {
                let part = Array(bytes.prefix(end))
                for format in ImageFormat.allCases { _ = format.claimedPixels(part.span.bytes) }
                var odd = Array(bytes.prefix(300))
                odd[min(end, odd.count - 1)] ^= 0xFF
                for format in ImageFormat.allCases { _ = format.claimedPixels(odd.span.bytes) }
            }
        }
    }
}
