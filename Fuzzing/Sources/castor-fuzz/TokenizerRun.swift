import Tokenizers

/// A `tokenizer.json`, and texts for what is made of it: ids that it can have, not more than asked for, or an error.
enum TokenizerRun {
    private static let limit = 64

    private static let texts = [
        "a sleepy kitten", "Don't  stop: 3,14 \u{1F600}\u{200D}\u{1F525} <|image|>[SEP]<tag>",
        "e\u{301}\u{316}\u{345}ﬁ 한국어 漢字 İ\r\n\t\0\u{FFFD}",
        String(repeating: "a", count: 3_000), String(repeating: " \u{301}", count: 500),
    ]

    static func run(_ input: [UInt8]) throws {
        guard let tokenizer = try? TextTokenizer(json: input) else { return }
        var options = TextTokenizer.Options()
        for text in texts {
            options.readsSpecialTokens.toggle()
            guard let (ids, _) = try? tokenizer.encode(text, limit: limit, options: options) else { continue }
            guard ids.count <= limit else { throw Finding(description: "\(ids.count) ids of \(limit)") }
            for id in ids where !(0..<tokenizer.idCount ~= Int(id)) {
                throw Finding(description: "id \(id) of \(tokenizer.idCount)")
            }
        }
    }
}
