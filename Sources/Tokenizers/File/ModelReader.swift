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
        /// Readers that stand before what can be read only when more is known.
        var vocabulary: JSONReader?
        var merges: JSONReader?
    }

    /// What a vocabulary was read into.
    private var pieces: Vocabulary?
    private var beginnings: TrieBuilder?
    private var scores: [Double] = []
    private var hasEmptyPiece = false

    /// Of the value that is due.
    init(_ json: inout JSONReader) throws(TokenizerError) {
        var fields = Fields()
        do throws(JSONError) {
            try json.startObject()
            while let name = try json.nextName() { try read(&json, name.text, &fields) }
        } catch { throw .json(reason: error.description) }
        let type = fields.type ?? Self.guessedType(fields)
        guard Self.types.contains(type) else { throw .unsupported(field: "model.type", value: "\"\(type)\"") }
        if var later = fields.vocabulary, pieces == nil, beginnings == nil {
            do throws(JSONError) { try readVocabulary(&later, type) } catch { throw .json(reason: error.description) }
        }
        guard fields.vocabulary != nil else { throw .invalid(field: "model.vocab", reason: "is missing") }
        switch type {
        case "WordPiece": try makeWordPiece(fields)
        case "Unigram": try makeUnigram(fields)
        case "BPE": try makeBytePairs(fields)
        default:
            guard let unknown = fields.unknown else { throw .invalid(field: "model.unk_token", reason: "is missing") }
            model = .wordLevel(pieces ?? Vocabulary(), unknown: unknown)
        }
    }

    private static let types: Set<String> = ["WordPiece", "WordLevel", "Unigram", "BPE"]

    /// Old files do not say.
    private static func guessedType(_ fields: Fields) -> String {
        if fields.merges != nil { return "BPE" }
        return fields.mostCharacters != nil ? "WordPiece" : fields.unknown != nil ? "WordLevel" : "Unigram"
    }

    private mutating func read(_ json: inout JSONReader, _ name: String, _ fields: inout Fields) throws(JSONError) {
        switch name {
        case "vocab":
            _ = try json.kind()
            fields.vocabulary = json
            // At once where the type stands before it, as it does in what the library writes.
            if let type = fields.type, Self.types.contains(type) {
                try readVocabulary(&json, type)
            } else {
                try json.skip()
            }
        case "merges":
            _ = try json.kind()
            fields.merges = json
            try json.skip()
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

    // MARK: - Vocabularies

    /// What is there from a vocabulary of the same name before it is gone.
    private mutating func readVocabulary(_ json: inout JSONReader, _ type: String) throws(JSONError) {
        (pieces, beginnings, scores, hasEmptyPiece, idCount) = (nil, nil, [], false, 0)
        switch type {
        case "Unigram": try readScores(&json)
        case "WordPiece":
            var builder = TrieBuilder()
            try forEachPiece(&json) { piece, id in Self.add(piece, id, to: &builder) }
            beginnings = builder
        default:
            var vocabulary = Vocabulary()
            try forEachPiece(&json) { piece, id in
                vocabulary.add(piece, id: id)
                return nil
            }
            pieces = vocabulary
            pieceCount = vocabulary.count
        }
    }

    /// Each piece and its id.
    private mutating func forEachPiece(
        _ json: inout JSONReader, _ body: (UnsafeBufferPointer<UInt8>, Int32) -> String?
    ) throws(JSONError) {
        try json.startObject()
        while let name = try json.nextName() {
            let id = json.int(try json.number())
            guard let id, 0...Self.mostID ~= id else {
                throw json.failure(.value("an id must be a whole number from 0 to \(Self.mostID)"))
            }
            idCount = max(idCount, id + 1)
            let problem = name.withBytes { piece in
                if piece.isEmpty { hasEmptyPiece = true }
                return body(piece, Int32(id))
            }
            if let problem { throw json.failure(.value(problem)) }
        }
    }

    /// Pieces with their scores; a piece's place is its id.
    private mutating func readScores(_ json: inout JSONReader) throws(JSONError) {
        var builder = TrieBuilder()
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
        beginnings = builder
    }

    private static func add(
        _ piece: UnsafeBufferPointer<UInt8>, _ value: Int32, to builder: inout TrieBuilder
    ) -> String? {
        guard piece.count <= mostPieceBytes else {
            return "a piece of more than \(mostPieceBytes) bytes is not supported"
        }
        // An empty one is never found.
        if !piece.isEmpty { builder.add(piece, value: value) }
        return nil
    }

    private func trie() throws(TokenizerError) -> Trie {
        guard let trie = (beginnings ?? TrieBuilder()).trie() else {
            throw .invalid(field: "model.vocab", reason: "it has more than \(Trie.mostNodes) different beginnings")
        }
        return trie
    }

    // MARK: - Models

    private mutating func makeWordPiece(_ fields: Fields) throws(TokenizerError) {
        guard let unknown = fields.unknown else { throw .invalid(field: "model.unk_token", reason: "is missing") }
        guard let prefix = fields.continuingPrefix else {
            throw .invalid(field: "model.continuing_subword_prefix", reason: "is missing")
        }
        guard let most = fields.mostCharacters, most >= 0 else {
            throw .invalid(field: "model.max_input_chars_per_word", reason: "must be a whole number")
        }
        let trie = try trie()
        pieceCount = trie.count + (hasEmptyPiece ? 1 : 0)
        model = .wordPiece(WordPiece(pieces: trie, unknown: unknown, continuingPrefix: prefix, mostCharacters: most))
    }

    private mutating func makeUnigram(_ fields: Fields) throws(TokenizerError) {
        pieceCount = scores.count
        idCount = scores.count
        if let id = fields.unknownID, !(0..<scores.count ~= id) {
            throw .invalid(field: "model.unk_id", reason: "must be below \(scores.count), is \(id)")
        }
        model = .unigram(
            Unigram(
                pieces: try trie(), scores: scores, unknownID: fields.unknownID.map { Int32($0) },
                hasByteFallback: fields.hasByteFallback))
    }

    private mutating func makeBytePairs(_ fields: Fields) throws(TokenizerError) {
        guard let reader = fields.merges else { throw .invalid(field: "model.merges", reason: "is missing") }
        let vocabulary = pieces ?? Vocabulary()
        var options = fields.options
        options.unknown = fields.unknown
        options.hasByteFallback = fields.hasByteFallback
        options.continuingPrefix = Array((fields.continuingPrefix ?? "").utf8)
        options.suffix = Array((fields.suffix ?? "").utf8)
        let merges = try Self.readMerges(reader, vocabulary, prefixCount: options.continuingPrefix.count)
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
