import Encoder

/// What the first line of a table says, where it names columns: whether it does no file states.
package struct TableHeader: Equatable {
    /// Places of the columns that are a query, its positive, and hard negatives.
    package var query: Int
    package var positive: Int
    package var negatives: [Int]
    package var names: [String]

    /// The surest first.
    private static let queries = [
        "query", "question", "anchor", "premise", "sentence1", "sentence_1", "text1", "first", "input", "prompt",
        "search", "source", "title", "description", "caption", "utterance", "sentence", "text", "message", "q",
    ]
    private static let positives = [
        "positive", "answer", "document", "passage", "context", "hypothesis", "sentence2", "sentence_2", "text2",
        "second", "output", "response", "target", "label", "class", "category", "intent", "summary", "translation",
        "example", "code", "body", "content", "image", "audio", "file", "file_name", "path", "a",
    ]
    private static let hardNegatives = ["negative", "hard_negative", "negatives", "hard_negatives"]

    /// nil where no two columns are named as those of pairs are: then the first line is a pair.
    package init?(_ fields: [String]) {
        let names = fields.map { $0.lowercased().filter { !$0.isWhitespace } }
        func isKnown(_ name: String) -> Bool {
            Self.queries.contains(name) || Self.positives.contains(name) || Self.hardNegatives.contains(name)
        }
        guard names.count >= 2, names.count(where: isKnown) >= 2 else { return nil }
        func place(_ known: [String], among places: [Int]) -> Int? {
            known.lazy.compactMap { name in places.first { names[$0] == name } }.first
        }
        let all = names.indices.filter { !Self.hardNegatives.contains(names[$0]) }
        guard let first = place(Self.queries, among: all) ?? place(Self.positives, among: all) else { return nil }
        let rest = all.filter { $0 != first }
        guard let second = place(Self.positives, among: rest) ?? place(Self.queries, among: rest) else { return nil }
        query = first
        positive = second
        negatives = names.indices.filter { Self.hardNegatives.contains(names[$0]) }
        self.names = fields
    }

    /// The first line of a table; empty where it has none, or none that can be read.
    static func firstLine(_ path: String, isQuoted: Bool) throws(DataError) -> [String] {
        let records = try TextRecords(path: path, quoted: isQuoted)
        guard let first = records.records.first else { return [] }
        let bytes = records.bytes(first)
        do throws(Unreadable) {
            return isQuoted ? try FieldSplitter.quoted(bytes, records.separator) : try FieldSplitter.tabs(bytes)
        } catch { return [] }
    }
}
