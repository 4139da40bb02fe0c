import Glibc

/// Work done ahead of its use, by threads of its own, in order and with bounded memory.
///
/// A job has pieces; threads take pieces in the order of the jobs, so that they work together at the job that is wanted
/// first. Results that wait are counted in bytes: while they exceed `maxBytes` only pieces of the wanted job are begun. At
/// most `maxBytes`, the wanted job, and one piece a thread are held. The thread that waits for a job helps with it; without
/// threads it does all the work, and what comes out is the same.
package final class Prefetcher<Job: Sendable, Output: Sendable>: Sendable {
    package struct Options: Sendable, Equatable {
        /// Threads beside the one that asks. The default is 1.
        package var threads = 1
        /// Bytes of results that may wait. The default is 256 MiB.
        package var maxBytes = 256 << 20
        /// Jobs ahead of the one that is wanted. The default is 8.
        package var maxJobs = 8

        package init() {}
    }

    private let state: PrefetchState<Job, Output>
    private let threads: [pthread_t]

    /// - Parameters:
    ///   - jobs: the next job and the number of its pieces, 1 or more; nil at the end, and then no longer called. Called from
    ///     any thread, one at a time, in order.
    ///   - work: (job, piece) -> result and its bytes; called from several threads at once
    package init(
        options: Options = Options(), jobs: @escaping @Sendable () -> (job: Job, pieces: Int)?,
        work: @escaping @Sendable (Job, Int) -> (output: Output, bytes: Int)
    ) {
        precondition(options.threads >= 0 && options.maxBytes >= 0 && options.maxJobs >= 0)
        let state = PrefetchState(options, jobs, work)
        self.state = state
        // As many as the system gives: without any, whoever asks does the work.
        var threads: [pthread_t] = []
        while threads.count < options.threads, let thread = state.startThread() { threads.append(thread) }
        self.threads = threads
    }

    deinit {
        // Waits for the pieces at work: what they use, such as a cache's lock, is free afterwards.
        state.stop()
        for thread in threads { pthread_join(thread, nil) }
    }

    /// The results of the next job in the order of its pieces; waits for them. nil when there are no more jobs.
    package func next() -> (job: Job, outputs: [Output])? { state.next() }

    /// Bytes of results that wait now.
    package var waitingBytes: Int { state.locked { $0.waitingBytes } }
    /// The most that ever waited.
    package var peakBytes: Int { state.locked { $0.peakBytes } }
}

/// Shared by the threads; every property is read and written under `mutex`, except those that never change.
private final class PrefetchState<Job: Sendable, Output: Sendable>: @unchecked Sendable {
    private struct Entry {
        let job: Job
        var outputs: [Output?]
        var begun = 0
        var finished = 0
        var bytes = 0

        var isComplete: Bool { finished == outputs.count }
    }

    private let options: Prefetcher<Job, Output>.Options
    private let jobs: @Sendable () -> (job: Job, pieces: Int)?
    private let work: @Sendable (Job, Int) -> (output: Output, bytes: Int)
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// The wanted job first.
    private var entries: [Entry] = []
    /// Number of the first entry among all jobs.
    private var first = 0
    private var ended = false
    private var stopped = false
    private(set) var waitingBytes = 0
    private(set) var peakBytes = 0

    init(
        _ options: Prefetcher<Job, Output>.Options, _ jobs: @escaping @Sendable () -> (job: Job, pieces: Int)?,
        _ work: @escaping @Sendable (Job, Int) -> (output: Output, bytes: Int)
    ) {
        self.options = options
        self.jobs = jobs
        self.work = work
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    func locked<Value>(_ body: (PrefetchState) -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(self)
    }

    func stop() {
        locked {
            $0.stopped = true
            pthread_cond_broadcast($0.changed)
        }
    }

    /// nil where the system gives no thread.
    func startThread() -> pthread_t? {
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(ThreadBody { self.serve() }).toOpaque()
        let status = pthread_create(
            &thread, nil,
            { raw in
                // Training's own threads wait for each other in every layer: they go first.
                setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
                Unmanaged<ThreadBody>.fromOpaque(raw!).takeRetainedValue().run()
                return nil
            }, argument)
        guard status == 0 else {
            Unmanaged<ThreadBody>.fromOpaque(argument).release()
            return nil
        }
        return thread
    }

    func serve() {
        pthread_mutex_lock(mutex)
        while !stopped {
            if let place = begin(ahead: true) {
                run(place)
            } else {
                pthread_cond_wait(changed, mutex)
            }
        }
        pthread_mutex_unlock(mutex)
    }

    func next() -> (job: Job, outputs: [Output])? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let entry = entries.first, entry.isComplete {
                entries.removeFirst()
                first += 1
                waitingBytes -= entry.bytes
                pthread_cond_broadcast(changed)
                return (entry.job, entry.outputs.map { $0! })
            }
            if let place = begin(ahead: false) {
                run(place)
            } else if entries.isEmpty {
                return nil
            } else {
                pthread_cond_wait(changed, mutex)
            }
        }
    }

    private struct Place {
        let number: Int
        let piece: Int
        let job: Job
    }

    /// Claims the next piece; nil where there is none or no room for one. Called with the lock held.
    ///
    /// - Parameter ahead: whether jobs behind the wanted one may be begun
    private func begin(ahead: Bool) -> Place? {
        var index = entries.firstIndex { $0.begun < $0.outputs.count } ?? entries.count
        if index > 0, !ahead || waitingBytes >= options.maxBytes || index > options.maxJobs { return nil }
        if index == entries.count {
            guard !ended, let (job, pieces) = jobs() else {
                ended = true
                return nil
            }
            precondition(pieces > 0)
            entries.append(Entry(job: job, outputs: [Output?](repeating: nil, count: pieces)))
            index = entries.count - 1
        }
        let piece = entries[index].begun
        entries[index].begun += 1
        return Place(number: first + index, piece: piece, job: entries[index].job)
    }

    /// Called with the lock held, which is free while the work is done.
    private func run(_ place: Place) {
        pthread_mutex_unlock(mutex)
        let (output, bytes) = work(place.job, place.piece)
        pthread_mutex_lock(mutex)
        // The wanted job cannot have been handed out while a piece of it was missing.
        let index = place.number - first
        entries[index].outputs[place.piece] = output
        entries[index].finished += 1
        entries[index].bytes += bytes
        waitingBytes += bytes
        peakBytes = max(peakBytes, waitingBytes)
        if entries[index].isComplete { pthread_cond_broadcast(changed) }
    }
}

/// What a thread runs: the function that starts one cannot be generic.
private final class ThreadBody {
    let run: () -> Void

    init(_ run: @escaping () -> Void) {
        self.run = run
    }
}
