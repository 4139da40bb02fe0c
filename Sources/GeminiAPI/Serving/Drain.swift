import Synchronization

/// Requests under way, so that all of them can be ended together when the server has waited for them long enough.
final class Drain: Sendable {
    private struct State {
        var isOver = false
        var next = 0
        var cancellations: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    var isOver: Bool { state.withLock(\.isOver) }

    /// - Parameter cancel: called once, at the end or, where that has come, at once.
    func enter(_ cancel: @escaping @Sendable () -> Void) -> Int {
        let (number, isOver) = state.withLock { state in
            state.next += 1
            if !state.isOver { state.cancellations[state.next] = cancel }
            return (state.next, state.isOver)
        }
        if isOver { cancel() }
        return number
    }

    func leave(_ number: Int) {
        state.withLock { _ = $0.cancellations.removeValue(forKey: number) }
    }

    /// Returns how many were under way.
    func end() -> Int {
        let cancellations = state.withLock { state in
            state.isOver = true
            return state.cancellations
        }
        for cancel in cancellations.values { cancel() }
        return cancellations.count
    }
}
