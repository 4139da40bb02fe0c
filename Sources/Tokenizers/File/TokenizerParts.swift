/// What a `tokenizer.json` says, checked.
struct TokenizerParts {
    var model: TokenModel
    var normalizers: [Normalizer]
    var preTokenizers: [PreTokenizer]
    var addedTokens: AddedTokenSet
    var normalizedTokens: AddedTokenSet
    var addedIDs: [String: Int32]
    var prefix: [Int32]
    var suffix: [Int32]
    var limit: Int?
    var idCount: Int
}
