package import Castor
import Media

/// Brings an index to what folders have: one run.
///
/// Files come in groups. The files of a group are read and decoded on all workers, then embedded on all workers, then committed; what a
/// stop loses is one group.
package struct Indexer {
    package struct Options {
        package var pieces = PieceOptions()
        /// Called between groups, from the caller's thread.
        package var onProgress: (IndexProgress) -> Void = { _ in }
        /// Asked between groups: what is done so far is kept.
        package var isStopped: () -> Bool = { false }

        package init() {}
    }

    let embedder: Embedder
    let writer: IndexWriter
    let options: Options

    package init(_ embedder: Embedder, _ writer: IndexWriter, options: Options = Options()) {
        self.embedder = embedder
        self.writer = writer
        self.options = options
    }

    /// Files, and the prepared contents that wait, of a group.
    static let groupFiles = 128
    static let groupBytes: Int64 = 64 << 20
    static let waitingBytes = 256 << 20
    /// Pieces of a file that are prepared beside other files; a file with more is continued alone.
    static let piecesBeside = 32
    /// Pieces of a long file that are prepared and embedded together.
    static let piecesAlone = 128

    /// Looks through `roots`, absolute paths, and forgets files below them that are gone.
    package func run(roots: [RawPath]) throws(SearchError) -> IndexSummary {
        var summary = IndexSummary()
        var walk = FolderWalk(
            takesCaptions: try writer.takesCaptions, named: try roots + writer.roots(), index: RawPath(writer.path),
            isCancelled: options.isStopped)
        for root in roots {
            do { try walk.walk(root) } catch {
                // Of one that is not there, a disk perhaps, nothing is forgotten, and the others are not kept waiting.
                guard case .notFound = error else { throw error }
            }
        }
        // Of a walk that was stopped, what was not seen may be there.
        guard !options.isStopped() else {
            summary.isStopped = true
            return summary
        }
        summary.ignored = walk.ignored
        summary.folders = walk.folders
        var plan = try IndexPlan(walk, roots: roots, known: writer.sources())
        summary.emptyRoots = plan.emptyRoots
        try writer.commit(walk.problems.map { .put(Self.unknown($0.path, $0.problem), items: []) })
        var progress = IndexProgress()
        progress.total = plan.files.count
        progress.totalBytes = plan.files.reduce(0) { $0 + $1.version.size }
        try index(plan.files, &plan, &summary, &progress)
        if !summary.isStopped {
            let texts = plan.texts()
            progress.total += texts.count
            progress.totalBytes += texts.reduce(0) { $0 + $1.version.size }
            try index(texts, &plan, &summary, &progress)
        }
        summary.unchanged += plan.unchanged
        if summary.isStopped {
            summary.problems = try writer.problems()
            return summary
        }
        // Only now: a file that was moved is known again by the name that it had.
        let gone = plan.gone
        summary.removed = gone.count
        summary.joined = plan.joined
        for start in stride(from: 0, to: gone.count, by: Self.removedTogether) {
            try writer.commit(gone[start..<min(gone.count, start + Self.removedTogether)].map { .remove($0) })
        }
        // All that is left out, as it is listed: what a run did not have to look at again is so still.
        summary.problems = try writer.problems()
        try writer.compact()
        return summary
    }

    private func index(
        _ files: [FoundFile], _ plan: inout IndexPlan, _ summary: inout IndexSummary, _ progress: inout IndexProgress
    ) throws(SearchError) {
        for group in Self.groups(files) {
            guard !options.isStopped() else {
                summary.isStopped = true
                return
            }
            try index(group, &plan, &summary, &progress)
            options.onProgress(progress)
        }
    }

    private static let removedTogether = 10_000

    /// Of something whose state is not known: the next run looks again.
    private static func unknown(_ path: RawPath, _ problem: Problem) -> SourceFile {
        SourceFile(
            path: path, version: FileVersion(size: 0, modified: 0, inode: 0), isYoung: true, problem: problem)
    }

    private static func groups(_ files: [FoundFile]) -> [ArraySlice<FoundFile>] {
        var groups: [ArraySlice<FoundFile>] = []
        var (start, bytes) = (0, Int64(0))
        for (index, file) in files.enumerated() {
            if index > start, index - start == groupFiles || bytes + file.version.size > groupBytes {
                groups.append(files[start..<index])
                (start, bytes) = (index, 0)
            }
            bytes += file.version.size
        }
        if start < files.count { groups.append(files[start...]) }
        return groups
    }

    /// Files whose bytes come again in the same run are known from then on.
    func commit(_ changes: [IndexChange], _ plan: inout IndexPlan) throws(SearchError) {
        let ids = try writer.commit(changes)
        for case .put(let file, let items) in changes where !items.isEmpty {
            guard let id = ids[file.path], let sha256 = file.knownSHA256 else { continue }
            plan.note(id, sha256: sha256, kind: file.kind)
        }
    }
}
