import Synchronization

/// Processes that ended, or had to be ended, amid a file: for those who run the program to see. Of all pools, and of documents.
package enum DecoderEndings {
    package struct Ending: Sendable {
        /// Whether it rendered a document.
        package let isDocument: Bool
        package let reason: String
    }

    private struct State {
        var count = 0
        var report: (@Sendable (Ending) -> Void)?
    }

    private static let state = Mutex(State())

    package static var count: Int { state.withLock { $0.count } }

    /// Has each that comes told to `body`, from any thread; the last one who asks is told.
    package static func report(_ body: @escaping @Sendable (Ending) -> Void) {
        state.withLock { $0.report = body }
    }

    static func note(_ reason: String, isDocument: Bool) {
        let report = state.withLock { state in
            state.count += 1
            return state.report
        }
        report?(Ending(isDocument: isDocument, reason: reason))
    }
}
