private import CKernels
import Glibc
import Synchronization

/// A fixed set of threads that divide numbered pieces of work, each with scratch memory of its own.
///
/// The calling thread is worker 0. One call runs at a time; further callers wait for their turn. Waiting threads spin for some tens of
/// microseconds before they sleep, because the pieces of one forward pass follow each other within that time.
package final class WorkerPool: @unchecked Sendable {
    /// What a piece of work may use without asking.
    package struct Worker: Sendable {
        package let index: Int
        package let scratch: Scratch
        /// Beside `scratch`, for a factor of a product while that holds something else.
        package let factor = Scratch()
        package let rowKernel: RowKernel?
        package let panelKernel: PanelKernel?
    }

    /// As many as were asked for, or as the system gave.
    package let threadCount: Int
    /// What computes products of rows with weights; nil where BLAS does.
    package let rowKernel: RowKernel?
    /// What computes them where there are many rows.
    package let panelKernel: PanelKernel?
    /// The same in single precision.
    package let singleKernel: PanelKernel?
    private let workers: [Worker]
    private let turn = Mutex(())
    private let state: State

    /// - Parameters:
    ///   - threads: 1 or more, the caller's thread included; ``threadCount`` says how many there are.
    ///   - rowKernel: one of ``RowKernel/all``
    ///   - precision: of products with weights
    package init(threads: Int, rowKernel: RowKernel? = .best, precision: ComputePrecision = .single) {
        precondition(threads >= 1 && rowKernel.map(RowKernel.all.contains) != false)
        self.rowKernel = rowKernel
        let panelKernel = PanelKernel(precision, beside: rowKernel)
        self.panelKernel = panelKernel
        singleKernel = PanelKernel(.single, beside: rowKernel)
        state = State()
        func worker(_ index: Int) -> Worker {
            Worker(index: index, scratch: Scratch(), rowKernel: rowKernel, panelKernel: panelKernel)
        }
        var workers = [worker(0)]
        while workers.count < threads {
            let worker = worker(workers.count)
            guard Self.start(worker, state) else { break }
            workers.append(worker)
        }
        self.workers = workers
        threadCount = workers.count
    }

    deinit {
        state.stop()
    }

    /// The caller's thread's, for what it does between two calls of ``run(_:_:)``.
    package var callersWorker: Worker { workers[0] }

    /// Runs `body(0) ... body(count - 1)`, each once, on whichever worker is free, and returns when all are done.
    ///
    /// `body` must not call `run` of the same pool.
    package func run(_ count: Int, _ body: (Int, Worker) -> Void) {
        guard count > 0 else { return }
        turn.withLock { _ in
            if count == 1 || threadCount == 1 {
                for index in 0..<count { body(index, workers[0]) }
                return
            }
            withoutActuallyEscaping(body) { escaping in
                let job = Job(count: count, body: escaping)
                state.publish(job, helpers: threadCount - 1)
                job.work(workers[0])
                state.waitForHelpers()
                job.release()
            }
        }
    }

    /// Divides `0..<count` into ranges of at least `minimum` (the last may be shorter), about `perWorker` for each worker.
    package func ranges(_ count: Int, minimum: Int, perWorker: Int = 1) -> [Range<Int>] {
        let pieces = max(1, min(count / max(minimum, 1), threadCount * perWorker))
        return (0..<pieces).map { count * $0 / pieces..<count * ($0 + 1) / pieces }
    }

    /// Whether the system has given another thread.
    private static func start(_ worker: Worker, _ state: State) -> Bool {
        final class Start {
            let worker: Worker
            let state: State
            init(_ worker: Worker, _ state: State) {
                self.worker = worker
                self.state = state
            }
        }
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(Start(worker, state)).toOpaque()
        let status = pthread_create(
            &thread, nil,
            { raw in
                let start = Unmanaged<Start>.fromOpaque(raw!).takeRetainedValue()
                start.state.serve(start.worker)
                return nil
            }, argument)
        guard status == 0 else {
            Unmanaged<Start>.fromOpaque(argument).release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}

/// The pieces of one `run`.
private final class Job: @unchecked Sendable {
    private let count: Int
    private var body: ((Int, WorkerPool.Worker) -> Void)?
    private let next = Atomic<Int>(0)

    init(count: Int, body: @escaping (Int, WorkerPool.Worker) -> Void) {
        self.count = count
        self.body = body
    }

    /// Drops the closure, which must not outlive the call of `run`, although a helper may still hold the job.
    func release() {
        body = nil
    }

    func work(_ worker: WorkerPool.Worker) {
        guard let body else { return }
        while true {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            if index >= count { return }
            body(index, worker)
        }
    }
}

/// How caller and helpers meet: a generation number that rises with each job, and a count of helpers still at work.
private final class State: @unchecked Sendable {
    private let generation = Atomic<Int>(0)
    private let busy = Atomic<Int>(0)
    private let stopped = Atomic<Bool>(false)
    /// Helpers that sleep, or are about to.
    private let sleeping = Atomic<Int>(0)
    /// Written while no helper is at work.
    private var job: Job?
    // In memory of their own: a stored property may be moved, and two threads may not write to one at once.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let done = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// Longer than what the caller does alone between two jobs of a pass. To be woken takes as long, and on virtual machines longer.
    private static let spinNanoseconds = 60_000

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(wake, nil)
        pthread_cond_init(done, nil)
    }

    deinit {
        pthread_cond_destroy(wake)
        pthread_cond_destroy(done)
        pthread_mutex_destroy(mutex)
        wake.deallocate()
        done.deallocate()
        mutex.deallocate()
    }

    func publish(_ job: Job, helpers: Int) {
        self.job = job
        busy.store(helpers, ordering: .relaxed)
        generation.add(1, ordering: .sequentiallyConsistent)
        // Who is about to sleep has said so before it looks at the generation once more.
        guard sleeping.load(ordering: .sequentiallyConsistent) > 0 else { return }
        pthread_mutex_lock(mutex)
        pthread_cond_broadcast(wake)
        pthread_mutex_unlock(mutex)
    }

    func waitForHelpers() {
        spin(nanoseconds: Self.spinNanoseconds) { busy.load(ordering: .acquiring) > 0 }
        if busy.load(ordering: .acquiring) > 0 {
            pthread_mutex_lock(mutex)
            while busy.load(ordering: .acquiring) > 0 { pthread_cond_wait(done, mutex) }
            pthread_mutex_unlock(mutex)
        }
        job = nil
    }

    func stop() {
        pthread_mutex_lock(mutex)
        stopped.store(true, ordering: .releasing)
        pthread_cond_broadcast(wake)
        pthread_mutex_unlock(mutex)
    }

    func serve(_ worker: WorkerPool.Worker) {
        var seen = 0
        func isIdle() -> Bool {
            generation.load(ordering: .sequentiallyConsistent) == seen && !stopped.load(ordering: .acquiring)
        }
        while true {
            spin(nanoseconds: Self.spinNanoseconds, while: isIdle)
            if isIdle() {
                pthread_mutex_lock(mutex)
                sleeping.add(1, ordering: .sequentiallyConsistent)
                while isIdle() { pthread_cond_wait(wake, mutex) }
                sleeping.subtract(1, ordering: .relaxed)
                pthread_mutex_unlock(mutex)
            }
            seen = generation.load(ordering: .acquiring)
            let job = stopped.load(ordering: .acquiring) ? nil : self.job
            guard let job else { return }
            job.work(worker)
            pthread_mutex_lock(mutex)
            if busy.subtract(1, ordering: .releasing).newValue == 0 { pthread_cond_signal(done) }
            pthread_mutex_unlock(mutex)
        }
    }
}

/// Asks again and again while `isWaiting`, so long at most.
@inline(__always)
package func spin(nanoseconds: Int, while isWaiting: () -> Bool) {
    var start: Int?
    while isWaiting() {
        for _ in 0..<16 {
            castor_pause()
            if !isWaiting() { return }
        }
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let now = time.tv_sec * 1_000_000_000 + time.tv_nsec
        if now - (start ?? now) >= nanoseconds { return }
        start = start ?? now
    }
}
