import Glibc

/// A lock with conditions to wait for: the scheduler's threads block, which Swift concurrency's may not.
final class Monitor: @unchecked Sendable {
    /// What threads wait for, one condition each, so that a signal wakes only those concerned.
    final class Condition: @unchecked Sendable {
        fileprivate let handle = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

        init() {
            var attributes = pthread_condattr_t()
            pthread_condattr_init(&attributes)
            pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
            pthread_cond_init(handle, &attributes)
            pthread_condattr_destroy(&attributes)
        }

        deinit {
            pthread_cond_destroy(handle)
            handle.deallocate()
        }

        func signal() { pthread_cond_signal(handle) }
        func broadcast() { pthread_cond_broadcast(handle) }
    }

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    /// Guarded by the mutex.
    private var actions: [() -> Void] = []

    init() {
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func withLock<Result>(_ body: () throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer {
            let actions = self.actions
            self.actions = []
            pthread_mutex_unlock(mutex)
            for action in actions { action() }
        }
        return try body()
    }

    /// Only inside ``withLock(_:)``: runs `action` on this thread as soon as the lock is free again. What takes another lock belongs here. Resuming a task takes that of its
    /// status, which the thread that cancels the task holds while its handler waits for this one.
    func afterUnlocking(_ action: @escaping () -> Void) {
        actions.append(action)
    }

    /// Only inside ``withLock(_:)``, with no action to come.
    func wait(_ condition: Condition) {
        precondition(actions.isEmpty, "an action would wait, too")
        pthread_cond_wait(condition.handle, mutex)
    }

    /// Only inside ``withLock(_:)``, with no action to come. `deadline` is nanoseconds of the monotonic clock. False when it has passed.
    func wait(_ condition: Condition, until deadline: UInt64) -> Bool {
        precondition(actions.isEmpty, "an action would wait, too")
        var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        return pthread_cond_timedwait(condition.handle, mutex, &time) != ETIMEDOUT
    }
}

/// The monotonic clock.
enum Nanoseconds {
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// Starts a thread that nobody waits for; false where the machine has none to give.
func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Start(body)).toOpaque()
    let status = pthread_create(
        &thread, nil,
        { raw in
            Unmanaged<Start>.fromOpaque(raw!).takeRetainedValue().body()
            return nil
        }, argument)
    guard status == 0 else {
        Unmanaged<Start>.fromOpaque(argument).release()
        return false
    }
    pthread_detach(thread)
    return true
}
