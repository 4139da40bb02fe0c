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
                        SELECT id, path, size, stamp, inode, beside, sha256, kind,
                            EXISTS (SELECT 1 FROM item WHERE item.source = source.id) FROM source
                        """)
                while let row = try cursor.next() {
                    sources.append(
                        KnownSource(
                            id: try row.value(0), path: RawPath(bytes: Array(try row.value(1) as Data)),
                            version: FileVersion(
                                size: try row.value(2), modified: try row.value(3), inode: try row.value(4)),
                            beside: Data.fromDatabaseValue(row[5]).map(Array.init),
                            sha256: Data.fromDatabaseValue(row[6]).map(Array.init), kind: try row.value(7),
                            hasItems: try row.value(8)))
                }
                return sources
            }
        } catch { throw SearchError(error, at: path) }
    }

    /// How many files have none, or not all, of their items, and why.
    func problems() throws(SearchError) -> [Problem.Reason: Int] {
        do {
            return try database.read { db in try Problem.counts(db) }
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

    /// Whether what files beside pictures say of them belongs to the pictures: one content, one item. The next run looks again at what that changes.
    package var takesCaptions: Bool {
        get throws(SearchError) {
            do {
                return try database.read { db in try Self.setting(db, Self.captions) ?? 0 } != 0
            } catch { throw SearchError(error, at: path) }
        }
    }

    package func remember(takesCaptions: Bool) throws(SearchError) {
        do {
            try database.write { db in try Self.set(db, Self.captions, takesCaptions ? 1 : 0) }
        } catch { throw SearchError(error, at: path) }
    }

    static let captions = "captions"

    static func setting(_ db: Database, _ name: String) throws -> Int? {
        try Int.fetchOne(db, sql: "SELECT value FROM setting WHERE name = ?", arguments: [name])
    }

    static func set(_ db: Database, _ name: String, _ value: Int) throws {
        try db.execute(
            sql: "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            arguments: [name, value])
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

    /// Pictures whose items say what these files say of them, one each.
    package func pictures(ofCaptions paths: [RawPath]) throws(SearchError) -> [RawPath: RawPath] {
        let marks = Set(paths.map(\.bytes))
        return try sources().reduce(into: [:]) { found, source in
            if let caption = source.beside.flatMap(FoundCaption.path(ofMark:)), marks.contains(caption.bytes) {
                found[caption] = source.path
            }
        }
    }

    /// Forgets files that are one of these or below it, and that they were asked for.
    ///
    /// - Returns: the files
    package func remove(_ paths: [RawPath]) throws(SearchError) -> [RawPath] {
        let gone = try sources().filter { source in paths.contains { source.path.isInside($0) } }
        try commit(gone.map { .remove($0.id) })
        do {
            try database.write { db in
                for root in try Data.fetchAll(db, sql: "SELECT path FROM root")
                where paths.contains(where: { RawPath(bytes: Array(root)).isInside($0) }) {
                    try db.execute(sql: "DELETE FROM root WHERE path = ?", arguments: [root])
                }
            }
        } catch { throw SearchError(error, at: path) }
        return gone.map(\.path)
    }
}
