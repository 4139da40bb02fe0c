private import Glibc

/// Pieces of a vocabulary, collected to be made into a trie at once.
struct TrieBuilder {
    private var bytes: [UInt8] = []
    private var starts: [Int] = [0]
    private var values: [Int32] = []

    /// Of pieces that are there twice, the last one's value counts.
    mutating func add(_ piece: UnsafeBufferPointer<UInt8>, value: Int32) {
        bytes.append(contentsOf: piece)
        starts.append(bytes.count)
        values.append(value)
    }

    /// nil where there are more different beginnings than a trie has nodes.
    func trie() -> Trie? {
        bytes.withUnsafeBufferPointer { bytes in
            func piece(_ index: Int) -> UnsafeBufferPointer<UInt8> {
                UnsafeBufferPointer(rebasing: bytes[starts[index]..<starts[index + 1]])
            }
            // By the first eight bytes, which decide for most.
            var order = values.indices.map { index in (key: Self.key(piece(index)), index: index) }
            order.sort { a, b in
                if a.key != b.key { return a.key < b.key }
                let (left, right) = (piece(a.index), piece(b.index))
                let difference = memcmp(left.baseAddress!, right.baseAddress!, min(left.count, right.count))
                if difference != 0 { return difference < 0 }
                return left.count != right.count ? left.count < right.count : a.index < b.index
            }
            return Trie(sorted: order.count) {
                piece(order[$0].index)
            } value: {
                values[order[$0].index]
            }
        }
    }

    @inline(__always)
    private static func key(_ piece: UnsafeBufferPointer<UInt8>) -> UInt64 {
        let raw = UnsafeRawBufferPointer(piece)
        if raw.count >= 8 { return UInt64(bigEndian: raw.loadUnaligned(as: UInt64.self)) }
        var key: UInt64 = 0
        for byte in raw { key = key << 8 | UInt64(byte) }
        return key << UInt64(8 * (8 - raw.count))
    }
}
