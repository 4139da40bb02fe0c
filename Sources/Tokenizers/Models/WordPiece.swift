/// Words by their longest pieces, from the left; a word that pieces do not make up is one unknown token.
struct WordPiece: Sendable {
    let pieces: Trie
    let unknown: String
    let unknownID: Int32?
    /// Where pieces that do not begin a word begin; nil where there are none.
    let continued: Trie.Node?
    let mostCharacters: Int

    init(pieces: Trie, unknown: String, continuingPrefix: String, mostCharacters: Int) {
        self.pieces = pieces
        self.unknown = unknown
        unknownID = pieces.value(of: unknown.utf8)
        continued = pieces.node(of: continuingPrefix.utf8)
        self.mostCharacters = mostCharacters
    }

    func encode(_ word: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) throws(TokenizerError) {
        let count = ids.count
        guard word.count > mostCharacters, word.count(where: { $0 & 0xc0 != 0x80 }) > mostCharacters else {
            if append(word, to: &ids) { return }
            ids.removeLast(ids.count - count)
            return try appendUnknown(to: &ids)
        }
        try appendUnknown(to: &ids)
    }

    private func append(_ word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) -> Bool {
        var start = 0
        while start < word.count {
            guard var node = start == 0 ? Trie.root : continued else { return false }
            var end = start
            var (found, foundEnd): (Int32, Int) = (-1, 0)
            while end < word.count {
                node = pieces.child(node, word[end])
                if node == Trie.root { break }
                end += 1
                let value = pieces.value(node)
                if value >= 0 { (found, foundEnd) = (value, end) }
            }
            guard found >= 0 else { return false }
            ids.append(found)
            start = foundEnd
        }
        return true
    }

    private func appendUnknown(to ids: inout [Int32]) throws(TokenizerError) {
        guard let unknownID else { throw .unknown(token: unknown) }
        ids.append(unknownID)
    }
}
