import FoundationEssentials
import GRDB
import Glibc
import Store

extension IndexWriter {
    /// All files that the index knows.
    func sources() throws(SearchError) -> [KnownSource] {
        do {
            return try database.read { db in
                var sources: [KnownSource] = []
                let cursor = try Row.fetchCursor(
                    db,
                    sql: """
                        SELECT id, path, size, stamp, inode, sha256, kind,
                            EXISTS (SELECT 1 FROM item WHERE item.source = source.id) FROM source
                        """)
                while let row = try cursor.next() {
                    sources.append(
                        KnownSource(
                            id: try row.value(0), path: RawPath(bytes: Array(try row.value(1) as Data)),
                            version: FileVersion(
                                size: try row.value(2), modified: try row.value(3), inode: try row.value(4)),
                            sha256: Data.fromDatabaseValue(row[5]).map(Array.init), kind: try row.value(6),
                            hasItems: try row.value(7)))
                }
                return sources
            }
        } catch { throw SearchError(error, at: path) }
    }

    /// What `castor index` without a path looks through.
    package func roots() throws(SearchError) -> [RawPath] {
        do {
            return try database.read { db in
                try Data.fetchAll(db, sql: "SELECT path FROM root ORDER BY path").map { RawPath(bytes: Array($0)) }
            }
        } catch { throw SearchError(error, at: path) }
    }

    package func remember(roots: [RawPath]) throws(SearchError) {
        do {
            try database.write { db in
                for root in roots {
                    try db.execute(sql: "INSERT OR IGNORE INTO root VALUES (?)", arguments: [Data(root.bytes)])
                }
            }
        } catch { throw SearchError(error, at: path) }
    }

    /// Forgets files that are one of these or below it, and that they were asked for.
    ///
    /// - Returns: how many files
    package func remove(_ paths: [RawPath]) throws(SearchError) -> Int {
        let ids = try sources().filter { source in paths.contains { source.path.isInside($0) } }.map(\.id)
        try commit(ids.map { .remove($0) })
        do {
            try database.write { db in
                for root in try Data.fetchAll(db, sql: "SELECT path FROM root")
                where paths.contains(where: { RawPath(bytes: Array(root)).isInside($0) }) {
                    try db.execute(sql: "DELETE FROM root WHERE path = ?", arguments: [root])
                }
            }
        } catch { throw SearchError(error, at: path) }
        return ids.count
    }
}

extension IndexWriter {
    /// Removes the index at `path`, whatever its state, but for what it was asked to index, which is returned as far as it can be read.
    ///
    /// Throws `inUse` where another process writes it, and `unusable` for a folder of something else.
    package static func clear(path: String) throws(SearchError) -> [RawPath] {
        do {
            guard access("\(path)/\(IndexFolder.catalogue)", F_OK) == 0 else { return [] }
            // Held as long as it is cleared: nothing else writes meanwhile.
            let lock = open("\(path)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard lock >= 0 else { throw SearchError.unusable(path: path, reason: String(cString: strerror(errno))) }
            defer { Glibc.close(lock) }
            guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw SearchError.inUse(path: path) }
            let roots = knownRoots(path)
            for name in try DurableFolder.names(path)
            where name.hasPrefix(IndexFolder.catalogue) || IndexFolder.isRows(name) || name == "reserve" {
                guard unlink("\(path)/\(name)") == 0 || errno == ENOENT else {
                    throw SearchError.unusable(path: "\(path)/\(name)", reason: String(cString: strerror(errno)))
                }
            }
            try DurableFolder.sync(path)
            return roots
        } catch { throw SearchError(error, at: path) }
    }

    private static func knownRoots(_ path: String) -> [RawPath] {
        var configuration = Configuration()
        configuration.readonly = true
        guard let database = try? DatabaseQueue(path: "\(path)/\(IndexFolder.catalogue)", configuration: configuration)
        else { return [] }
        defer { try? database.close() }
        let found = try? database.read { db in try Data.fetchAll(db, sql: "SELECT path FROM root ORDER BY path") }
        return (found ?? []).map { RawPath(bytes: Array($0)) }
    }
}
