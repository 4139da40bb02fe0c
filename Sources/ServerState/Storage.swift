import GRDB
import Store

/// The database and the blobs of one data folder, which one process has at a time.
///
/// Bytes are written and synced before the transaction that names them, so that a row never promises what a crash could have taken;
/// what a crash leaves without a row is removed at the next opening.
final class Storage: Sendable {
    let settings: StateSettings
    let blobs: BlobFolder
    private let database: FolderDatabase

    init(_ settings: StateSettings) throws(StoreError) {
        self.settings = settings
        var blobs: BlobFolder?
        database = try FolderDatabase(folder: settings.folder, name: "state.sqlite", migrator: Schema.migrator) {
            blobs = try BlobFolder(path: "\(settings.folder)/blobs")
        }
        guard let blobs else { preconditionFailure("the database was opened without them") }
        self.blobs = blobs
    }

    /// Lets another process have the folder. What still comes fails.
    func close() { database.close() }

    var now: Timestamp { settings.now() }
    var reserve: DiskReserve { database.reserve }

    // MARK: - Access, from the threads of Blocking only

    func read<Value>(_ body: (Database) throws -> Value) throws -> Value { try database.read(body) }
    func write<Value>(_ body: (Database) throws -> Value) throws -> Value { try database.write(body) }

    /// A write after which less is on the disk than before: ``FolderDatabase/writeToFree(_:)``.
    func writeToFree<Value>(_ body: (Database) throws -> Value) throws -> Value { try database.writeToFree(body) }

    // MARK: - Blobs and their rows

    /// What `find` reads, and the blob that it names. A deletion may come between the two, whatever the reader's transaction: what is not there is
    /// looked for again, and only what is named twice and not there is lost.
    func open<Value>(
        _ find: (Database) throws -> Value, blob name: (Value) -> String
    ) throws -> (value: Value, blob: Blob) {
        var missing: String?
        while true {
            let value = try read(find)
            let name = name(value)
            settings.beforeOpening()
            if let blob = try blobs.open(name) { return (value, blob) }
            guard missing != name else { throw StoreError.bytesLost }
            missing = name
        }
    }

    /// Makes an empty blob and its row, if `bytes` fit in the quota, with those of a name beside it.
    func createBlob(
        reserving bytes: Int, named displayName: String? = nil, also body: (Database, _ name: String) throws -> Void
    ) throws -> String {
        let name = RandomName.blob()
        try blobs.create(name)
        do {
            try write { db in
                try checkQuota(db, more: bytes + (displayName?.utf8.count ?? 0))
                try db.execute(sql: "INSERT INTO blob VALUES (?, ?)", arguments: [name, bytes])
                try body(db, name)
            }
        } catch {
            blobs.remove(name)
            throw error
        }
        return name
    }

    /// Counts `bytes` for a blob from now on; above what it had, they must fit in the quota.
    func reserve(_ db: Database, _ bytes: Int, for blob: String) throws {
        guard let old = try Int.fetchOne(db, sql: "SELECT reservedBytes FROM blob WHERE name = ?", arguments: [blob])
        else { throw StoreError.storage(reason: "a file is gone") }
        if bytes > old { try checkQuota(db, more: bytes - old) }
        if bytes != old {
            try db.execute(sql: "UPDATE blob SET reservedBytes = ? WHERE name = ?", arguments: [bytes, blob])
        }
    }

    /// What clients call their files and jobs counts as their bytes do.
    func checkQuota(_ db: Database, more bytes: Int) throws {
        let used =
            try Int.fetchOne(
                db,
                sql: """
                    SELECT (SELECT COALESCE(SUM(reservedBytes), 0) FROM blob)
                        + (SELECT COALESCE(SUM(LENGTH(CAST(displayName AS BLOB))), 0) FROM file WHERE displayName IS NOT NULL)
                        + (SELECT COALESCE(SUM(LENGTH(CAST(displayName AS BLOB))), 0) FROM upload WHERE displayName IS NOT NULL)
                        + (SELECT COALESCE(SUM(LENGTH(CAST(displayName AS BLOB))), 0) FROM batch WHERE displayName IS NOT NULL)
                    """) ?? 0
        guard bytes <= settings.maxTotalBytes - used else {
            throw StateError.quotaExceeded(bytes: bytes, limit: settings.maxTotalBytes)
        }
    }

    /// Whether more than one row names a blob.
    func isShared(_ db: Database, _ blob: String) throws -> Bool {
        let count = try Int.fetchOne(
            db,
            sql: """
                SELECT (SELECT COUNT(*) FROM file WHERE blob = :name) + (SELECT COUNT(*) FROM upload WHERE blob = :name)
                    + (SELECT COUNT(*) FROM batch WHERE inputBlob = :name)
                    + (SELECT COUNT(*) FROM batch WHERE resultsBlob = :name)
                """, arguments: ["name": blob])
        return count ?? 0 > 1
    }

    /// Deletes the rows of blobs that nothing names any more. The files go after the commit: ``removeFiles(_:)``.
    func dropUnreferenced(_ db: Database) throws -> [String] {
        try String.fetchAll(
            db,
            sql: """
                DELETE FROM blob WHERE NOT EXISTS (SELECT 1 FROM file WHERE file.blob = blob.name)
                    AND NOT EXISTS (SELECT 1 FROM upload WHERE upload.blob = blob.name)
                    AND NOT EXISTS (SELECT 1 FROM batch WHERE batch.inputBlob = blob.name)
                    AND NOT EXISTS (SELECT 1 FROM batch WHERE batch.resultsBlob = blob.name)
                RETURNING name
                """)
    }

    /// A transaction after which blobs may be unreferenced; their files are removed.
    func writeAndSweep<Value>(_ body: (Database) throws -> Value) throws -> Value {
        let (value, names) = try writeToFree { db in (try body(db), try dropUnreferenced(db)) }
        for name in names { blobs.remove(name) }
        reserve.take()
        return value
    }

    /// Removes files without a row, which needs no room. Only before anything else uses the folder: a new blob's file comes before its row.
    func removeOrphans() throws {
        let known = Set(try read { db in try String.fetchAll(db, sql: "SELECT name FROM blob") })
        for name in try blobs.names() where !known.contains(name) { blobs.remove(name) }
    }
}
