package import Encoder

/// Rows of the token embedding, or of a table of bigrams, that a step gives a gradient to: a few hundred of tens of thousands.
package struct TouchedRows: Sendable {
    /// One flag a row.
    package private(set) var flags: [Bool]
    /// The flagged rows, in the order of their first token.
    package private(set) var rows: [Int] = []

    /// Of the id that fills texts up, if one does.
    private let always: Int32?

    package init(rowCount: Int, always: Int32? = nil) {
        flags = [Bool](repeating: false, count: rowCount)
        self.always = always
    }

    package mutating func insert(_ contents: [EncoderInput]) {
        for content in contents {
            for ids in content.segments.lazy.compactMap(\.ids) {
                for id in ids { insert(id) }
            }
        }
        if let always { insert(always) }
    }

    /// Of a table of bigrams.
    package mutating func insert(_ contents: [EncoderInput], _ bigrams: HashedBigrams) {
        for ids in contents.flatMap(\.segments).lazy.compactMap(\.ids) {
            for row in bigrams.rows(of: ids) { insert(Int32(row)) }
        }
    }

    private mutating func insert(_ id: Int32) {
        guard !flags[Int(id)] else { return }
        flags[Int(id)] = true
        rows.append(Int(id))
    }

    package mutating func clear() {
        for row in rows { flags[row] = false }
        rows.removeAll(keepingCapacity: true)
    }
}
