package import Vectors

/// Something with a vector, on its way into the index.
package struct NewItem: Sendable {
    package var medium: Medium
    package var place: Place
    package var snippet: String
    /// Of unit length, as many values as the model gives.
    package var vector: [Float]

    package init(medium: Medium, place: Place, snippet: String, vector: [Float]) {
        self.medium = medium
        self.place = place
        self.snippet = snippet
        self.vector = vector
    }
}

/// A file as it is now.
package struct SourceFile: Sendable {
    package var path: RawPath
    package var version: FileVersion
    /// Whether a change that comes soon might not show in `version`.
    package var isYoung: Bool
    /// Whether it has fewer items than it could: it is looked into again, and known by nothing.
    package var isIncomplete = false
    /// What tells that the file beside it that says what it shows is as it was.
    var beside: [UInt8]?
    /// Of all that its items were made of.
    package var sha256: [UInt8]?
    package var kind: String
    package var problem: Problem?

    package init(
        path: RawPath, version: FileVersion, isYoung: Bool = false, sha256: [UInt8]? = nil, kind: String = "",
        problem: Problem? = nil
    ) {
        self.path = path
        self.version = version
        self.isYoung = isYoung
        self.sha256 = sha256
        self.kind = kind
        self.problem = problem
    }

    /// What is compared at the next look.
    var stamp: Int64 { isYoung || isIncomplete ? -1 : version.modified }
    /// By what it is known when it has another name.
    var knownSHA256: [UInt8]? { isIncomplete ? nil : sha256 }
}

/// What one commit does; those of one commit are seen together or not at all.
package enum IndexChange: Sendable {
    /// A new or changed file with all that it has now.
    case put(SourceFile, items: [NewItem])
    /// A file with the content of another one that is in the index.
    case copy(SourceFile, of: Int64)
    /// The same bytes under another name, or with another time.
    case rename(Int64, SourceFile)
    case remove(Int64)
}

/// Where a commit or a compaction stands, for tests of what a stop there leaves.
package enum IndexStep: String, Sendable, CaseIterable {
    case rowsWritten, rowsSynced, committed
    case compactedRowsWritten, compactedRowsSynced, compactionCommitted, oldRowsRemoved
}
