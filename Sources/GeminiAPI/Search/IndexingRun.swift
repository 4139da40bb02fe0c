import Castor
import Glibc
import Logging
import Search
import Synchronization

/// A run of indexing that the page has started: one at a time, over the paths that the index was given.
final class IndexingRun: Sendable {
    /// Where it stands.
    struct State: Sendable {
        var isRunning = false
        /// Files looked into, of those that have to be.
        var files = 0
        var total = 0
        /// What the last run did, or why it ended, in a sentence.
        var report: String?
    }

    private let state = Mutex(State())
    private let isStopped = Atomic(false)

    var current: State { state.withLock { $0 } }

    /// Ends between two groups of files; what was indexed stays.
    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// False where one is running. Throws why the index cannot be written; then none was begun.
    func start(path: String, model: ModelIdentity, embedder: Embedder, logger: Logger) throws(SearchError) -> Bool {
        let isFree = state.withLock { state in
            guard !state.isRunning else { return false }
            state.isRunning = true
            return true
        }
        guard isFree else { return false }
        do throws(SearchError) {
            // One that is away, with its disk perhaps, is not made anew in its place.
            guard IndexWriter.isThere(path) else { throw SearchError.noIndex(path: path) }
            let writer = try IndexWriter(path: path, model: model)
            let work = Work { self.run(writer, path, embedder, logger) }
            state.withLock { $0 = State(isRunning: true) }
            if !work.start() {
                writer.close()
                state.withLock { $0 = State(report: "No thread could be started.") }
            }
        } catch {
            // What the last one did stands.
            state.withLock { $0.isRunning = false }
            throw error
        }
        return true
    }

    private func run(_ writer: IndexWriter, _ path: String, _ embedder: Embedder, _ logger: Logger) {
        let report: String
        do throws(SearchError) {
            var options = Indexer.Options()
            options.isStopped = { self.isStopped.load(ordering: .relaxed) }
            options.onProgress = { progress in
                self.state.withLock { ($0.files, $0.total) = (progress.files, progress.total) }
            }
            let summary = try Indexer(embedder, writer, options: options).run(roots: try writer.roots())
            report = Self.text(summary)
        } catch {
            logger.error("indexing", metadata: ["reason": "\(error)"])
            report = "\(error.description(of: path))."
        }
        // Before it is said to have ended: who hears that may begin the next.
        writer.close()
        state.withLock { $0 = State(report: report) }
    }

    private static func text(_ summary: IndexSummary) -> String {
        let counts = [
            (summary.added, "new"), (summary.changed, "changed"), (summary.copied + summary.moved, "known again"),
            (summary.joined, "with their pictures now"), (summary.removed - summary.joined, "gone"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        let problems = summary.problems.values.reduce(0, +)
        let lost = summary.emptyRoots.map {
            " \($0.printable) has no files, and had some: is its disk there?"
        }
        return (counts.isEmpty ? "Nothing has changed" : counts.joined(separator: ", "))
            + (problems > 0 ? "; \(problems) left out." : ".") + lost.joined()
    }

    /// A thread of its own: hours of work, which no thread of a pool is for.
    private final class Work {
        private let body: () -> Void

        init(_ body: @escaping () -> Void) {
            self.body = body
        }

        func start() -> Bool {
            var thread = pthread_t()
            var attributes = pthread_attr_t()
            pthread_attr_init(&attributes)
            defer { pthread_attr_destroy(&attributes) }
            pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
            let argument = Unmanaged.passRetained(self)
            let code = pthread_create(
                &thread, &attributes,
                { argument in
                    argument.map { Unmanaged<Work>.fromOpaque($0).takeRetainedValue().body() }
                    return nil
                }, argument.toOpaque())
            if code != 0 { argument.release() }
            return code == 0
        }
    }
}
