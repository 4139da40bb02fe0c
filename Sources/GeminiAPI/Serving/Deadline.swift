package import NIOCore
import Synchronization

/// The time that a request may take once its body is there: how long that takes is its connection's matter (``ArrivalPace``).
package final class Deadline: Sendable {
    private struct State {
        var onLate: (@Sendable () -> Void)?
        var timer: Scheduled<Void>?
        var isPaused = false
        var isOver = false
        var isLate = false
    }

    private let seconds: Int?
    private let eventLoop: any EventLoop
    private let state = Mutex(State())

    /// - Parameter seconds: nil for as long as it takes
    package init(seconds: Int?, on eventLoop: any EventLoop) {
        self.seconds = seconds
        self.eventLoop = eventLoop
    }

    /// Whether the time was up.
    package var isLate: Bool { state.withLock { $0.isLate } }

    package func start(_ onLate: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.onLate = onLate
            schedule(&state)
        }
    }

    /// Nothing counts until ``resume()``.
    package func pause() {
        state.withLock { state in
            state.isPaused = true
            state.timer?.cancel()
            state.timer = nil
        }
    }

    /// The whole time, from now on.
    package func resume() {
        state.withLock { state in
            state.isPaused = false
            schedule(&state)
        }
    }

    package func end() {
        state.withLock { state in
            state.isOver = true
            state.timer?.cancel()
            state.timer = nil
            state.onLate = nil
        }
    }

    private func schedule(_ state: inout State) {
        guard let seconds, state.onLate != nil, state.timer == nil, !state.isPaused, !state.isOver else { return }
        state.timer = eventLoop.scheduleTask(in: .seconds(Int64(seconds))) { [weak self] in self?.expire() }
    }

    private func expire() {
        let onLate = state.withLock { state -> (@Sendable () -> Void)? in
            guard !state.isPaused, !state.isOver else { return nil }
            state.isLate = true
            return state.onLate
        }
        onLate?()
    }
}
