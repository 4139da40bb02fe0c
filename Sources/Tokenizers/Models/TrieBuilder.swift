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
            var order = values.indices.map { index in
                let key = (0..<8).reduce(UInt64(0)) { key, place in
                    let at = starts[index] + place
                    return key << 8 | (at < starts[index + 1] ? UInt64(bytes[at]) : 0)
                }
                return (key: key, index: index)
            }
            order.sort { a, b in
                if a.key != b.key { return a.key < b.key }
                let (left, right) = (piece(a.index), piece(b.index))
                if left.elementsEqual(right) { return a.index < b.index }
                return left.lexicographicallyPrecedes(right)
            }
            return Trie(sorted: order.count) {
                piece(order[$0].index)
            } value: {
                values[order[$0].index]
            }
        }
    }
}
