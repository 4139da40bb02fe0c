import Foundation
import ServerState
import Testing

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
