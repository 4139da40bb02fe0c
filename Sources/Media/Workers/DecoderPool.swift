import Glibc

extension DecoderPool: Equatable {
    package static func == (left: DecoderPool, right: DecoderPool) -> Bool { left === right }
}

/// Processes that decode, as many as are needed at a time up to a bound, kept for the next file. One that ended, or that has decoded
/// many files, is replaced by a fresh one.
package final class DecoderPool: @unchecked Sendable {
    package struct Options: Sendable {
        /// Files at a time; more wait. The default is 2.
        package var workers = 2
        /// Those that are there before the first file. The default is all.
        package var readyWorkers: Int?
        /// Files that a process decodes before another takes its place. The default is 1,000.
        package var filesPerWorker = 1_000
        /// Work on one picture, in seconds. The default is 60.
        package var maxImageSeconds = 60.0
        /// Work on one sound, in seconds. The default is 120.
        package var maxAudioSeconds = 120.0
        /// Work on one clip, in seconds. The default is 600.
        package var maxVideoSeconds = 600.0
        /// More memory than its size makes necessary, for one file, in bytes. The default is 512 MiB.
        package var spareBytes = 512 << 20
        /// A program that links this code. The default is the running one.
        package var program = "/proc/self/exe"
        /// A variable for the processes' environment. The default is none.
        package var environment: String?

        package init() {}
    }

    package let options: Options
    private let gate = Gate()
    // Guarded by the gate.
    private var idle: [DecoderWorker] = []
    /// Those at work, too.
    private var count = 0
    private var working: Set<Int32> = []

    /// Starts nothing yet.
    package init(options: Options = Options()) {
        precondition(options.workers > 0 && options.filesPerWorker > 0, "a pool needs workers that work")
        self.options = options
    }

    /// Starts those that are to be ready, and waits for them. Throws `decoderProcess`.
    package func warmUp() throws(MediaError) -> DecoderConfinement {
        var workers: [DecoderWorker] = []
        defer { for worker in workers { release(worker) } }
        for _ in 0..<min(options.workers, options.readyWorkers ?? options.workers) {
            workers.append(try acquire({ false }))
        }
        var least: DecoderConfinement?
        for worker in workers {
            let met = try worker.meet({ false })
            least = DecoderConfinement(
                landlock: min(met.landlock, least?.landlock ?? met.landlock),
                systemCalls: met.systemCalls && least?.systemCalls ?? true)
        }
        guard let least else { throw .decoderProcess("there is none") }
        return least
    }

    /// Ids of the processes that wait for files.
    package var idleProcessIDs: [Int32] { gate.withLock { idle.map(\.processID) } }

    /// Ids of those that have a file.
    package var workingProcessIDs: [Int32] { gate.withLock { Array(working) } }

    /// Lends a process to `body`, when one is free. Throws `decoderProcess`, `cancelled` and what `body` throws.
    func withWorker<Result>(
        _ isCancelled: () -> Bool, _ body: (DecoderWorker) throws(MediaError) -> Result
    ) throws(MediaError) -> Result {
        let worker = try acquire(isCancelled)
        let process = worker.processID
        gate.withLock { _ = working.insert(process) }
        defer {
            gate.withLock { _ = working.remove(process) }
            release(worker)
        }
        return try body(worker)
    }

    private func acquire(_ isCancelled: () -> Bool) throws(MediaError) -> DecoderWorker {
        var isStarting = false
        let waiting: DecoderWorker? = gate.withLock {
            removeGone()
            while idle.isEmpty, count >= options.workers, !isCancelled() {
                gate.wait()
                removeGone()
            }
            if let worker = idle.popLast() { return worker }
            if count < options.workers {
                count += 1
                isStarting = true
            }
            return nil
        }
        if let waiting { return waiting }
        guard isStarting else { throw .cancelled }
        do throws(MediaError) { return try start() } catch {
            gate.withLock {
                count -= 1
                gate.signal()
            }
            throw error
        }
    }

    /// What ended while nobody asked it (for want of memory, or by somebody's hand) is no file's fault. Inside the gate.
    private func removeGone() {
        let there = idle.filter(\.isThere)
        count -= idle.count - there.count
        idle = there
    }

    /// One that cannot go on is replaced at once, so that the next file finds one that is ready.
    private func release(_ worker: DecoderWorker) {
        var next: DecoderWorker? = worker
        if !worker.isUsable || worker.fileCount >= options.filesPerWorker {
            worker.end()
            next = try? start()
        }
        gate.withLock {
            if let next { idle.append(next) } else { count -= 1 }
            gate.signal()
        }
    }

    private func start() throws(MediaError) -> DecoderWorker {
        try DecoderWorker(program: options.program, environment: options.environment)
    }
}

/// A lock with one condition.
private final class Gate: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// How long a cancelled wait may last, in nanoseconds.
    private static let patience = 100_000_000

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func withLock<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// For a signal, or a little while.
    func wait() {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        time.tv_nsec += Self.patience
        if time.tv_nsec >= 1_000_000_000 {
            time.tv_sec += 1
            time.tv_nsec -= 1_000_000_000
        }
        pthread_cond_timedwait(condition, mutex, &time)
    }

    func signal() { pthread_cond_signal(condition) }
}
