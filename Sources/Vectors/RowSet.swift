/// Which of so many rows are meant, a bit each.
package struct RowSet: Sendable, Equatable {
    package let count: Int
    /// Bit `row % 64` of word `row / 64`; bits beyond the last row are 0.
    package private(set) var words: [UInt64]

    /// All rows, or none.
    package init(count: Int, all: Bool) {
        self.count = count
        words = Array(repeating: all ? ~0 : 0, count: (count + 63) / 64)
        if all, count % 64 != 0 { words[words.count - 1] = (1 << UInt64(count % 64)) - 1 }
    }

    package subscript(row: Int) -> Bool {
        get { words[row >> 6] >> UInt64(row & 63) & 1 == 1 }
        set {
            precondition((0..<count).contains(row))
            let bit: UInt64 = 1 << UInt64(row & 63)
            if newValue { words[row >> 6] |= bit } else { words[row >> 6] &= ~bit }
        }
    }

    /// Keeps the rows for which `isMeant` is true; asked of those alone that are there.
    package mutating func keep(where isMeant: (Int) -> Bool) {
        words.withUnsafeMutableBufferPointer { words in
            for index in words.indices {
                var rest = words[index]
                while rest != 0 {
                    let bit = rest.trailingZeroBitCount
                    rest &= rest - 1
                    if !isMeant(index << 6 | bit) { words[index] &= ~(1 << UInt64(bit)) }
                }
            }
        }
    }

    package mutating func formUnion(_ other: RowSet) {
        precondition(count == other.count)
        for index in words.indices { words[index] |= other.words[index] }
    }

    /// The rows in so many sets, each in the one that `place` names, or in none where that is no set.
    package func divided(into sets: Int, _ place: (Int) -> Int) -> [RowSet] {
        var divided = Array(repeating: Array(repeating: UInt64(0), count: words.count), count: sets)
        for index in words.indices {
            var rest = words[index]
            while rest != 0 {
                let bit = rest.trailingZeroBitCount
                rest &= rest - 1
                let set = place(index << 6 | bit)
                if divided.indices.contains(set) { divided[set][index] |= 1 << UInt64(bit) }
            }
        }
        return divided.map { RowSet(count: count, words: $0) }
    }

    private init(count: Int, words: [UInt64]) {
        self.count = count
        self.words = words
    }

    package var memberCount: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
}
