/// How far an indexing run is.
package struct IndexProgress: Sendable {
    /// Of ``total``, files that were looked into.
    package var files = 0
    /// Files that have to be looked into.
    package var total = 0
    package var items = 0
    package var bytes: Int64 = 0
    package var totalBytes: Int64 = 0
}

/// What an indexing run did.
package struct IndexSummary: Sendable, Equatable {
    package var unchanged = 0
    package var added = 0
    package var changed = 0
    /// Renamed, or touched: the same bytes.
    package var moved = 0
    /// With the same bytes as another file, whose vectors they got.
    package var copied = 0
    package var removed = 0
    /// Of ``removed``, texts whose pictures have them in their items now.
    package var joined = 0
    /// Vectors that were computed.
    package var items = 0
    /// Passed over because `.castorignore` says so.
    package var ignored = 0
    /// Files that have none, or not all, of their items, and folders that could not be read: all that the index knows of.
    package var problems: [Problem.Reason: Int] = [:]
    /// Roots below which the index knows files, and in which there is none now: nothing of them was forgotten.
    package var emptyRoots: [RawPath] = []
    /// Whether the index is another now.
    package var isChange: Bool { added + changed + moved + copied + removed > 0 }
    /// That were walked through, for ``FolderWatch``.
    package var folders: [RawPath] = []
    package var isStopped = false
}
