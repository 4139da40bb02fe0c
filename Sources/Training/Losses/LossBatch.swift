package import CastorNumerics
package import Encoder

/// What a step trains on: pairs, optional hard negatives, optional teacher vectors.
package struct PairBatch: Sendable {
    package var queries: [EncoderInput]
    /// One a query; or none at all, when only a teacher is followed.
    package var positives: [EncoderInput]
    /// One list a query, or none at all.
    package var negatives: [[EncoderInput]]
    /// Vectors of another model for the queries, `[queries, t]`; any length of vector but 0.
    package var queryTeachers: Matrix?
    /// The same for the positives.
    package var positiveTeachers: Matrix?

    package init(
        queries: [EncoderInput], positives: [EncoderInput] = [], negatives: [[EncoderInput]] = [],
        queryTeachers: Matrix? = nil, positiveTeachers: Matrix? = nil
    ) {
        precondition(!queries.isEmpty, "a batch has at least one query")
        precondition(positives.isEmpty || positives.count == queries.count)
        precondition(negatives.isEmpty || negatives.count == queries.count)
        precondition(queryTeachers.map { $0.rows == queries.count } ?? true)
        precondition(positiveTeachers.map { $0.rows == positives.count } ?? true)
        self.queries = queries
        self.positives = positives
        self.negatives = negatives
        self.queryTeachers = queryTeachers
        self.positiveTeachers = positiveTeachers
    }

    /// Queries, positives, negatives, one after the other: the order of the rows that a loss reads.
    package var contents: [EncoderInput] { queries + positives + negatives.flatMap { $0 } }
}

/// The model's rows of a batch, and what a loss must know about the contents behind them.
package struct LossBatch: Sendable {
    /// `[n, D]`, before normalisation
    package let queries: Matrix
    /// `[n, D]` or `[0, D]`
    package let positives: Matrix
    /// `[k, D]`
    package let negatives: Matrix
    /// Query of each negative.
    package let negativeOwners: [Int]
    package let queryHashes: [ContentHash]
    package let positiveHashes: [ContentHash]
    package let negativeHashes: [ContentHash]
    package let queryTeachers: Matrix?
    package let positiveTeachers: Matrix?

    /// - Parameter rows: the rows of `batch.contents`
    package init(_ batch: PairBatch, rows: Matrix) {
        let (n, p) = (batch.queries.count, batch.positives.count)
        precondition(rows.rows == n + p + batch.negatives.reduce(0) { $0 + $1.count })
        queries = rows[0..<n]
        positives = rows[n..<n + p]
        negatives = rows[n + p..<rows.rows]
        negativeOwners = batch.negatives.enumerated().flatMap { index, list in list.map { _ in index } }
        queryHashes = batch.queries.map(\.contentHash)
        positiveHashes = batch.positives.map(\.contentHash)
        negativeHashes = batch.negatives.flatMap { $0.map(\.contentHash) }
        queryTeachers = batch.queryTeachers
        positiveTeachers = batch.positiveTeachers
    }

    /// The same division of another matrix with a row a content: the gradient.
    func split(_ rows: Matrix) -> (queries: Matrix, positives: Matrix, negatives: Matrix) {
        let (n, p) = (queries.rows, positives.rows)
        return (rows[0..<n], rows[n..<n + p], rows[n + p..<rows.rows])
    }
}
