/// Byte pair encoding: characters, of which neighbours are joined, those first that were joined first in training.
struct BytePairs: Sendable {
    struct Options: Sendable {
        var unknown: String?
        var continuingPrefix: [UInt8] = []
        var suffix: [UInt8] = []
        var fusesUnknown = false
        var hasByteFallback = false
        /// Whether a whole word that is a piece is that piece, whatever the merges would make of it.
        var ignoresMerges = false
    }

    let vocabulary: Vocabulary
    let merges: Merges
    let options: Options
    private let unknownID: Int32?
    private let byteIDs: [Int32]
    /// Ids of the characters below U+0800; -1 where there is none. Empty where a prefix or a suffix is added.
    private let characterIDs: [Int32]

    init(vocabulary: Vocabulary, merges: Merges, options: Options) {
        self.vocabulary = vocabulary
        self.merges = merges
        self.options = options
        unknownID = options.unknown.flatMap { vocabulary.id(of: Array($0.utf8)) }
        byteIDs = options.hasByteFallback ? ByteFallback.ids { vocabulary.id(of: $0) } : []
        if options.continuingPrefix.isEmpty {
            characterIDs = (0..<0x800).map { (code: UInt32) in
                var bytes: [UInt8] = []
                UTF8Characters.append(code, to: &bytes)
                return vocabulary.id(of: bytes) ?? -1
            }
        } else {
            characterIDs = []
        }
    }

    /// A piece of the word, in a list of them.
    struct Symbol {
        var id: Int32
        var previous: Int32
        var next: Int32
        /// Of the pair that this one and the next are.
        var rank: UInt32
    }

    struct Scratch {
        var ids: [Int32] = []
        var ranks: [UInt32] = []
        var key: [UInt8] = []
        var symbols: [Symbol] = []
        var heap: [UInt64] = []
    }

    func encode(
        _ word: UnsafeBufferPointer<UInt8>, _ scratch: inout Scratch, into ids: inout [Int32]
    ) throws(TokenizerError) {
        if options.ignoresMerges, let id = vocabulary.id(of: word) {
            ids.append(id)
            return
        }
        scratch.ids.removeAll(keepingCapacity: true)
        try appendCharacters(of: word, &scratch)
        switch scratch.ids.count {
        case 0, 1: ids.append(contentsOf: scratch.ids)
        case 2...Self.fewSymbols: mergeFew(&scratch, into: &ids)
        default: mergeMany(&scratch, into: &ids)
        }
    }

    // MARK: - Characters

    private func appendCharacters(
        of word: UnsafeBufferPointer<UInt8>, _ scratch: inout Scratch
    ) throws(TokenizerError) {
        guard let base = word.baseAddress else { return }
        var position = 0
        // One that is not yet written, since others may be joined to it.
        var hasUnknown = false
        while position < word.count {
            let start = position
            let code = UTF8Characters.next(base, &position)
            var id: Int32 = -1
            let isPlain = !characterIDs.isEmpty && (options.suffix.isEmpty || position < word.count)
            if isPlain, code < 0x800 {
                id = characterIDs[Int(code)]
                if id < 0, byteIDs.isEmpty, options.unknown == nil { continue }
            } else if isPlain {
                id = vocabulary.id(of: UnsafeBufferPointer(rebasing: word[start..<position])) ?? -1
            } else {
                fillKey(word[start..<position], isFirst: start == 0, isLast: position == word.count, &scratch.key)
                id = vocabulary.id(of: scratch.key) ?? -1
            }
            if id >= 0 {
                if hasUnknown { scratch.ids.append(try knownUnknown()) }
                hasUnknown = false
                scratch.ids.append(id)
                continue
            }
            if !byteIDs.isEmpty {
                fillKey(word[start..<position], isFirst: start == 0, isLast: position == word.count, &scratch.key)
                if scratch.key.allSatisfy({ byteIDs[Int($0)] >= 0 }) {
                    for byte in scratch.key { scratch.ids.append(byteIDs[Int(byte)]) }
                    continue
                }
            }
            guard options.unknown != nil else { continue }
            let unknown = try knownUnknown()
            if hasUnknown, !options.fusesUnknown { scratch.ids.append(unknown) }
            hasUnknown = true
        }
        if hasUnknown { scratch.ids.append(try knownUnknown()) }
    }

    private func fillKey(
        _ character: Slice<UnsafeBufferPointer<UInt8>>, isFirst: Bool, isLast: Bool, _ key: inout [UInt8]
    ) {
        key.removeAll(keepingCapacity: true)
        if !isFirst { key.append(contentsOf: options.continuingPrefix) }
        key.append(contentsOf: character)
        if isLast { key.append(contentsOf: options.suffix) }
    }

    private func knownUnknown() throws(TokenizerError) -> Int32 {
        guard let unknownID else { throw .unknown(token: options.unknown) }
        return unknownID
    }

    // MARK: - Merges

    /// So many are quicker merged in an array, where all are looked at for the next pair.
    private static let fewSymbols = 24

    private func mergeFew(_ scratch: inout Scratch, into ids: inout [Int32]) {
        var count = scratch.ids.count
        if scratch.ranks.count < count { scratch.ranks = [UInt32](repeating: 0, count: Self.fewSymbols) }
        scratch.ids.withUnsafeMutableBufferPointer { symbols in
            scratch.ranks.withUnsafeMutableBufferPointer { ranks in
                for index in 0..<count - 1 { ranks[index] = merges[symbols[index], symbols[index + 1]].rank }
                while count > 1 {
                    var (best, place) = (Merges.none, 0)
                    for index in 0..<count - 1 where ranks[index] < best { (best, place) = (ranks[index], index) }
                    guard best != Merges.none else { break }
                    symbols[place] = merges[symbols[place], symbols[place + 1]].id
                    count -= 1
                    var index = place + 1
                    while index < count {
                        symbols[index] = symbols[index + 1]
                        ranks[index - 1] = ranks[index]
                        index += 1
                    }
                    if place + 1 < count { ranks[place] = merges[symbols[place], symbols[place + 1]].rank }
                    if place > 0 { ranks[place - 1] = merges[symbols[place - 1], symbols[place]].rank }
                }
                ids.append(contentsOf: symbols[..<count])
            }
        }
    }

    private func mergeMany(_ scratch: inout Scratch, into ids: inout [Int32]) {
        let count = scratch.ids.count
        scratch.symbols.removeAll(keepingCapacity: true)
        scratch.heap.removeAll(keepingCapacity: true)
        for (index, id) in scratch.ids.enumerated() {
            let isLast = index == count - 1
            let rank = isLast ? Merges.none : merges[id, scratch.ids[index + 1]].rank
            scratch.symbols.append(
                Symbol(id: id, previous: Int32(index) - 1, next: isLast ? -1 : Int32(index) + 1, rank: rank))
            if rank != Merges.none { scratch.heap.append(UInt64(rank) << 32 | UInt64(index)) }
        }
        var heap = MinimumHeap(scratch.heap)
        scratch.symbols.withUnsafeMutableBufferPointer { symbols in
            func update(_ index: Int) {
                let next = Int(symbols[index].next)
                symbols[index].rank = next < 0 ? Merges.none : merges[symbols[index].id, symbols[next].id].rank
                if symbols[index].rank != Merges.none {
                    heap.push(UInt64(symbols[index].rank) << 32 | UInt64(index))
                }
            }
            while let top = heap.pop() {
                let index = Int(top & 0xffff_ffff)
                // Entries of pairs that are no more stay in the heap.
                guard symbols[index].rank == UInt32(top >> 32) else { continue }
                let right = Int(symbols[index].next)
                symbols[index].id = merges[symbols[index].id, symbols[right].id].id
                symbols[index].next = symbols[right].next
                symbols[right].rank = Merges.none
                if symbols[right].next >= 0 { symbols[Int(symbols[right].next)].previous = Int32(index) }
                update(index)
                if symbols[index].previous >= 0 { update(Int(symbols[index].previous)) }
            }
            var index = 0
            while index >= 0 {
                ids.append(symbols[index].id)
                index = Int(symbols[index].next)
            }
        }
        scratch.heap = heap.values
    }
}

/// The least value first.
struct MinimumHeap {
    private(set) var values: [UInt64]

    init(_ values: [UInt64]) {
        self.values = values
        for index in stride(from: values.count / 2 - 1, through: 0, by: -1) { sink(index) }
    }

    mutating func push(_ value: UInt64) {
        values.append(value)
        var index = values.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard values[parent] > value else { break }
            values[index] = values[parent]
            index = parent
        }
        values[index] = value
    }

    mutating func pop() -> UInt64? {
        guard let top = values.first, let last = values.popLast() else { return nil }
        if !values.isEmpty {
            values[0] = last
            sink(0)
        }
        return top
    }

    private mutating func sink(_ start: Int) {
        let value = values[start]
        var index = start
        while true {
            var child = 2 * index + 1
            guard child < values.count else { break }
            if child + 1 < values.count, values[child + 1] < values[child] { child += 1 }
            guard values[child] < value else { break }
            values[index] = values[child]
            index = child
        }
        values[index] = value
    }
}
