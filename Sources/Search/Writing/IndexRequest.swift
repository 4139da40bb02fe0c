import FoundationEssentials
import GRDB
import Glibc
import Store

/// What an index was asked for, which outlives the index when it is made anew: a file beside the catalogue from before that is removed until the next one
/// has taken it over. Whatever ends the program in between, it is asked for still.
struct IndexRequest: Equatable {
    var roots: [RawPath] = []
    var takesCaptions = false

    private static let mark = Array("castor index request 1".utf8)

    private var bytes: [UInt8] {
        let fields = [Self.mark, Array((takesCaptions ? "captions" : "").utf8)] + roots.map(\.bytes)
        // No name has a zero byte in it.
        return Array(fields.map { $0 + [0] }.joined())
    }

    private init?(bytes: [UInt8]) {
        var fields = bytes.split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
        guard fields.count >= 3, fields.popLast() == [], fields[0] == Self.mark else { return nil }
        takesCaptions = fields[1] == Array("captions".utf8)
        roots = fields[2...].map { RawPath(bytes: $0) }
    }

    init() {}

    /// What a catalogue says, as far as it can be read, and what was left of an earlier one.
    init(ofIndex path: String) {
        if let earlier = Self.kept(path) { self = earlier }
        var configuration = Configuration()
        configuration.readonly = true
        guard
            let database = try? DatabaseQueue(path: "\(path)/\(IndexFolder.catalogue)", configuration: configuration)
        else { return }
        defer { try? database.close() }
        let found = try? database.read { db in try Data.fetchAll(db, sql: "SELECT path FROM root ORDER BY path") }
        for root in (found ?? []).map({ RawPath(bytes: Array($0)) }) where !roots.contains(root) { roots.append(root) }
        // Indexes from before there were settings have none.
        let captions = try? database.read { db in try IndexWriter.setting(db, IndexWriter.captions) }
        if let captions { takesCaptions = captions != 0 }
    }

    /// nil where there is none, or not a whole one: then the index that it was made of is still there.
    static func kept(_ path: String) -> IndexRequest? {
        guard case .success(let read) = FileBytes.read(RawPath(name(path)), maxBytes: maxBytes) else { return nil }
        return IndexRequest(bytes: read.bytes)
    }

    func keep(_ path: String) throws {
        let name = Self.name(path)
        let file = open("\(name).new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw SearchError.unusable(path: path, reason: String(cString: strerror(errno))) }
        let blob = Blob(descriptor: file)
        try blob.write(bytes, at: 0)
        try blob.sync()
        guard rename("\(name).new", name) == 0 else { throw StoreError.system(errno) }
        try DurableFolder.sync(path)
    }

    static func forget(_ path: String) {
        unlink(name(path))
        unlink("\(name(path)).new")
    }

    /// Whether an index is being made anew, or was until something ended that.
    static func isThere(_ path: String) -> Bool {
        var status = stat()
        return lstat(name(path), &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    private static func name(_ path: String) -> String { "\(path)/\(IndexFolder.request)" }
    private static let maxBytes = 64 << 20
}

extension IndexWriter {
    /// Removes the index at `path`, whatever its state, but for what it was asked for, which the next writer takes over.
    ///
    /// Throws `inUse` where another process writes it, and `unusable` for a folder of something else.
    ///
    /// - Parameters:
    ///   - roots: what it is asked for now, too
    ///   - takesCaptions: nil for as before
    package static func clear(
        path: String, roots: [RawPath] = [], takesCaptions: Bool? = nil, atStep: (ClearStep) throws -> Void = { _ in }
    ) throws(SearchError) {
        do {
            guard access("\(path)/\(IndexFolder.catalogue)", F_OK) == 0 else { return }
            // Held as long as it is cleared: nothing else writes meanwhile.
            let lock = open("\(path)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard lock >= 0 else { throw SearchError.unusable(path: path, reason: String(cString: strerror(errno))) }
            defer { Glibc.close(lock) }
            guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw SearchError.inUse(path: path) }
            var request = IndexRequest(ofIndex: path)
            for root in roots where !request.roots.contains(root) { request.roots.append(root) }
            if let takesCaptions { request.takesCaptions = takesCaptions }
            try request.keep(path)
            try atStep(.kept)
            try remove(path, atStep)
        } catch { throw SearchError(error, at: path) }
    }

    private static func remove(_ path: String, _ atStep: (ClearStep) throws -> Void) throws {
        for name in try DurableFolder.names(path)
        where name.hasPrefix(IndexFolder.catalogue) || IndexFolder.isRows(name) || name == "reserve" {
            guard unlink("\(path)/\(name)") == 0 || errno == ENOENT else {
                throw SearchError.unusable(path: "\(path)/\(name)", reason: String(cString: strerror(errno)))
            }
            try atStep(.removed)
        }
        try DurableFolder.sync(path)
    }

    /// What was being cleared when something ended that. The folder is held.
    static func finishClearing(_ path: String) throws {
        if IndexRequest.kept(path) != nil {
            try remove(path) { _ in }
        } else {
            IndexRequest.forget(path)
        }
    }

    /// Where clearing stands, for tests of what a stop there leaves.
    package enum ClearStep { case kept, removed }

    /// What a cleared index was asked for.
    func takeOver() throws {
        guard let request = IndexRequest.kept(path) else { return }
        try database.write { db in
            for root in request.roots {
                try db.execute(sql: "INSERT OR IGNORE INTO root VALUES (?)", arguments: [Data(root.bytes)])
            }
            if request.takesCaptions { try Self.set(db, Self.captions, 1) }
        }
        IndexRequest.forget(path)
    }
}
