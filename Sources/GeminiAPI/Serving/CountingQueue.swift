import Castor
package import Media
import NIOPosix
import Synchronization

/// Counting of tokens: on one thread of its own, so that it holds up neither embedding nor the reading of bodies. A call waits in it a
/// content at a time, so that calls take turns.
package final class CountingQueue: Sendable {
    /// Calls that wait or are at work; more are refused.
    package static let maxCalls = 64

    private let thread = NIOThreadPool(numberOfThreads: 1)
    private let calls = Mutex(0)
    /// Of the work that waits or runs.
    private let active = Mutex<[ObjectIdentifier: Cancellation]>([:])

    package init() {}

    package func start() {
        thread.start()
    }

    /// Stops what runs.
    package func stop() async {
        active.withLock { for cancellation in $0.values { cancellation.cancel() } }
        try? await thread.shutdownGracefully()
    }

    /// Runs one call, which uses ``next(_:)``, unless it is `isFree`: too short to be counted. Throws `queueFull`.
    package func admit<Value>(isFree: Bool = false, _ call: () async throws -> Value) async throws -> Value {
        if isFree { return try await call() }
        let isAdmitted = calls.withLock { calls in
            guard calls < Self.maxCalls else { return false }
            calls += 1
            return true
        }
        guard isAdmitted else { throw APIError.queueFull(limit: Self.maxCalls, retryAfterSeconds: 1) }
        defer { calls.withLock { $0 -= 1 } }
        return try await call()
    }

    /// Does one piece of work on the thread. When the task is cancelled, the work is dropped, or stopped where it is.
    package func next<Value: Sendable>(_ work: @escaping @Sendable (Cancellation) throws -> Value) async throws -> Value
    {
        let cancellation = Cancellation()
        active.withLock { $0[ObjectIdentifier(cancellation)] = cancellation }
        defer { active.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(cancellation)) } }
        return try await withTaskCancellationHandler {
            try Task.checkCancellation()
            return try await thread.runIfActive {
                do { return try work(cancellation) } catch EmbedError.cancelled { throw CancellationError() }
            }
        } onCancel: {
            cancellation.cancel()
        }
    }
}
