package import Encoder

/// Rows of the token embedding that a step gives a gradient to: a few hundred of tens of thousands.
package struct TouchedRows: Sendable {
    /// One flag a row.
    package private(set) var flags: [Bool]
    /// The flagged rows, in the order of their first token.
    package private(set) var rows: [Int] = []

    package init(rowCount: Int) {
        flags = [Bool](repeating: false, count: rowCount)
    }

    package mutating func insert(_ contents: [EncoderInput]) {
        for content in contents {
            for ids in content.segments.lazy.compactMap(\.ids) {
                for id in ids where !flags[Int(id)] {
                    flags[Int(id)] = true
                    rows.append(Int(id))
                }
            }
        }
    }

    package mutating func clear() {
        for row in rows { flags[row] = false }
        rows.removeAll(keepingCapacity: true)
    }
}
