/// What makes ids of a piece of text.
enum TokenModel: Sendable {
    case wordPiece(WordPiece)
    case wordLevel(Vocabulary, unknown: String)
    case unigram(Unigram)
    case bytePairs(BytePairs)

    /// Memory that is used again from one piece to the next.
    struct Scratch {
        var nodes: [Unigram.Node] = []
        var bytePairs = BytePairs.Scratch()
    }

    func encode(
        _ piece: UnsafeBufferPointer<UInt8>, _ scratch: inout Scratch, into ids: inout [Int32]
    ) throws(TokenizerError) {
        switch self {
        case .wordPiece(let model): try model.encode(piece, into: &ids)
        case .unigram(let model): try model.encode(piece, &scratch.nodes, into: &ids)
        case .bytePairs(let model): try model.encode(piece, &scratch.bytePairs, into: &ids)
        case .wordLevel(let vocabulary, let unknown):
            guard let id = vocabulary.id(of: piece) ?? vocabulary.id(of: Array(unknown.utf8)) else {
                throw .unknown(token: unknown)
            }
            ids.append(id)
        }
    }

    func id(of piece: [UInt8]) -> Int32? {
        switch self {
        case .wordPiece(let model): model.pieces.value(of: piece)
        case .unigram(let model): model.pieces.value(of: piece)
        case .bytePairs(let model): model.vocabulary.id(of: piece)
        case .wordLevel(let vocabulary, _): vocabulary.id(of: piece)
        }
    }

    /// Tokens before the end of a text that was cut that may be others in the whole text, counted within one piece.
    var mostUncertainTokens: Int {
        switch self {
        case .wordPiece, .wordLevel: .max
        case .unigram, .bytePairs: 64
        }
    }
}
