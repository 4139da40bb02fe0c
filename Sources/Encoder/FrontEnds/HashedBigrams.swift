/// Which row of a table belongs to a token and the one before it (docs/model.md section 4).
///
/// A piece of a vocabulary that many languages share means different things in them; with its neighbour it is most often one word of
/// one language. Rows are found by a hash, as in fastText (Bojanowski et al. 2017, arXiv 1607.04606): bigrams that share a row are borne.
package struct HashedBigrams: Sendable, Equatable {
    package let rows: Int
    /// Stands before a text's first token.
    let vocabularySize: Int

    package init(rows: Int, vocabularySize: Int) {
        self.rows = rows
        self.vocabularySize = vocabularySize
    }

    /// The row of each token of a text.
    package func rows(of ids: [Int32]) -> [Int] {
        var previous = UInt32(vocabularySize)
        return ids.map { id in
            let token = UInt32(bitPattern: id)
            defer { previous = token }
            return Int(Self.hash(previous, token)) % rows
        }
    }

    /// Of two numbers, in 32 bits; sketches of pieces have it, too (``LexicalPart``).
    static func hash(_ a: UInt32, _ b: UInt32) -> UInt32 {
        var hash = a &* 2_654_435_761 &+ b &* 2_246_822_519
        hash ^= hash >> 15
        hash &*= 3_266_489_917
        return hash ^ hash >> 13
    }
}
