package import Castor

/// Joins the contents of many connections into packed batches.
///
/// Threads of its own decode and tokenise while another computes. A batch is whatever is ready when the model is free, up to a
/// budget of tokens: a lone request waits for nobody, and under load batches fill by themselves. Only where others are
/// already being prepared does the model wait for them, a millisecond or two. Contents of one call and of others take turns,
/// so that a call with a hundred does not hold up a call with one. A content that is longer than a batch is overtaken by short ones, for which
/// one more thread computes meanwhile.
package final class Scheduler: @unchecked Sendable {
    package struct Options: Sendable {
        /// Tokens that pass through the model together. The default is 1,024.
        package var maxBatchTokens = 1_024
        /// As above, for background work: what an interactive request may have to wait for. The default is 256.
        package var maxBackgroundBatchTokens = 256
        /// Contents of one priority that wait or are at work; more are refused. The default is 2,048.
        package var maxWaitingContents = 2_048
        /// Threads that decode and tokenise. The default is 2.
        package var preparationThreads = 2
        /// More of them, for what is quick: documents, clips and pictures of more than 20 million pixels may take many seconds, and leave these to
        /// others. The default is 1.
        package var quickThreads = 1
        /// More of them, for what others wait for while all of the above are held: for interactive contents of a kind, long or quick, of which
        /// none was taken for ``stillMilliseconds``. The default is 4.
        package var spareThreads = 4
        /// The default is 250.
        package var stillMilliseconds = 250
        /// Tokens of short contents that are computed together beside one that is longer than ``maxBatchTokens``. The default is 256; 0 lets nothing overtake.
        package var maxOvertakingTokens = 256
        /// How long the model waits for contents that are being prepared, in microseconds. The default is 1,500.
        package var windowMicroseconds = 1_500

        package init() {}

        /// All threads that decode and tokenise.
        package var threadCount: Int { preparationThreads + quickThreads + spareThreads }
    }

    package let embedder: Embedder
    package let options: Options
    let metrics: Metrics

    let monitor = Monitor()
    private let toPrepare = Monitor.Condition()
    private let toSpare = Monitor.Condition()
    private let toCompute = Monitor.Condition()
    let toOvertake = Monitor.Condition()
    // Guarded by the monitor, one entry a priority.
    private var waiting: [WorkQueue]
    var ready: [ReadyQueue]
    /// Calls without an answer yet.
    private var active: [ObjectIdentifier: ScheduledWork] = [:]
    /// Contents that wait or are at work.
    private var contentCount: [Int]
    /// Contents of interactive calls that are being decoded right now.
    private var preparingCount: [Int]
    private var preparationTurns = PriorityTurns()
    private var lastTurns = LastTurns()
    /// Threads that prepare, but for the spare ones, without work.
    private var idleCount = 0
    private var computeTurns = PriorityTurns()
    var isStopped = false
    /// Tokens of the batch that is being computed.
    private(set) var computingTokens = 0
    private var startup = Startup.loading
    /// Contents a second, a moving mean.
    private var rate = 50.0

    private enum Startup {
        case loading, ready
        case failed(StartupFailure)
    }

    package init(embedder: Embedder, options: Options = Options(), metrics: Metrics) {
        self.embedder = embedder
        self.options = options
        self.metrics = metrics
        let queues = Priority.allCases
        waiting = queues.map { _ in WorkQueue() }
        ready = queues.map { _ in ReadyQueue() }
        contentCount = queues.map { _ in 0 }
        preparingCount = queues.map { _ in 0 }
    }

    /// Starts the threads; the first thing they do is to read the weights and warm up.
    package func start() {
        var haveStarted = true
        for index in 0..<options.preparationThreads + options.quickThreads {
            let quickOnly = index >= options.preparationThreads
            haveStarted = startThread { self.prepareLoop { self.nextToPrepare(quickOnly: quickOnly) } } && haveStarted
        }
        for _ in 0..<options.spareThreads {
            haveStarted = startThread { self.prepareLoop { self.nextThatStands() } } && haveStarted
        }
        guard startThread({ self.computeLoop() }), haveStarted else {
            monitor.withLock { startup = .failed(.noThread) }
            return
        }
        startOvertaking()
    }

    /// Ends the threads. Calls that still wait fail.
    package func stop() {
        monitor.withLock {
            isStopped = true
            for work in active.values { _ = work.fail(APIError.draining) }
            active = [:]
            toPrepare.broadcast()
            toSpare.broadcast()
            toCompute.broadcast()
            toOvertake.broadcast()
        }
    }

    /// Whether weights are in memory and the model has run once.
    package var isReady: Bool {
        monitor.withLock { if case .ready = startup { !isStopped } else { false } }
    }

    /// Whether warming up has ended, well or not.
    package var hasStarted: Bool {
        monitor.withLock { if case .loading = startup { isStopped } else { true } }
    }

    /// Why the model cannot be used, if so.
    package var startupFailure: StartupFailure? {
        monitor.withLock { if case .failed(let reason) = startup { reason } else { nil } }
    }

    /// Contents that wait or are at work, of one priority.
    package func waitingContents(_ priority: Priority) -> Int {
        monitor.withLock { contentCount[priority.rawValue] }
    }

    // MARK: - Callers

    /// One result an item, in order. A content that fails takes no other with it.
    ///
    /// - Throws: ``APIError`` when the queue is full or the server stops; `CancellationError` when the task is cancelled, whose
    ///   work is dropped.
    package func embed(
        _ items: [EmbedItem], priority: Priority = .interactive
    ) async throws -> ScheduledResult {
        guard !items.isEmpty else { return ScheduledResult(embeddings: [], timing: .init()) }
        let work = ScheduledWork(items, priority, monitor)
        let prepared = Self.isQuick(items) ? prepareHere(work) : nil
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if let refusal = enqueue(work, prepared, continuation) { continuation.resume(throwing: refusal) }
            }
        } onCancel: {
            drop(work, CancellationError())
        }
    }

    private func enqueue(
        _ work: ScheduledWork, _ first: Result<PreparedContent, EmbedError>?,
        _ continuation: CheckedContinuation<ScheduledResult, any Error>
    ) -> (any Error)? {
        monitor.withLock {
            let priority = work.priority.rawValue
            if isStopped { return APIError.draining }
            if Task.isCancelled { return CancellationError() }
            let count = contentCount[priority] + work.items.count
            guard count <= options.maxWaitingContents || contentCount[priority] == 0 else {
                metrics.refused()
                let seconds = max(1, Int((Double(contentCount[priority]) / rate).rounded(.up)))
                return APIError.queueFull(limit: options.maxWaitingContents, retryAfterSeconds: min(seconds, 60))
            }
            contentCount[priority] = count
            work.setContinuation(continuation)
            active[ObjectIdentifier(work)] = work
            if let first {
                prepared(work, 0, first)
            } else {
                waiting[priority].append(work)
                // One that is woken may be none that takes it.
                if work.items.count > 1 || work.isSlow { toPrepare.broadcast() } else { toPrepare.signal() }
                if idleCount == 0 { toSpare.signal() }
            }
            return nil
        }
    }

    /// One short text takes some ten microseconds to tokenise: less than another thread takes to wake up.
    private static func isQuick(_ items: [EmbedItem]) -> Bool {
        guard items.count == 1 else { return false }
        var room = 4_096
        for part in items[0].content.parts {
            guard case .text(let text) = part else { return false }
            room -= text.utf8.count + 64
        }
        return room >= 0
    }

    private func prepareHere(_ work: ScheduledWork) -> Result<PreparedContent, EmbedError> {
        work.firstPreparationStart = Nanoseconds.now
        let item = work.items[0]
        return Result { () throws(EmbedError) in try embedder.prepare(item.content, item.options) }
    }

    private func drop(_ work: ScheduledWork, _ error: any Error) {
        monitor.withLock {
            // Cancelled before it was counted: `enqueue` refuses it.
            guard active.removeValue(forKey: ObjectIdentifier(work)) != nil else { return }
            contentCount[work.priority.rawValue] -= work.fail(error)
            toPrepare.broadcast()
        }
    }

    // MARK: - Threads that prepare

    private func prepareLoop(_ next: () -> (ScheduledWork, Int)?) {
        while let (work, index) = monitor.withLock(next) {
            // Cancelled between the two locks: `items` is empty.
            guard let item = monitor.withLock({ work.isFinished ? nil : work.items[index] }) else {
                monitor.withLock { preparingCount[work.priority.rawValue] -= 1 }
                continue
            }
            let result = Result { () throws(EmbedError) in
                try embedder.prepare(item.content, item.options, cancellation: work.cancellation)
            }
            monitor.withLock {
                preparingCount[work.priority.rawValue] -= 1
                prepared(work, index, result)
            }
        }
    }

    private func nextToPrepare(quickOnly: Bool) -> (ScheduledWork, Int)? {
        while !isStopped {
            for priority in preparationTurns.order {
                if let next = take(priority, where: { !quickOnly || !$0 }) { return next }
            }
            // Something may wait that this thread does not take.
            if !waiting[Priority.interactive.rawValue].isEmpty { toSpare.signal() }
            idleCount += 1
            monitor.wait(toPrepare)
            idleCount -= 1
        }
        return nil
    }

    /// For a thread that is there for what others do not come to.
    private func nextThatStands() -> (ScheduledWork, Int)? {
        let patience = UInt64(options.stillMilliseconds) * 1_000_000
        while !isStopped {
            let now = Nanoseconds.now
            if let next = take(.interactive, where: { now >= lastTurns[isSlow: $0] + patience }) { return next }
            if waiting[Priority.interactive.rawValue].isEmpty {
                monitor.wait(toSpare)
            } else {
                _ = monitor.wait(toSpare, until: now + patience)
            }
        }
        return nil
    }

    private func take(_ priority: Priority, where isWanted: (_ isSlow: Bool) -> Bool) -> (ScheduledWork, Int)? {
        guard !ready[priority.rawValue].isFull,
            let (work, index) = waiting[priority.rawValue].next(where: isWanted)
        else { return nil }
        let now = Nanoseconds.now
        preparationTurns.took(priority)
        lastTurns[isSlow: work.isSlow] = now
        preparingCount[priority.rawValue] += 1
        if work.firstPreparationStart == nil { work.firstPreparationStart = now }
        if !waiting[Priority.interactive.rawValue].isEmpty { toSpare.signal() }
        return (work, index)
    }

    private func prepared(_ work: ScheduledWork, _ index: Int, _ result: Result<PreparedContent, EmbedError>) {
        let priority = work.priority.rawValue
        let now = Nanoseconds.now
        if work.firstReady == nil { work.firstReady = now }
        work.lastReady = now
        switch result {
        case .success(let content):
            if !work.isFinished { ready[priority].append(ReadyItem(work: work, index: index, content: content)) }
            if mayOvertake { toOvertake.signal() }
        case .failure(let error):
            deliver(.failure(error), work, index)
        }
        toCompute.signal()
    }

    private func deliver(_ result: Result<Embedding, EmbedError>, _ work: ScheduledWork, _ index: Int) {
        guard !work.isFinished else { return }
        contentCount[work.priority.rawValue] -= 1
        if work.deliver(result, at: index) { active[ObjectIdentifier(work)] = nil }
    }

    // MARK: - The thread that computes

    private func computeLoop() {
        warmUp()
        while let batch = monitor.withLock({ nextBatch() }) {
            compute(batch, embedder) { computingTokens = 0 }
        }
    }

    /// - Parameter done: called with the lock, before the results are delivered
    func compute(_ batch: [ReadyItem], _ embedder: Embedder, done: () -> Void) {
        let start = Nanoseconds.now
        let results = embedder.encode(batch.map(\.content))
        let seconds = Double(Nanoseconds.now - start) / 1e9
        metrics.batch(contents: batch.count, tokens: batch.tokenCount, seconds: seconds)
        monitor.withLock {
            done()
            rate += 0.1 * (Double(batch.count) / max(seconds, 1e-4) - rate)
            for (item, result) in zip(batch, results) { deliver(result, item.work, item.index) }
        }
    }

    private func warmUp() {
        let outcome: Startup
        do {
            try embedder.warmUp()
            switch embedder.embed([Content("warm up")])[0] {
            case .success: outcome = .ready
            case .failure(let error): outcome = .failed(StartupFailure(error))
            }
        } catch {
            outcome = .failed(StartupFailure(error))
        }
        // A thread that is missing stays missing.
        monitor.withLock { if case .loading = startup { startup = outcome } }
    }

    private func nextBatch() -> [ReadyItem]? {
        while !isStopped {
            for priority in computeTurns.order where !ready[priority.rawValue].isEmpty {
                if priority == .interactive { waitForCompany() }
                let batch = take(
                    priority, priority == .interactive ? options.maxBatchTokens : options.maxBackgroundBatchTokens)
                guard !batch.isEmpty else { continue }
                computeTurns.took(priority)
                computingTokens = batch.tokenCount
                if mayOvertake { toOvertake.signal() }
                return batch
            }
            // Taking may have found nothing but contents that nobody waits for any more.
            if ready.allSatisfy(\.isEmpty) { monitor.wait(toCompute) }
        }
        return nil
    }

    /// Below about 128 tokens the model costs nearly the same, so contents that are about to be ready are worth a moment.
    private func waitForCompany() {
        let interactive = Priority.interactive.rawValue
        let deadline = Nanoseconds.now + UInt64(options.windowMicroseconds) * 1_000
        while ready[interactive].tokenCount < Self.saturatingTokens, !isStopped,
            preparingCount[interactive] > 0 || !waiting[interactive].isEmpty
        {
            guard monitor.wait(toCompute, until: deadline) else { return }
        }
    }

    private static let saturatingTokens = 128

    private func take(_ priority: Priority, _ maxTokens: Int) -> [ReadyItem] {
        taken(ready[priority.rawValue].take(maxTokens: maxTokens))
    }

    /// What has left its queue.
    func taken(_ batch: [ReadyItem]) -> [ReadyItem] {
        let now = Nanoseconds.now
        for item in batch where item.work.firstComputeStart == nil {
            item.work.firstComputeStart = now
            metrics.queued(seconds: Double(now - item.work.enqueued) / 1e9)
        }
        toPrepare.broadcast()
        return batch
    }
}
