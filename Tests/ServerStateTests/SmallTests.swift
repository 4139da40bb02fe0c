import Foundation
import Hashing
import ServerState
import Testing

/// FIPS 180-4's examples (NIST's "SHA256.pdf"), and pieces.
@Suite struct SHA256Tests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func examples(text: String, digest: String) {
        let hexadecimal = SHA256.digest(Array(text.utf8)).map { String(format: "%02x", $0) }.joined()
        #expect(hexadecimal == digest)
    }

    @Test func piecesAreTheWholeAndACopyGoesOnByItself() {
        let bytes = someBytes(1_000)
        for cut in [0, 1, 63, 64, 65, 999, 1_000] {
            var hash = SHA256()
            hash.update(Array(bytes[..<cut]))
            var copy = hash
            copy.update(Array(bytes[cut...]))
            #expect(copy.digest() == SHA256.digest(bytes), "\(cut)")
            #expect(hash.digest() == SHA256.digest(Array(bytes[..<cut])), "\(cut)")
        }
    }
}

@Suite struct TimestampTests {
    @Test(
        arguments: [
            -1, 0, 1, 951_782_400_000_000, 951_868_800_123_456, 1_798_761_599_999_999,
            4_107_542_400_000_001, 253_402_300_799_000_000,
        ] as [Int64])
    func asFoundationWritesIt(microseconds: Int64) throws {
        let seconds = Int64((Double(microseconds) / 1_000_000).rounded(.down))
        let fraction = String(microseconds - seconds * 1_000_000)
        let date = Date(timeIntervalSince1970: Double(seconds))
        let whole = date.formatted(
            .iso8601.year().month().day().timeSeparator(.colon).time(includingFractionalSeconds: false))
        #expect(
            Timestamp(microseconds: microseconds).rfc3339
                == "\(whole).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)Z")
    }

    @Test func everyDayOfFourHundredYears() {
        var previous = Timestamp(microseconds: -12_219_292_800_000_000)
        for _ in 0..<146_097 {
            let next = previous + .seconds(86_400)
            // The text sorts as the time does.
            #expect(previous.rfc3339 < next.rfc3339)
            previous = next
        }
        #expect(previous.rfc3339 == "1982-10-15T00:00:00.000000Z")
    }
}
