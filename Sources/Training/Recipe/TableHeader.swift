import Encoder

/// What the first line of a table says, where it names columns: whether it does no file states.
package struct TableHeader: Equatable {
    /// Places of the columns that are a query, its positive, and hard negatives.
    package var query: Int
    package var positive: Int
    package var negatives: [Int]
    package var names: [String]

    private static let queries: Set = [
        "query", "question", "anchor", "premise", "sentence1", "sentence_1", "text1", "first", "input", "prompt",
        "search", "source", "text", "sentence", "utterance", "caption", "description", "title", "message", "q",
    ]
    private static let positives: Set = [
        "positive", "answer", "document", "passage", "context", "hypothesis", "sentence2", "sentence_2", "text2",
        "second", "output", "response", "target", "label", "class", "category", "intent", "summary", "translation",
        "example", "code", "body", "content", "image", "audio", "file", "file_name", "path", "a",
    ]
    private static let hardNegatives: Set = ["negative", "hard_negative", "negatives", "hard_negatives"]

    /// nil where no two columns are named as those of pairs are: then the first line is a pair.
    package init?(_ fields: [String]) {
        let names = fields.map { $0.lowercased().filter { !$0.isWhitespace } }
        func isKnown(_ name: String) -> Bool {
            Self.queries.contains(name) || Self.positives.contains(name) || Self.hardNegatives.contains(name)
        }
        guard names.count >= 2, names.count(where: isKnown) >= 2 else { return nil }
        // A column that can only be one of the two leaves the other to what may be both.
        let first =
            names.firstIndex(where: Self.queries.contains) ?? names.firstIndex { Self.positives.contains($0) } ?? 0
        let rest = names.indices.filter { $0 != first && !Self.hardNegatives.contains(names[$0]) }
        guard
            let second = rest.first(where: { Self.positives.contains(names[$0]) })
                ?? rest.first(where: { isKnown(names[$0]) })
        else { return nil }
        query = first
        positive = second
        negatives = names.indices.filter { Self.hardNegatives.contains(names[$0]) }
        self.names = fields
    }

    /// Of the file at `path`; nil where it has none.
    init?(path: String, isQuoted: Bool) throws(DataError) {
        let records = try TextRecords(path: path, quoted: isQuoted)
        guard let first = records.records.first else { return nil }
        let bytes = records.bytes(first)
        let fields: [String]
        do throws(Unreadable) {
            fields = isQuoted ? try FieldSplitter.commas(bytes) : try FieldSplitter.tabs(bytes)
        } catch { return nil }
        self.init(fields)
    }
}
