import CastorJSON
import Encoder
import Tokenizers

/// `tokenizer.json`, opened as a model's tokenizer is, and checked for what that does not look at.
struct HubTokenizer {
    let tokenizer: TextTokenizer
    let vocabulary: TokenizerVocabulary
    private static let name = "tokenizer.json"

    init(_ folder: HubFolder) throws(CheckpointError) {
        let file = try folder.file(Self.name)
        let skeleton = try TokenizerSkeleton(folder)
        do { tokenizer = try TextTokenizer(json: file.bytes) } catch {
            throw .unreadable(path: file.path, reason: error.description)
        }
        var added: [String: Int] = [:]
        for content in skeleton.added.keys { added[content] = tokenizer.id(of: content).map(Int.init) }
        do { vocabulary = try TokenizerVocabulary(file.bytes, added: added) } catch {
            throw .unreadable(path: file.path, reason: error.description)
        }
        if let (piece, id) = vocabulary.doubled {
            throw .field(
                file: Self.name, key: "model.vocab",
                reason: "\"\(piece)\" has the id \(id), as another piece or token has")
        }
    }

    /// Throws where a text may have an id without a row.
    func check(rows: Int) throws(CheckpointError) {
        guard tokenizer.idCount <= rows else {
            throw .field(
                file: Self.name, key: "model.vocab",
                reason: "has ids up to \(tokenizer.idCount - 1), the embedding has \(rows) rows")
        }
    }

    /// The token for what the vocabulary lacks.
    var unknownID: Int32? { vocabulary.unknownID ?? vocabulary.unknown.flatMap { tokenizer.id(of: $0) } }
}
