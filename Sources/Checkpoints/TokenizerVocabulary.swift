import CastorJSON

/// The vocabulary of a `tokenizer.json`, gone through once; its pieces are not kept.
struct TokenizerVocabulary {
    /// `unk_token` of the model.
    private(set) var unknown: String?
    /// `unk_id` of a Unigram.
    private(set) var unknownID: Int32?
    /// A piece that has the id of another piece or token.
    private(set) var doubled: (piece: String, id: Int)?
    /// How many tokens have so many characters.
    private var lengths: [Int: Int] = [:]
    /// Ids that a piece has, a bit each.
    private var taken: [UInt64] = []

    /// Ids above are those of no table that can be imported.
    private static let mostID = 1 << 22

    /// - Parameter added: tokens beside the vocabulary, or of it, and the ids that they have
    init(_ bytes: UnsafeRawBufferPointer, added: [String: Int]) throws(JSONError) {
        var others = Dictionary(added.map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var options = JSONReader.Options.strict
        options.maxValues = bytes.count
        self = try JSONReader.read(bytes, options) { (json) throws(JSONError) in
            var vocabulary = TokenizerVocabulary()
            try json.startObject()
            while let name = try json.nextName() {
                if name.text == "model" { try vocabulary.readModel(&json, &others) } else { try json.skip() }
            }
            return vocabulary
        }
        for token in others.values { count(token) }
    }

    private init() {}

    private mutating func readModel(_ json: inout JSONReader, _ others: inout [Int: String]) throws(JSONError) {
        try json.startObject()
        while let name = try json.nextName() {
            switch name.text {
            case "unk_token": unknown = try json.takeNull() ? nil : try json.string()
            case "unk_id":
                unknownID = try json.takeNull() ? nil : json.int(try json.number()).flatMap { Int32(exactly: $0) }
            case "vocab":
                if try json.kind() == .list {
                    try readScores(&json, &others)
                } else {
                    try json.startObject()
                    while let name = try json.nextName() {
                        try add(name.text, json.int(try json.number()), &others, json)
                    }
                }
            default: try json.skip()
            }
        }
    }

    /// Pieces with their scores; a piece's place is its id.
    private mutating func readScores(_ json: inout JSONReader, _ others: inout [Int: String]) throws(JSONError) {
        var id = 0
        try json.startList()
        while try json.nextItem() {
            try json.startList()
            if try json.nextItem() { try add(try json.string(), id, &others, json) }
            while try json.nextItem() {}
            id += 1
        }
    }

    private mutating func add(
        _ piece: String, _ id: Int?, _ others: inout [Int: String], _ json: JSONReader
    ) throws(JSONError) {
        guard let id, 0...Self.mostID ~= id else {
            throw json.failure(.value("an id must be a whole number from 0 to \(Self.mostID)"))
        }
        if let token = others[id] {
            if token == piece { others[id] = nil } else { doubled = doubled ?? (piece, id) }
        }
        let (word, bit) = (id / 64, UInt64(1) << UInt64(id % 64))
        if word >= taken.count { taken += Array(repeating: 0, count: max(word + 1, 2 * taken.count) - taken.count) }
        if taken[word] & bit != 0 { doubled = doubled ?? (piece, id) }
        taken[word] |= bit
        count(piece)
    }

    private mutating func count(_ token: String) { lengths[token.unicodeScalars.count, default: 0] += 1 }

    /// Of a token, in characters: half of them are longer. Between two it is their mean, rounded down.
    var medianLength: Int {
        let sorted = lengths.sorted { $0.key < $1.key }
        let total = sorted.reduce(0) { $0 + $1.value }
        func length(at place: Int) -> Int {
            var before = 0
            for (length, count) in sorted {
                before += count
                if place < before { return length }
            }
            return 0
        }
        return (length(at: max(0, total - 1) / 2) + length(at: total / 2)) / 2
    }
}
