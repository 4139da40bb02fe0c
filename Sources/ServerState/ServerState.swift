import GRDB
import Store

/// What the server remembers: files, uploads and batch jobs of one data folder.
package final class ServerState: Sendable {
    package let files: FileStore
    package let batches: BatchStore
    private let storage: Storage

    /// Opens or makes the folder, and removes what a crash left there and what has expired. Waits for the disk.
    package init(_ settings: StateSettings) throws {
        storage = try Storage(settings)
        files = FileStore(storage)
        batches = BatchStore(storage)
        // First what needs no room.
        try storage.removeOrphans()
        try Self.cutUploads(storage)
        try Self.removeAbandoned(storage)
        try Self.mendDamage(storage)
        try Self.removeExpired(storage, files, batches)
        storage.reserve.take()
    }

    /// Lets another process have the folder. What still comes fails.
    package func close() { storage.close() }

    /// To be called from time to time: expired things are not found in any case, but their bytes lie on the disk.
    package func removeExpired() async throws {
        try await Blocking.run { [storage, files, batches] in try Self.removeExpired(storage, files, batches) }
    }

    private static func removeExpired(_ storage: Storage, _ files: FileStore, _ batches: BatchStore) throws {
        let now = storage.now.microseconds
        let uploads = try storage.writeAndSweep { db in
            let overdue = try String.fetchAll(
                db,
                sql: """
                    SELECT id FROM batch WHERE expirationTime <= ?
                        AND state IN ('BATCH_STATE_PENDING', 'BATCH_STATE_RUNNING')
                    """, arguments: [now])
            for id in overdue { try batches.end(db, id, .expired, .expired) }
            try db.execute(sql: "DELETE FROM batch WHERE expirationTime <= ?", arguments: [now])
            try db.execute(sql: "DELETE FROM file WHERE expirationTime <= ?", arguments: [now])
            return try String.fetchAll(
                db, sql: "DELETE FROM upload WHERE expirationTime <= ? RETURNING id", arguments: [now])
        }
        for id in uploads { files.forget(id) }
    }

    /// What lies beyond an upload's count was never promised. Of what nobody can go on with, nothing was.
    private static func cutUploads(_ storage: Storage) throws {
        let uploads = try storage.read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM upload WHERE NOT isFinal").map(UploadRow.init)
        }
        for upload in uploads {
            if isAbandoned(upload) {
                storage.blobs.remove(upload.blob)
            } else if let size = storage.blobs.size(upload.blob), size > upload.receivedBytes {
                try? storage.blobs.open(upload.blob)?.truncate(to: upload.receivedBytes)
            }
        }
    }

    private static func isAbandoned(_ upload: UploadRow) -> Bool {
        upload.fileID.isEmpty || upload.id.hasPrefix(FileStore.passingPrefix)
    }

    /// Inputs of jobs that were being written when the process died: rows that stand in for them, without a file's name. And uploads whose
    /// bytes came with the request that started them.
    private static func removeAbandoned(_ storage: Storage) throws {
        try storage.writeAndSweep { db in
            try db.execute(
                sql: "DELETE FROM upload WHERE (fileID = '' OR SUBSTR(id, 1, ?) = ?) AND NOT isFinal",
                arguments: [FileStore.passingPrefix.count, FileStore.passingPrefix])
        }
    }

    /// Where bytes are missing that a row promises, which takes a damaged disk or a foreign hand, the row says so.
    private static func mendDamage(_ storage: Storage) throws {
        let now = storage.now
        let (files, uploads) = try storage.read { db in
            (
                try Row.fetchAll(db, sql: "SELECT * FROM file").map(StoredFile.init),
                try Row.fetchAll(db, sql: "SELECT * FROM upload WHERE NOT isFinal").map(UploadRow.init)
            )
        }
        let lostFiles = files.filter { $0.state != .failed && storage.blobs.size($0.blob) != $0.sizeBytes }
        let lostUploads = uploads.filter { storage.blobs.size($0.blob) ?? -1 < $0.receivedBytes }
        guard !lostFiles.isEmpty || !lostUploads.isEmpty else { return }
        try storage.writeToFree { db in
            for file in lostFiles {
                try FileStore.noteLoss(db, file.id, now: now)
            }
            for upload in lostUploads {
                try db.execute(sql: "DELETE FROM upload WHERE id = ?", arguments: [upload.id])
            }
        }
    }
}
