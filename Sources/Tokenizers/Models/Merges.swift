/// Which two neighbours become one, in which order.
struct Merges: Sendable {
    /// Open addressing: a pair, then its rank and what it becomes.
    private var slots: [(pair: UInt64, merge: UInt64)]
    private var shift: UInt64

    static let none = UInt32.max
    private static let empty = UInt64.max

    init(count: Int) {
        var bits = 4
        while 1 << bits < count * 2 { bits += 1 }
        slots = [(pair: UInt64, merge: UInt64)](repeating: (Self.empty, 0), count: 1 << bits)
        shift = UInt64(64 - bits)
    }

    @inline(__always)
    private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private func slot(_ pair: UInt64) -> Int {
        Int(truncatingIfNeeded: ((pair ^ pair >> 29) &* 0x9E37_79B9_7F4A_7C15) >> shift)
    }

    /// There must be room for it. A pair that is there gets the new rank.
    mutating func add(_ left: Int32, _ right: Int32, rank: Int, id: Int32) {
        let pair = Self.pair(left, right)
        var index = slot(pair)
        while slots[index].pair != Self.empty, slots[index].pair != pair { index = (index + 1) & (slots.count - 1) }
        slots[index] = (pair, UInt64(rank) << 32 | UInt64(UInt32(bitPattern: id)))
    }

    /// ``none`` as rank where they stay two.
    @inline(__always)
    subscript(left: Int32, right: Int32) -> (rank: UInt32, id: Int32) {
        let pair = Self.pair(left, right)
        var index = slot(pair)
        return slots.withUnsafeBufferPointer { slots in
            while true {
                let entry = slots[index]
                if entry.pair == pair {
                    return (UInt32(entry.merge >> 32), Int32(truncatingIfNeeded: entry.merge))
                }
                if entry.pair == Self.empty { return (Self.none, 0) }
                index = (index &+ 1) & (slots.count &- 1)
            }
        }
    }
}
