import Glibc
import Synchronization
import TestSupport
import Testing
import Training

@Suite struct PrefetcherTests {
    private func source(_ count: Int, pieces: Int) -> @Sendable () -> (job: Int, pieces: Int)? {
        let next = Atomic<Int>(0)
        return {
            let job = next.wrappingAdd(1, ordering: .relaxed).oldValue
            return job < count ? (job, pieces) : nil
        }
    }

    @Test(arguments: [0, 1, 2, 5]) func resultsComeInOrder(threads: Int) {
        var options = Prefetcher<Int, Int>.Options()
        (options.threads, options.maxBytes) = (threads, 1_000)
        let prefetcher = Prefetcher<Int, Int>(options: options, jobs: source(200, pieces: 7)) { job, piece in
            if (job + piece) % 3 == 0 { usleep(UInt32(50 * piece)) }
            return (job * 100 + piece, 10 * piece)
        }
        for job in 0..<200 {
            let result = prefetcher.next()
            #expect(result?.job == job && result?.outputs == (0..<7).map { job * 100 + $0 })
        }
        #expect(prefetcher.next() == nil && prefetcher.next() == nil)
        #expect(prefetcher.waitingBytes == 0)
    }

    /// At most the limit, the wanted job and one piece a thread.
    @Test(arguments: [1, 3]) func memoryIsBounded(threads: Int) async throws {
        let (bytes, pieces, limit) = (100, 4, 1_000)
        var options = Prefetcher<Int, Int>.Options()
        (options.threads, options.maxBytes, options.maxJobs) = (threads, limit, 1_000)
        let prefetcher = Prefetcher<Int, Int>(options: options, jobs: source(100, pieces: pieces)) { job, _ in
            (job, bytes)
        }
        // It does run ahead.
        try await Standstill.wait { prefetcher.waitingBytes >= limit / 2 }
        for job in 0..<100 {
            if job % 10 == 0 { usleep(5_000) }
            #expect(prefetcher.next() != nil)
            #expect(prefetcher.waitingBytes <= limit + bytes * (pieces + threads))
        }
        #expect(prefetcher.peakBytes <= limit + bytes * (pieces + threads), "\(prefetcher.peakBytes)")
    }

    @Test func jobsAheadAreBounded() async throws {
        let begun = Atomic<Int>(0)
        var options = Prefetcher<Int, Int>.Options()
        (options.threads, options.maxJobs) = (2, 3)
        let prefetcher = Prefetcher<Int, Int>(options: options, jobs: source(1_000, pieces: 1)) { job, _ in
            begun.add(1, ordering: .relaxed)
            return (job, 0)
        }
        // As many as may be; and time for more, which a slow machine only makes less strict.
        try await Standstill.wait { begun.load(ordering: .relaxed) >= 3 }
        usleep(50_000)
        #expect(begun.load(ordering: .relaxed) <= 4)
        _ = prefetcher.next()
        usleep(50_000)
        #expect(begun.load(ordering: .relaxed) <= 5)
    }

    /// Threads end with the object; a job in the middle of which it is dropped does no harm.
    @Test func droppingItEndsTheThreads() async throws {
        final class Token: Sendable {}
        weak var token: Token?
        do {
            let held = Token()
            token = held
            var options = Prefetcher<Int, Token>.Options()
            options.threads = 3
            let prefetcher = Prefetcher<Int, Token>(options: options, jobs: source(.max, pieces: 2)) { _, _ in
                usleep(1_000)
                return (held, 1)
            }
            _ = prefetcher.next()
        }
        try await Standstill.wait { token == nil }
    }
}
