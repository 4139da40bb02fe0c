/// Pieces by their bytes, for finding all that a text begins with. One table of edges: it is made in the order of the pieces, without sorting,
/// and it is flat, so that it could be mapped from a file as it is.
struct Trie: Sendable {
    typealias Node = UInt32

    static let root: Node = 0
    static let mostNodes = 1 << 23

    /// Open addressing: 24 bits of node and 8 of label, and the child below them. 0 where there is none, for no child is the root.
    private var slots: [UInt64]
    private var shift: UInt64
    /// Of the piece that ends at a node; -1 where none does.
    private var values: [Int32]
    /// Pieces in all.
    private(set) var count = 0
    /// Children of the root, where most paths end.
    private var first: [Node]

    init() {
        slots = [UInt64](repeating: 0, count: 1 << 10)
        shift = 64 - 10
        values = [-1]
        first = [Node](repeating: 0, count: 256)
    }

    @inline(__always)
    private static func slot(_ key: UInt64, _ shift: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> shift)
    }

    /// 0 where there is none.
    @inline(__always)
    func child(_ node: Node, _ label: UInt8) -> Node {
        if node == Self.root { return first[Int(label)] }
        let key = UInt64(node) << 8 | UInt64(label)
        var index = Self.slot(key, shift)
        return slots.withUnsafeBufferPointer { slots in
            while true {
                let slot = slots[index]
                if slot == 0 { return 0 }
                if slot >> 32 == key { return Node(truncatingIfNeeded: slot) }
                index = (index &+ 1) & (slots.count &- 1)
            }
        }
    }

    @inline(__always)
    func value(_ node: Node) -> Int32 { values[Int(node)] }

    /// False where there are too many nodes.
    mutating func insert(_ bytes: some Collection<UInt8>, value: Int32) -> Bool {
        var node = Self.root
        for label in bytes {
            var next = child(node, label)
            if next == 0 {
                guard values.count < Self.mostNodes else { return false }
                next = Node(values.count)
                values.append(-1)
                if node == Self.root { first[Int(label)] = next } else { addEdge(node, label, next) }
            }
            node = next
        }
        if values[Int(node)] < 0 { count += 1 }
        values[Int(node)] = value
        return true
    }

    /// Of pieces in the order of their bytes: nothing is looked for, and the table has its size from the beginning. nil where there are too many nodes.
    init?(sorted count: Int, _ piece: (Int) -> UnsafeBufferPointer<UInt8>, value: (Int) -> Int32) {
        // Bytes that a piece has in common with the one before it.
        var shared = [Int](repeating: 0, count: count)
        var nodes = 1
        for index in 0..<count {
            let bytes = piece(index)
            var known = 0
            if index > 0 {
                let before = piece(index - 1)
                let most = min(before.count, bytes.count)
                while known < most, before[known] == bytes[known] { known += 1 }
            }
            shared[index] = known
            nodes += bytes.count - known
        }
        guard nodes <= Self.mostNodes else { return nil }
        var bits = 10
        while 1 << bits < nodes * 2 { bits += 1 }
        slots = [UInt64](repeating: 0, count: 1 << bits)
        shift = UInt64(64 - bits)
        values = [-1]
        values.reserveCapacity(nodes)
        first = [Node](repeating: 0, count: 256)
        var path: [Node] = [Self.root]
        for index in 0..<count {
            let piece = piece(index)
            let known = shared[index]
            path.removeLast(path.count - known - 1)
            for label in piece[known...] {
                let node = path[path.count - 1]
                let next = Node(values.count)
                values.append(-1)
                if node == Self.root {
                    first[Int(label)] = next
                } else {
                    Self.add((UInt64(node) << 8 | UInt64(label)) << 32 | UInt64(next), to: &slots, shift)
                }
                path.append(next)
            }
            let end = Int(path[path.count - 1])
            if values[end] < 0 { self.count += 1 }
            values[end] = value(index)
        }
    }

    private mutating func addEdge(_ node: Node, _ label: UInt8, _ child: Node) {
        // At most half full.
        if values.count * 2 > slots.count { grow() }
        Self.add((UInt64(node) << 8 | UInt64(label)) << 32 | UInt64(child), to: &slots, shift)
    }

    private mutating func grow() {
        var larger = [UInt64](repeating: 0, count: slots.count * 4)
        let newShift = shift - 2
        for slot in slots where slot != 0 { Self.add(slot, to: &larger, newShift) }
        slots = larger
        shift = newShift
    }

    private static func add(_ slot: UInt64, to slots: inout [UInt64], _ shift: UInt64) {
        var index = Self.slot(slot >> 32, shift)
        while slots[index] != 0 { index = (index &+ 1) & (slots.count &- 1) }
        slots[index] = slot
    }

    /// The node that is reached by all of `bytes`; nil where there is none.
    func node(of bytes: some Collection<UInt8>) -> Node? {
        var node = Self.root
        for label in bytes {
            node = child(node, label)
            if node == Self.root { return nil }
        }
        return node
    }

    /// Of the piece that is exactly `bytes`.
    func value(of bytes: some Collection<UInt8>) -> Int32? {
        guard let node = node(of: bytes), node != Self.root, values[Int(node)] >= 0 else { return nil }
        return values[Int(node)]
    }
}
