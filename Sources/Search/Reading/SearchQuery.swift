/// What is looked for.
package struct SearchQuery: Sendable {
    /// Of unit length, as many values as the index's vectors have: ``QueryVector``.
    package var vector: [Float]
    /// The default is all.
    package var media = Set(Medium.allCases)
    /// Files that are one of these or below it. The default, none, is all.
    package var folders: [RawPath] = []
    /// Files that were changed then or later, in nanoseconds since 1970.
    package var since: Int64?
    /// The default is 10.
    package var limit = 10
    /// Cosine below which nothing is found. The default is none.
    package var threshold: Float?
    /// Values of each vector that count, the first ones. The default is all.
    package var dimensions: Int?
    /// Items of one file at most. The default is 3.
    package var perFile = 3
    /// Items that are not to be found, such as the one that others are to be like.
    package var excluded: Set<Int64> = []
    /// Whether all whole vectors are looked at, instead of the first values of all and the whole of the best. The default is false.
    package var isExact = false
    /// Of the first look, as many are looked at whole. The default is ``defaultShortlist``, or ten times the limit, if that is more.
    package var shortlist: Int?

    package static let defaultShortlist = 400

    package init(_ vector: [Float]) {
        self.vector = vector
    }

    /// The first ``dimensions`` values, of unit length. Throws `emptyQuery` where they are zero.
    func prefix() throws(SearchError) -> [Float] {
        guard let dimensions, dimensions < vector.count else { return vector }
        var prefix = QueryVector()
        prefix.add(Array(vector.prefix(max(1, dimensions))))
        return try prefix.unit()
    }
}

/// Sums of vectors: what is looked for, more and less of something.
package struct QueryVector: Sendable {
    private var sum: [Double] = []

    package init() {}

    /// - Parameter weight: below 0 for what is not wanted
    package mutating func add(_ vector: [Float], weight: Double = 1) {
        if sum.isEmpty { sum = Array(repeating: 0, count: vector.count) }
        precondition(sum.count == vector.count)
        for index in vector.indices { sum[index] += weight * Double(vector[index]) }
    }

    /// Of unit length. Throws `emptyQuery` where nothing is left.
    package func unit() throws(SearchError) -> [Float] {
        let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
        guard length.isFinite, length > Self.least else { throw .emptyQuery }
        return sum.map { Float($0 / length) }
    }

    /// Below it, what is left is the rounding of what was taken from itself.
    private static let least = 1e-5
}

/// An item that was found.
package struct SearchHit: Sendable, Equatable {
    package var item: Int64
    /// The cosine of its whole vector with the query's.
    package var score: Float
    package var medium: Medium
    package var path: RawPath
    package var place: Place
    package var snippet: String
    /// Of the file when it was indexed.
    package var version: FileVersion
    /// What the file was taken for, as in `image/png` and `text/markdown`.
    package var kind: String

    /// Nanoseconds since 1970.
    package var modified: Int64 { version.modified }
    package var size: Int64 { version.size }
}
