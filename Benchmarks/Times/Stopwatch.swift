import Glibc

/// Seconds on the wall, and of processor time: on a machine that others use, too, only the latter compare.
struct Stopwatch {
    let seconds: Double
    let processor: Double

    static func time(_ body: () throws -> Void) rethrows -> Stopwatch {
        func now(_ kind: clockid_t) -> Double {
            var time = timespec()
            clock_gettime(kind, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
        }
        let start = (now(CLOCK_MONOTONIC), now(CLOCK_PROCESS_CPUTIME_ID))
        try body()
        return Stopwatch(
            seconds: now(CLOCK_MONOTONIC) - start.0, processor: now(CLOCK_PROCESS_CPUTIME_ID) - start.1)
    }

    /// The least of each over some repetitions.
    static func fastest(_ repetitions: Int, _ body: () throws -> Void) rethrows -> Stopwatch {
        var best = Stopwatch(seconds: .infinity, processor: .infinity)
        for _ in 0..<repetitions {
            let time = try time(body)
            best = Stopwatch(
                seconds: min(best.seconds, time.seconds), processor: min(best.processor, time.processor))
        }
        return best
    }
}
