internal import CastorJSON

/// The model of the file. Vocabularies go from the bytes of the file into their tables, with nothing in between.
struct ModelReader {
    private(set) var model: TokenModel?
    /// Pieces in all; a piece that is there twice counts once.
    private(set) var pieceCount = 0
    private(set) var idCount = 0

    static let place = "model"
    /// Of one piece, where each place of a text is compared with all.
    static let mostPieceBytes = 1_024
    static let mostID = Int(Int32.max) - 1

    private struct Fields {
        var type: String?
        var unknown: String?
        var unknownID: Int?
        var continuingPrefix: String?
        var suffix: String?
        var mostCharacters: Int?
        var options = BytePairs.Options()
        var hasByteFallback = false
        /// Readers that stand before the values, which are read when the type is known.
        var vocabulary: JSONReader?
        var merges: JSONReader?
    }

    init(_ json: inout JSONReader) throws(TokenizerError) {
        var fields = Fields()
        do throws(JSONError) {
            try json.startObject()
            while let name = try json.nextName() { try Self.read(&json, name.text, &fields) }
        } catch { throw .json(reason: error.description) }
        guard let vocabulary = fields.vocabulary else { throw .invalid(field: "model.vocab", reason: "is missing") }
        let type = fields.type ?? Self.guessedType(fields)
        switch type {
        case "WordPiece": try readWordPiece(vocabulary, fields)
        case "WordLevel":
            guard let unknown = fields.unknown else { throw .invalid(field: "model.unk_token", reason: "is missing") }
            model = .wordLevel(try readVocabulary(vocabulary), unknown: unknown)
        case "Unigram": try readUnigram(vocabulary, fields)
        case "BPE": try readBytePairs(vocabulary, fields)
        default: throw .unsupported(field: "model.type", value: "\"\(type)\"")
        }
    }

    /// Old files do not say.
    private static func guessedType(_ fields: Fields) -> String {
        if fields.merges != nil { return "BPE" }
        return fields.mostCharacters != nil ? "WordPiece" : fields.unknown != nil ? "WordLevel" : "Unigram"
    }

    private static func read(_ json: inout JSONReader, _ name: String, _ fields: inout Fields) throws(JSONError) {
        switch name {
        case "vocab": fields.vocabulary = try later(&json)
        case "merges": fields.merges = try later(&json)
        case _ where try json.takeNull(): break
        case "type": fields.type = try json.string()
        case "unk_token": fields.unknown = try json.string()
        case "unk_id": fields.unknownID = json.int(try json.number())
        case "continuing_subword_prefix": fields.continuingPrefix = try json.string()
        case "end_of_word_suffix": fields.suffix = try json.string()
        case "max_input_chars_per_word": fields.mostCharacters = json.int(try json.number())
        case "fuse_unk": fields.options.fusesUnknown = try json.bool()
        case "byte_fallback": fields.hasByteFallback = try json.bool()
        case "ignore_merges": fields.options.ignoresMerges = try json.bool()
        case "dropout":
            guard try json.double() == 0 else {
                throw json.failure(.value("dropout is for training, and is not supported"))
            }
        default: break
        }
    }

    private static func later(_ json: inout JSONReader) throws(JSONError) -> JSONReader {
        _ = try json.kind()
        let reader = json
        try json.skip()
        return reader
    }

    // MARK: - Vocabularies

    /// Each piece and its id.
    private mutating func forEachPiece(
        _ reader: JSONReader, _ body: (UnsafeBufferPointer<UInt8>, Int32) -> String?
    ) throws(TokenizerError) {
        var json = reader
        do throws(JSONError) {
            try json.startObject()
            while let name = try json.nextName() {
                let id = json.int(try json.number())
                guard let id, 0...Self.mostID ~= id else {
                    throw json.failure(.value("an id must be a whole number from 0 to \(Self.mostID)"))
                }
                idCount = max(idCount, id + 1)
                if let problem = name.withBytes({ body($0, Int32(id)) }) { throw json.failure(.value(problem)) }
            }
        } catch { throw .json(reason: error.description) }
    }

    private mutating func readVocabulary(_ reader: JSONReader) throws(TokenizerError) -> Vocabulary {
        var vocabulary = Vocabulary()
        try forEachPiece(reader) { piece, id in
            vocabulary.add(piece, id: id)
            return nil
        }
        pieceCount = vocabulary.count
        return vocabulary
    }

    private static func add(_ piece: UnsafeBufferPointer<UInt8>, _ value: Int32, to builder: inout TrieBuilder)
        -> String?
    {
        guard piece.count <= mostPieceBytes else {
            return "a piece of more than \(mostPieceBytes) bytes is not supported"
        }
        // An empty one is never found.
        if !piece.isEmpty { builder.add(piece, value: value) }
        return nil
    }

    private static func trie(_ builder: TrieBuilder) throws(TokenizerError) -> Trie {
        guard let trie = builder.trie() else {
            throw .invalid(field: "model.vocab", reason: "it has more than \(Trie.mostNodes) different beginnings")
        }
        return trie
    }

    private mutating func readWordPiece(_ reader: JSONReader, _ fields: Fields) throws(TokenizerError) {
        guard let unknown = fields.unknown else { throw .invalid(field: "model.unk_token", reason: "is missing") }
        guard let prefix = fields.continuingPrefix else {
            throw .invalid(field: "model.continuing_subword_prefix", reason: "is missing")
        }
        guard let most = fields.mostCharacters, most >= 0 else {
            throw .invalid(field: "model.max_input_chars_per_word", reason: "must be a whole number")
        }
        var builder = TrieBuilder()
        var hasEmpty = false
        try forEachPiece(reader) { piece, id in
            if piece.isEmpty { hasEmpty = true }
            return Self.add(piece, id, to: &builder)
        }
        let trie = try Self.trie(builder)
        pieceCount = trie.count + (hasEmpty ? 1 : 0)
        model = .wordPiece(WordPiece(pieces: trie, unknown: unknown, continuingPrefix: prefix, mostCharacters: most))
    }

    private mutating func readUnigram(_ reader: JSONReader, _ fields: Fields) throws(TokenizerError) {
        var builder = TrieBuilder()
        var scores: [Double] = []
        var json = reader
        do throws(JSONError) {
            try json.startList()
            while try json.nextItem() {
                guard scores.count <= Self.mostID else { throw json.failure(.limit("it has too many pieces")) }
                try json.startList()
                guard try json.nextItem() else { throw json.failure(.value("must be a piece and its score")) }
                let id = Int32(scores.count)
                let problem = try json.withStringBytes { Self.add($0, id, to: &builder) }
                if let problem { throw json.failure(.value(problem)) }
                guard try json.nextItem() else { throw json.failure(.value("must be a piece and its score")) }
                scores.append(try json.double())
                guard try !json.nextItem() else { throw json.failure(.value("must be a piece and its score")) }
            }
        } catch { throw .json(reason: error.description) }
        pieceCount = scores.count
        idCount = scores.count
        if let id = fields.unknownID, !(0..<scores.count ~= id) {
            throw .invalid(field: "model.unk_id", reason: "must be below \(scores.count), is \(id)")
        }
        model = .unigram(
            Unigram(
                pieces: try Self.trie(builder), scores: scores, unknownID: fields.unknownID.map { Int32($0) },
                hasByteFallback: fields.hasByteFallback))
    }

    // MARK: - Byte pairs

    private mutating func readBytePairs(_ reader: JSONReader, _ fields: Fields) throws(TokenizerError) {
        guard let mergesReader = fields.merges else { throw .invalid(field: "model.merges", reason: "is missing") }
        let vocabulary = try readVocabulary(reader)
        var options = fields.options
        options.unknown = fields.unknown
        options.hasByteFallback = fields.hasByteFallback
        options.continuingPrefix = Array((fields.continuingPrefix ?? "").utf8)
        options.suffix = Array((fields.suffix ?? "").utf8)
        let merges = try Self.readMerges(mergesReader, vocabulary, prefixCount: options.continuingPrefix.count)
        model = .bytePairs(BytePairs(vocabulary: vocabulary, merges: merges, options: options))
    }

    private static func readMerges(
        _ reader: JSONReader, _ vocabulary: Vocabulary, prefixCount: Int
    ) throws(TokenizerError) -> Merges {
        var found: [(left: Int32, right: Int32, id: Int32)] = []
        var json = reader
        var pair = MergedPair(prefixCount: prefixCount)
        do throws(JSONError) {
            try json.startList()
            while try json.nextItem() {
                if try json.kind() == .string {
                    guard try json.withStringBytes({ pair.read($0) }) else { continue }
                } else {
                    try json.startList()
                    for part in 0..<2 {
                        guard try json.nextItem() else { throw json.failure(.value("must be two pieces")) }
                        try json.withStringBytes { pair.set(part, $0) }
                    }
                    guard try !json.nextItem() else { throw json.failure(.value("must be two pieces")) }
                }
                do throws(MergedPair.Problem) { found.append(try pair.ids(in: vocabulary)) } catch {
                    throw json.failure(.value(error.reason))
                }
            }
        } catch { throw .json(reason: error.description) }
        var merges = Merges(count: found.count)
        for (rank, merge) in found.enumerated() { merges.add(merge.left, merge.right, rank: rank, id: merge.id) }
        return merges
    }
}

/// Two pieces that are joined, as the file has them.
struct MergedPair {
    struct Problem: Error {
        var reason: String
    }

    /// Of what is not repeated when the second is joined to the first.
    let prefixCount: Int
    private var left: [UInt8] = []
    private var right: [UInt8] = []
    private var isPair = true

    init(prefixCount: Int) {
        self.prefixCount = prefixCount
    }

    mutating func set(_ part: Int, _ bytes: UnsafeBufferPointer<UInt8>) {
        isPair = true
        if part == 0 {
            left.removeAll(keepingCapacity: true)
            left.append(contentsOf: bytes)
        } else {
            right.removeAll(keepingCapacity: true)
            right.append(contentsOf: bytes)
        }
    }

    /// The older form, `a b`. False where it is a comment.
    mutating func read(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        if line.starts(with: "#version".utf8) { return false }
        let space = UInt8(ascii: " ")
        guard let place = line.firstIndex(of: space), !line[(place + 1)...].contains(space) else {
            isPair = false
            return true
        }
        set(0, UnsafeBufferPointer(rebasing: line[..<place]))
        set(1, UnsafeBufferPointer(rebasing: line[(place + 1)...]))
        return true
    }

    mutating func ids(in vocabulary: Vocabulary) throws(Problem) -> (left: Int32, right: Int32, id: Int32) {
        guard isPair else { throw Problem(reason: "must be two pieces with a space between them") }
        guard let leftID = vocabulary.id(of: left) else { throw Problem(reason: Self.unknown(left)) }
        guard let rightID = vocabulary.id(of: right) else { throw Problem(reason: Self.unknown(right)) }
        guard right.count >= prefixCount else { throw Problem(reason: "the second piece lacks the prefix") }
        left.append(contentsOf: right[prefixCount...])
        guard let id = vocabulary.id(of: left) else { throw Problem(reason: Self.unknown(left)) }
        return (leftID, rightID, id)
    }

    private static func unknown(_ piece: [UInt8]) -> String {
        "the vocabulary lacks the piece \"\(String(decoding: piece.prefix(100), as: UTF8.self))\""
    }
}
