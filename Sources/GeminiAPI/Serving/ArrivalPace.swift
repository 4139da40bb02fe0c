/// How fast a body must come: a client that sends a byte now and then would hold a connection, and memory, for hours.
///
/// Time that the server spends with what came is not the client's.
package struct ArrivalPace {
    /// Bytes that must come within each window.
    package static let minBytes = 4_096
    /// Of a body that is held in memory, this share of what is there must come as well: the more a client holds, the faster it must go on.
    package static let heldShare = 100

    private let window: UInt64
    private let isHeld: Bool
    private var waited: UInt64 = 0
    private var received = 0
    /// Of them, those that were there when the window began.
    private var earlier = 0

    /// - Parameters:
    ///   - seconds: of a window
    ///   - isHeld: whether the body stays in memory until it is whole
    package init(seconds: Int, isHeld: Bool) {
        window = UInt64(seconds) * 1_000_000_000
        self.isHeld = isHeld
    }

    /// Whether what came is enough.
    ///
    /// - Parameter nanoseconds: that the server waited for it
    package mutating func take(_ bytes: Int, after nanoseconds: UInt64) -> Bool {
        waited += nanoseconds
        received += bytes
        guard waited >= window else { return true }
        guard received - earlier >= max(Self.minBytes, isHeld ? earlier / Self.heldShare : 0) else { return false }
        waited = 0
        earlier = received
        return true
    }
}
