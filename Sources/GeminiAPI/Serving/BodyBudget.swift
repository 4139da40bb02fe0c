import Synchronization

/// Bytes of request bodies, and of files that requests name, that are in memory, of all connections together: a bound on what many large requests can take.
final class BodyBudget: Sendable {
    private let limit: Int
    private let used = Mutex(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// - Parameter held: by the same request
    fileprivate func take(_ bytes: Int, held: Int) throws(APIError) {
        let fits = used.withLock { used in
            // One request always fits: its own limits hold.
            guard used + bytes <= limit || used == held else { return false }
            used += bytes
            return true
        }
        guard fits else { throw .memoryFull(retryAfterSeconds: 1) }
    }

    /// Bytes that are held now.
    var heldBytes: Int { used.withLock { $0 } }

    fileprivate func give(_ bytes: Int) {
        used.withLock { $0 -= bytes }
    }
}

/// One request's share.
final class BodyLease: Sendable {
    private let budget: BodyBudget
    private let held = Mutex(0)

    init(_ budget: BodyBudget) {
        self.budget = budget
    }

    func reserve(_ bytes: Int) throws(APIError) {
        try budget.take(bytes, held: held.withLock { $0 })
        held.withLock { $0 += bytes }
    }

    func release() {
        budget.give(
            held.withLock { held in
                defer { held = 0 }
                return held
            })
    }
}
