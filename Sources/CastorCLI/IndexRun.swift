import Castor
import CastorNumerics
import Glibc
import Search

/// `castor index PATH...`: one run, with its progress and its report.
struct IndexRun {
    let model: ModelOption
    let path: String
    /// What people type for this index.
    let command: String
    let rebuilds: Bool
    /// nil for what was said before.
    let takesCaptions: Bool?
    let watches: Bool

    func run(_ paths: [String]) throws {
        let given = try paths.map { path in
            guard let root = RawPath(path).resolved else {
                throw Failure(.notFound, "\(path): \(String(cString: strerror(errno)))")
            }
            return root
        }
        guard !given.isEmpty || IndexWriter.isThere(path) else { throw nothingNamed }
        let embedder = try model.open()
        if rebuilds { try IndexWriter.clear(path: path, roots: given, takesCaptions: takesCaptions) }
        let known = try? IndexReader(path: path, pool: try WorkerPool.opened(threads: 1)).model
        let identity = try ModelIdentity(embedder, known: known)
        Interruption.hold("\ncastor: stopped at once; what was indexed before stays\n")
        let writer = try IndexWriter(path: path, model: identity)
        defer { writer.close() }
        if let takesCaptions { try writer.remember(takesCaptions: takesCaptions) }
        try writer.remember(roots: given)
        let roots = given.isEmpty || rebuilds ? try writer.roots() : given
        guard !roots.isEmpty else { throw nothingNamed }
        var summary = try look(embedder, writer, roots)
        report(summary)
        if watches, Interruption.signal == nil {
            let watch = try FolderWatch()
            Terminal.error("castor: follows what changes, until Ctrl-C\n")
            repeat {
                watch.watch(summary.folders)
                if watch.unwatched > 0 {
                    Terminal.error(
                        "castor: \(counted(watch.unwatched, "folder")) cannot be followed: fs.inotify.max_user_watches is too low\n"
                    )
                }
                // What changed between the look and the watch shows here.
                let next = try look(embedder, writer, roots)
                if next.isChange { report(next) }
                summary = next
                watch.watch(summary.folders)
            } while watch.waitForChange(isStopped: { Interruption.signal != nil })
        }
        if let signal = Interruption.signal {
            writer.close()
            Terminal.end(128 + signal)
        }
    }

    private var nothingNamed: Failure {
        Failure(
            .usage,
            rebuilds
                ? "what the index was made of could not be read: name files and folders again, as in \(command) ~/Pictures"
                : "\(path.printable): nothing to index yet: name files and folders, as in \(command) ~/Pictures")
    }

    private func look(_ embedder: Embedder, _ writer: IndexWriter, _ roots: [RawPath]) throws -> IndexSummary {
        var progress = Progress()
        defer { progress.finish() }
        var options = Indexer.Options()
        options.isStopped = { Interruption.signal != nil }
        options.onProgress = { state in
            let share = state.totalBytes > 0 ? Double(state.bytes) / Double(state.totalBytes) : 1
            progress.update(files: state.files, of: state.total, share: share)
        }
        return try Indexer(embedder, writer, options: options).run(roots: roots)
    }

    private func report(_ summary: IndexSummary) {
        var parts: [String] = []
        func add(_ count: Int, _ what: String) { if count > 0 { parts.append("\(count) \(what)") } }
        add(summary.added, "new")
        add(summary.changed, "changed")
        add(summary.copied, "known from another file")
        add(summary.moved, "moved or touched")
        add(summary.joined, "with their pictures now")
        add(summary.removed - summary.joined, "gone")
        add(summary.unchanged, "unchanged")
        let files = parts.isEmpty ? "no files" : parts.joined(separator: ", ")
        let stopped = summary.isStopped ? "stopped; the same command goes on from here. " : ""
        Terminal.error("castor: \(stopped)\(files); \(counted(summary.items, "item")) embedded\n")
        for root in summary.emptyRoots {
            Terminal.error(
                "castor: \(root.printable) has no files, and had some: is its disk there? \(command) --remove \(root.printable.shellWord) forgets them\n"
            )
        }
        guard !summary.problems.isEmpty else { return }
        let reasons = summary.problems.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
            .map { "\($0.value) \($0.key)" }
        Terminal.error("castor: left out, as \(command) --problems lists: \(reasons.joined(separator: "; "))\n")
    }
}
