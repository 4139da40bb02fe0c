import CastorNumerics
import Synchronization

/// Bytes of request bodies that are in memory, of all connections together: a bound on what many large requests can take.
final class BodyBudget: Sendable {
    private let limit: Int
    private let used = Mutex(0)

    init(limit: Int) {
        self.limit = limit
    }

    fileprivate func take(_ bytes: Int) throws(APIError) {
        let fits = used.withLock { used in
            // One request always fits: its own limit holds.
            guard used + bytes <= limit || used == 0 else { return false }
            used += bytes
            return true
        }
        guard fits else { throw .memoryFull(retryAfterSeconds: 1) }
    }

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
        try budget.take(bytes)
        let total = held.withLock { held in
            held += bytes
            return held
        }
        let needed = Self.copies * total
        guard needed < 1 << 20 || AddressSpace.hasRoomToSpare(needed) else {
            throw .outOfMemory(OutOfMemory(bytes: needed).description)
        }
    }

    /// As received, in a buffer that doubles, and as what the JSON says.
    private static let copies = 4

    func release() {
        budget.give(
            held.withLock { held in
                defer { held = 0 }
                return held
            })
    }
}
