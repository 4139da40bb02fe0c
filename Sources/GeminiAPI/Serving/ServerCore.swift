package import Castor
import Hummingbird
package import Logging
import Media
import NIOCore
import NIOPosix

/// What all routes share.
package final class ServerCore: Sendable {
    package let options: ServerOptions
    package let scheduler: Scheduler
    package let models: ServedModels
    package let keys: KeyRing
    let tickets = ItemTickets()
    package let metrics: Metrics
    package let logger: Logger
    let bodies: BodyBudget
    let disconnects = Disconnects()
    let counting = CountingQueue()
    private let drain = Drain()
    private let threads = NIOThreadPool(numberOfThreads: 2)

    package init(embedder: Embedder, options: ServerOptions, logger: Logger) {
        self.options = options
        self.logger = logger
        metrics = Metrics()
        scheduler = Scheduler(embedder: embedder, options: options.scheduler, metrics: metrics)
        models = ServedModels(embedder.info)
        keys = KeyRing(options.apiKeys)
        bodies = BodyBudget(limit: options.limits.maxBufferedBytes)
        // A request may come before the services run.
        threads.start()
        counting.start()
    }

    package func start() {
        DecoderEndings.report { [logger] ending in
            logger.warning(
                "a process that decodes ended amid a file",
                metadata: ["kind": ending.isDocument ? "document" : "media", "reason": "\(ending.reason)"])
        }
        scheduler.start()
    }

    /// Answers what is under way, and what still comes, with 503.
    func endRequests() {
        let count = drain.end()
        if count > 0 {
            logger.warning(
                "the time for requests to end is over; they are answered with 503", metadata: ["requests": "\(count)"])
        }
    }

    package func stop() async {
        options.index?.indexing.stop()
        scheduler.stop()
        await counting.stop()
        try? await threads.shutdownGracefully()
    }

    /// Work of more than a millisecond must not hold up Swift's own threads, which are as few as the cores.
    package func offPool<Value: Sendable>(
        large: Bool, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        large ? try await threads.runIfActive(body) : try body()
    }

    /// Runs a handler until it ends, the client goes away, or the time is up.
    func supervised(
        on channel: any Channel, _ deadline: Deadline, _ body: @escaping @Sendable () async throws -> Response
    ) async throws -> Response {
        let task = Task { try await body() }
        deadline.start { task.cancel() }
        disconnects.watch(channel) { task.cancel() }
        let number = drain.enter { task.cancel() }
        defer {
            drain.leave(number)
            deadline.end()
            disconnects.forget(channel)
        }
        do {
            return try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        } catch is CancellationError {
            if deadline.isLate { throw APIError.deadlineExceeded }
            throw drain.isOver ? APIError.draining : APIError.cancelled
        }
    }
}
