/// A token that is found in a text as it stands, before the text is cut.
struct AddedToken: Sendable, Equatable {
    var content: String
    var isSingleWord = false
    /// Whether spaces before it, and behind it, belong to it.
    var stripsLeft = false
    var stripsRight = false
    /// Whether it is looked for in the normalised text.
    var isNormalized = true
    var isSpecial = false
}

/// Tokens to look for: the longest at each place, from the left, none within another.
struct AddedTokenSet: Sendable {
    private var trie = Trie()
    private var tokens: [(token: AddedToken, id: Int32)] = []
    private var begins = [Bool](repeating: false, count: 256)

    var isEmpty: Bool { tokens.isEmpty }

    /// False where it is there already, or empty.
    mutating func add(_ token: AddedToken, id: Int32, as text: [UInt8]) -> Bool {
        guard let first = text.first, trie.value(of: text) == nil else { return false }
        begins[Int(first)] = true
        tokens.append((token, id))
        return trie.insert(text, value: Int32(tokens.count - 1))
    }

    /// A stretch of a text, and the token that it is.
    struct Stretch {
        var range: Range<Int>
        var id: Int32?
    }

    /// - Parameter readsSpecial: false to take special tokens in the text as any other text
    func find(in text: UnsafeBufferPointer<UInt8>, readsSpecial: Bool) -> [Stretch] {
        guard !isEmpty, let base = text.baseAddress else { return [Stretch(range: 0..<text.count, id: nil)] }
        var result: [Stretch] = []
        var open = 0
        var position = 0
        while position < text.count {
            guard begins[Int(base[position])], let (index, end) = longest(text, position) else {
                position += 1
                continue
            }
            let found = position..<end
            position = end
            let (token, id) = tokens[index]
            if !readsSpecial, token.isSpecial { continue }
            if token.isSingleWord, !isWord(base, found, text.count) { continue }
            var (start, stop) = (found.lowerBound, found.upperBound)
            if token.stripsLeft {
                while start > open {
                    let code = UTF8Characters.previous(base, start)
                    guard CharacterSet.spaces.contains(code) else { break }
                    start -= code < 0x80 ? 1 : code < 0x800 ? 2 : 3
                }
                // Spaces that a token before it took are gone.
                start = max(start, open)
            }
            if token.stripsRight {
                while stop < text.count {
                    var next = stop
                    guard CharacterSet.spaces.contains(UTF8Characters.next(base, &next)) else { break }
                    stop = next
                }
            }
            if open < start { result.append(Stretch(range: open..<start, id: nil)) }
            result.append(Stretch(range: min(start, stop)..<stop, id: id))
            open = stop
        }
        if open != text.count { result.append(Stretch(range: open..<text.count, id: nil)) }
        return result
    }

    private func longest(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> (index: Int, end: Int)? {
        var node = Trie.root
        var end = start
        var found: (Int, Int)?
        while end < text.count {
            node = trie.child(node, text[end])
            if node == Trie.root { break }
            end += 1
            if trie.value(node) >= 0 { found = (Int(trie.value(node)), end) }
        }
        return found
    }

    private func isWord(_ base: UnsafePointer<UInt8>, _ range: Range<Int>, _ count: Int) -> Bool {
        if range.lowerBound > 0, CharacterSet.words.contains(UTF8Characters.previous(base, range.lowerBound)) {
            return false
        }
        var next = range.upperBound
        return next == count || !CharacterSet.words.contains(UTF8Characters.next(base, &next))
    }
}
