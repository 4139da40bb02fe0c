import CastorNumerics
import Synchronization

/// Bytes of request bodies, and of files that requests name, that are in memory, of all connections together: a bound on what many large requests can take.
final class BodyBudget: Sendable {
    fileprivate let limit: Int
    private let used = Mutex(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// - Parameter own: bytes that are the caller's already, where being the only one lets it in: a request's own limit holds then
    fileprivate func take(_ bytes: Int, own: Int) throws(APIError) {
        let fits = used.withLock { used in
            guard used + bytes <= limit || used == own else { return false }
            used += bytes
            return true
        }
        guard fits else { throw .memoryFull(retryAfterSeconds: 1) }
    }

    fileprivate func checkRoom(_ bytes: Int) throws(APIError) {
        guard used.withLock({ $0 + bytes <= limit || $0 == 0 }) else { throw .memoryFull(retryAfterSeconds: 1) }
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

    /// - Parameter isBody: whether they are the body as it came, which one request at a time always has room for
    func reserve(_ bytes: Int, forBody isBody: Bool = false) throws(APIError) {
        try budget.take(bytes, own: isBody ? held.withLock { $0 } : 0)
        let total = held.withLock { held in
            held += bytes
            return held
        }
        try Self.checkMemory(total)
    }

    /// As received, in a buffer that doubles, and as what the JSON says.
    private static let copies = 4

    /// Whether a body of so many bytes would have room now. Nothing is taken.
    func checkRoom(_ bytes: Int) throws(APIError) {
        try budget.checkRoom(bytes)
        try Self.checkMemory(bytes)
    }

    private static func checkMemory(_ bytes: Int) throws(APIError) {
        let needed = copies * bytes
        guard needed < 1 << 20 || AddressSpace.hasRoomToSpare(needed) else {
            throw .outOfMemory(OutOfMemory(bytes: needed).description)
        }
    }

    /// Of a file that the request names. One file always fits beside the body; more may not be more than all requests together.
    func reserveFile(_ bytes: Int, isFirst: Bool) throws(APIError) {
        let held = held.withLock { $0 }
        guard isFirst || held + bytes <= budget.limit else { throw .filesTooLarge(limit: budget.limit) }
        try budget.take(bytes, own: isFirst ? held : 0)
        self.held.withLock { $0 += bytes }
    }

    func release() {
        budget.give(
            held.withLock { held in
                defer { held = 0 }
                return held
            })
    }
}
