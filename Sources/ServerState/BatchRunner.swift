import Store

/// Computes batch jobs, one chunk after the other, until its task is cancelled. A chunk that was not completed is computed again by
/// the next runner.
package struct BatchRunner: Sendable {
    /// One result for every request, in order. What is wrong with a request is a result that says so; an error means that
    /// nothing could be computed now.
    package typealias Embed = @Sendable (BatchChunk) async throws -> [BatchResult]

    private let store: BatchStore
    private let embed: Embed
    private let onError: @Sendable (any Error) -> Void

    /// Tries of one chunk before its job is given up.
    private static let maxTries = 5

    package init(
        _ store: BatchStore, onError: @escaping @Sendable (any Error) -> Void = { _ in }, embed: @escaping Embed
    ) {
        self.store = store
        self.embed = embed
        self.onError = onError
    }

    package func run() async {
        for await _ in store.work {
            while !Task.isCancelled {
                do {
                    guard let chunk = try await store.claim() else { break }
                    do { try await compute(chunk) } catch let error as CancellationError {
                        await store.release(chunk)
                        throw error
                    }
                } catch is CancellationError {
                    return
                } catch {
                    // The disk or the database: a job can do nothing about it.
                    onError(error)
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    private func compute(_ chunk: BatchChunk) async throws {
        var tries = 0
        while true {
            do {
                let results = try await embed(chunk)
                return _ = try await store.complete(chunk, results)
            } catch let error where error is StateError || error is StoreError {
                throw error
            } catch let error where error is CancellationError || Task.isCancelled {
                throw CancellationError()
            } catch {
                onError(error)
            }
            tries += 1
            guard tries < Self.maxTries else {
                return try await store.fail(
                    chunk, BatchFailure(code: 13, message: "The requests could not be computed."))
            }
            try await Task.sleep(for: .milliseconds(100 << tries))
        }
    }
}
