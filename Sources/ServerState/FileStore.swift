import FoundationEssentials
import GRDB
package import Store
import Synchronization

/// The files that clients uploaded and that batch jobs made. A file is found by its id alone; no path and no URL is ever opened.
package final class FileStore: Sendable {
    let storage: Storage
    /// Uploads that this process has written to, by id.
    let liveUploads = Mutex<[String: LiveUpload]>([:])

    init(_ storage: Storage) {
        self.storage = storage
    }

    package var settings: StateSettings { storage.settings }

    /// Throws ``StateError/fileNotFound(id:)`` for an expired file, too.
    package func file(_ id: String) async throws -> StoredFile {
        try await Blocking.run { [storage] in
            try storage.read { db in try Self.find(db, id, now: storage.now) }
        }
    }

    static func find(_ db: Database, _ id: String, now: Timestamp) throws -> StoredFile {
        let row = try Row.fetchOne(
            db, sql: "SELECT * FROM file WHERE id = ? AND expirationTime > ?", arguments: [id, now.microseconds])
        guard let row else { throw StateError.fileNotFound(id: id) }
        return StoredFile(row: row)
    }

    /// The newest first.
    package func list(pageSize: Int, pageToken: String?) async throws -> Page<StoredFile> {
        let before = try PageToken.sequence(pageToken)
        return try await Blocking.run { [storage] in
            let files = try storage.read { db in
                try Row.fetchAll(
                    db,
                    sql: """
                        SELECT * FROM file WHERE sequence < ? AND expirationTime > ? ORDER BY sequence DESC LIMIT ?
                        """, arguments: [before, storage.now.microseconds, pageSize + 1]
                ).map(StoredFile.init)
            }
            return Page(
                elements: Array(files.prefix(pageSize)),
                nextPageToken: files.count > pageSize ? PageToken.text(files[pageSize - 1].sequence) : nil)
        }
    }

    /// Also where the disk is full: if the row cannot be deleted, the bytes go first. A row without its bytes is no file for use.
    package func delete(_ id: String) async throws {
        try await Blocking.run { [storage] in
            func delete() throws {
                try storage.writeAndSweep { db in
                    _ = try Self.find(db, id, now: storage.now)
                    try db.execute(sql: "DELETE FROM file WHERE id = ?", arguments: [id])
                }
            }
            do { try delete() } catch StoreError.diskFull {
                let blob = try storage.read { db in
                    let blob = try Self.find(db, id, now: storage.now).blob
                    return try storage.isShared(db, blob) ? nil : blob
                }
                guard let blob else { throw StoreError.diskFull }
                storage.blobs.remove(blob)
                try delete()
            }
        }
    }

    /// The file and its bytes, whatever its state.
    package func open(_ id: String) async throws -> (file: StoredFile, bytes: Blob) {
        try await Blocking.run { [self] in
            try noticingLoss(of: id) {
                let (file, blob) = try storage.open(
                    { db in try Self.find(db, id, now: storage.now) }, blob: \.blob)
                return (file, blob)
            }
        }
    }

    /// Says of a file that its bytes are not there.
    static func noteLoss(_ db: Database, _ id: String, now: Timestamp) throws {
        try db.execute(
            sql: "UPDATE file SET state = 'FAILED', failure = ?, updateTime = ? WHERE id = ?",
            arguments: ["The file's bytes were lost.", now.microseconds, id])
    }

    /// What lacks bytes is noted, and is no file for use any more. From the threads of Blocking only.
    private func noticingLoss<Result>(of id: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch StoreError.bytesLost {
            // That it is not noted where the disk is full makes it no file for use.
            try? storage.write { db in try Self.noteLoss(db, id, now: storage.now) }
            throw StateError.fileNotActive(id: id, state: .failed)
        }
    }

    /// A file that is ready for use, its bytes mapped and not read.
    package func mapped(_ id: String) async throws -> (file: StoredFile, bytes: MappedBlob) {
        let (file, blob) = try await open(id)
        guard file.state == .active else { throw StateError.fileNotActive(id: id, state: file.state) }
        return try await Blocking.run { [self] in
            try noticingLoss(of: id) { (file, try MappedBlob(blob, count: file.sizeBytes)) }
        }
    }

    /// Files that wait to be looked into, after a restart too.
    package func processing() async throws -> [StoredFile] {
        try await Blocking.run { [storage] in
            try storage.read { db in
                try Row.fetchAll(
                    db, sql: "SELECT * FROM file WHERE state = 'PROCESSING' AND expirationTime > ? ORDER BY sequence",
                    arguments: [storage.now.microseconds]
                ).map(StoredFile.init)
            }
        }
    }

    /// Ends ``FileState/processing``: active, or failed for a reason. Of a file that is gone meanwhile nothing is said.
    package func finishProcessing(_ id: String, failure: String?, videoDuration: Duration? = nil) async throws {
        try await Blocking.run { [storage] in
            let state = failure == nil ? FileState.active : .failed
            let duration = videoDuration?.components
            let microseconds = duration.map { $0.seconds * 1_000_000 + $0.attoseconds / 1_000_000_000_000 }
            try storage.write { db in
                try db.execute(
                    sql: """
                        UPDATE file SET state = ?, failure = ?, videoMicroseconds = ?, updateTime = ?
                        WHERE id = ? AND state = 'PROCESSING'
                        """,
                    arguments: [state.rawValue, failure, microseconds, storage.now.microseconds, id])
            }
        }
    }

    // MARK: - Rows

    /// A new file row in a transaction of the caller's.
    struct NewFile {
        var id: String
        var displayName: String?
        var mimeType: String
        var sizeBytes: Int
        var sha256: [UInt8]
        var state: FileState
        var source: FileSource
        var blob: String
    }

    static func insert(_ db: Database, _ file: NewFile, _ storage: Storage) throws -> StoredFile {
        let now = storage.now
        try checkFree(db, file.id, now: now)
        // An expired file that is not swept yet gives its name away.
        try db.execute(sql: "DELETE FROM file WHERE id = ?", arguments: [file.id])
        let count = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM file") ?? 0
        guard count < storage.settings.maxFiles else {
            throw StateError.tooManyFiles(limit: storage.settings.maxFiles)
        }
        try db.execute(
            sql: """
                INSERT INTO file (id, displayName, mimeType, sizeBytes, sha256, state, source, createTime, updateTime,
                    expirationTime, blob) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                file.id, file.displayName, file.mimeType, file.sizeBytes, Data(file.sha256), file.state.rawValue,
                file.source.rawValue, now.microseconds, now.microseconds,
                (now + storage.settings.fileLifetime).microseconds, file.blob,
            ])
        return try find(db, file.id, now: now)
    }

    static func checkFree(_ db: Database, _ id: String, now: Timestamp) throws {
        let taken = try Bool.fetchOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM file WHERE id = ? AND expirationTime > ?)",
            arguments: [id, now.microseconds])
        if taken == true { throw StateError.fileExists(id: id) }
    }
}
