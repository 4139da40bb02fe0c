/// Why a `tokenizer.json` cannot be used, or a text not be tokenised. Fields are named as the file has them: `pre_tokenizer.pretokenizers[1].type`.
public enum TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// It is no JSON, or a value is of another kind than it must be.
    case json(reason: String)
    /// The library `tokenizers` knows it, and this one does not.
    case unsupported(field: String, value: String)
    /// Nothing can be made of it.
    case invalid(field: String, reason: String)
    /// Oniguruma or utf8proc.
    case library(name: String, reason: String)
    /// A character that the vocabulary lacks, and no token for what is unknown.
    case unknown(token: String?)
    /// A regular expression of the file goes over a text again and again.
    case pattern(field: String)
    /// A step makes very much out of a text.
    case expansion(bytes: Int, limit: Int)

    public var description: String {
        switch self {
        case .json(let reason): reason
        case .unsupported(let field, let value): "\(field): \(value) is not supported"
        case .invalid(let field, let reason): "\(field): \(reason)"
        case .library(let name, let reason): "\(name) is missing: \(reason)"
        case .unknown(let token?):
            "model.unk_token: the vocabulary lacks \(token), which a character needs that it lacks too"
        case .unknown(nil): "model.unk_id: there is none, and a character is not in the vocabulary"
        case .pattern(let field): "\(field): the pattern takes too many steps on this text"
        case .expansion(let bytes, let limit): "normalizer: it makes \(bytes) bytes of a text, more than \(limit)"
        }
    }
}
