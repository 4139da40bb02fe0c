import Castor
import Foundation
import Glibc
import TestSupport
import Testing

/// How long 100 full vectors take as JSON. A measurement, not a check: `make bench-serve` prints it.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["CASTOR_BENCH"] != nil, "only `make bench-serve` measures"))
struct WritingTimes {
    @Test func aHundredVectors() {
        var random = SeededRandom(seed: 3)
        let vectors = (0..<100).map { _ in
            let values = random.floats(3_072)
            return values.map { $0 / values.length }
        }
        var times: [Double] = []
        for _ in 0..<30 {
            let start = Self.processorMilliseconds
            var json = JSONWriter(reserving: vectors.count * 3_072 * JSONWriter.bytesPerValue)
            for vector in vectors { json.values(vector) }
            times.append(Self.processorMilliseconds - start)
            #expect(json.bytes.count > 3_000_000)
        }
        print("100 x 3,072 values as JSON: median \(times.sorted()[times.count / 2]) ms of one processor")
    }

    private static var processorMilliseconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) * 1e-6
    }
}
