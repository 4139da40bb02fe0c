import GRDB
import Hashing
import Store
import Synchronization

/// What is known of a file before its bytes come.
package struct NewUpload: Sendable {
    /// Without `files/`; nil for a generated one.
    package var fileID: String?
    package var displayName: String?
    package var mimeType: String
    /// nil where the client did not announce it.
    package var declaredBytes: Int?
    /// Whether its bytes come with the request that starts it, so that after the process nobody could go on with it. The default is false.
    package var isPassing = false

    package init(fileID: String? = nil, displayName: String? = nil, mimeType: String, declaredBytes: Int? = nil) {
        self.fileID = fileID
        self.displayName = displayName
        self.mimeType = mimeType
        self.declaredBytes = declaredBytes
    }
}

/// How far an upload is.
package enum UploadStatus: Sendable, Equatable {
    /// Bytes that are on disk for good.
    case active(received: Int)
    case final(StoredFile)
}

struct UploadRow {
    let id: String
    let fileID: String
    let displayName: String?
    let mimeType: String
    let declaredBytes: Int?
    let receivedBytes: Int
    let blob: String
    let isFinal: Bool

    init(row: Row) {
        id = row["id"]
        fileID = row["fileID"]
        displayName = row["displayName"]
        mimeType = row["mimeType"]
        declaredBytes = row["declaredBytes"]
        receivedBytes = row["receivedBytes"]
        blob = row["blob"] ?? ""
        isFinal = row["isFinal"]
    }
}

extension FileStore {
    /// Bytes that are hashed and written at a time.
    static let pieceBytes = 1 << 20
    /// Bytes after which a running request's bytes are made durable.
    static let commitBytes = 8 << 20

    /// Begins an upload. Its id is all that is needed to go on with it.
    package func startUpload(_ upload: NewUpload) async throws -> String {
        if let id = upload.fileID, !Self.isFileID(id) { throw StateError.invalidFileID(id) }
        try DisplayName.check(upload.displayName)
        if let bytes = upload.declaredBytes, bytes > settings.maxFileBytes {
            throw StateError.fileTooLarge(bytes: bytes, limit: settings.maxFileBytes)
        }
        return try await Blocking.run { [storage, settings] in
            let id = (upload.isPassing ? Self.passingPrefix : "") + RandomName.upload()
            _ = try storage.createBlob(reserving: upload.declaredBytes ?? 0, named: upload.displayName) { db, blob in
                let count = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM upload WHERE NOT isFinal") ?? 0
                guard count < settings.maxUploads else { throw StateError.tooManyUploads(limit: settings.maxUploads) }
                if let fileID = upload.fileID { try Self.checkFree(db, fileID, now: storage.now) }
                try db.execute(
                    sql: "INSERT INTO upload VALUES (?, ?, ?, ?, ?, 0, FALSE, ?, ?)",
                    arguments: [
                        id, upload.fileID ?? RandomName.file(), upload.displayName, upload.mimeType,
                        upload.declaredBytes, (storage.now + settings.uploadLifetime).microseconds, blob,
                    ])
            }
            return id
        }
    }

    /// What the ids of uploads begin with that nobody could go on with.
    static let passingPrefix = "passing."

    /// 1 to 40 characters of a-z, 0-9 and -, no - at an end.
    package static func isFileID(_ id: String) -> Bool {
        let bytes = id.utf8
        return (1...40).contains(bytes.count) && bytes.first != UInt8(ascii: "-") && bytes.last != UInt8(ascii: "-")
            && bytes.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || $0 == UInt8(ascii: "-")
            }
    }

    /// How far an upload is. A request that still writes to it loses it: who asks wants to go on.
    package func uploadStatus(_ id: String) async throws -> UploadStatus {
        try await Blocking.run { [self] in
            switch try upload(id) {
            case .final(let file): return .final(file)
            case .live(let live, _):
                return .active(
                    received: try live.withOpenState { state in
                        state.lease += 1
                        try live.commit(&state)
                        return state.received
                    })
            }
        }
    }

    /// Takes the upload for writing from `offset`, which must be where it ends.
    package func resumeUpload(_ id: String, at offset: Int) async throws -> UploadWriter {
        let (live, lease) = try await Blocking.run { [self] in
            guard case .live(let live, _) = try upload(id) else { throw StateError.uploadClosed }
            return try live.withOpenState { state in
                guard offset == state.received else {
                    throw StateError.wrongOffset(given: offset, received: state.received)
                }
                state.lease += 1
                return (live, state.lease)
            }
        }
        return UploadWriter(live, lease: lease, offset: offset, storage)
    }

    /// Makes a file of the upload. Its bytes are whole and on disk before the one transaction that makes it a file.
    ///
    /// - Parameter state: the file's first, by its MIME type.
    package func finishUpload(
        _ id: String, state fileState: @escaping @Sendable (_ mimeType: String) -> FileState = { _ in .active }
    ) async throws -> StoredFile {
        try await Blocking.run { [self] in
            switch try upload(id) {
            case .final(let file): return file
            case .live(let live, let row):
                let file = try live.withOpenState { state in
                    if let declared = row.declaredBytes, declared != state.received {
                        throw StateError.wrongSize(received: state.received, declared: declared)
                    }
                    try live.commit(&state)
                    let file = NewFile(
                        id: row.fileID, displayName: row.displayName, mimeType: row.mimeType, sizeBytes: state.received,
                        sha256: state.hash.digest(), state: fileState(row.mimeType), source: .uploaded, blob: row.blob
                    )
                    let stored = try storage.write { db in
                        let stored = try Self.insert(db, file, storage)
                        try db.execute(
                            sql:
                                "UPDATE upload SET isFinal = TRUE, blob = NULL, displayName = NULL, expirationTime = ? WHERE id = ?",
                            arguments: [stored.expirationTime.microseconds, id])
                        return stored
                    }
                    state.isClosed = true
                    return stored
                }
                forget(id)
                return file
            }
        }
    }

    /// The bytes go first, so that there is room to forget the upload where the disk is full. One that lacks them is forgotten at the next start.
    package func cancelUpload(_ id: String) async throws {
        try await Blocking.run { [self] in
            guard case .live(let live, _) = try upload(id) else { throw StateError.uploadClosed }
            try live.close { blob in
                storage.blobs.remove(blob)
                try storage.writeAndSweep { db in
                    try db.execute(sql: "DELETE FROM upload WHERE id = ?", arguments: [id])
                }
            }
            forget(id)
        }
    }

    // MARK: - Within Blocking

    private enum Upload {
        case live(LiveUpload, UploadRow)
        case final(StoredFile)
    }

    /// The row is read in the lock: an upload that another request closes meanwhile is either still among the live ones, and says so,
    /// or its row is final. A second `LiveUpload` would cut the finished file.
    private func upload(_ id: String) throws -> Upload {
        try liveUploads.withLock { uploads in
            let row = try storage.read { db in
                try Row.fetchOne(
                    db, sql: "SELECT * FROM upload WHERE id = ? AND expirationTime > ?",
                    arguments: [id, storage.now.microseconds]
                ).map(UploadRow.init)
            }
            guard let row else { throw StateError.uploadNotFound }
            if row.isFinal {
                return .final(try storage.read { db in try Self.find(db, row.fileID, now: storage.now) })
            }
            if let live = uploads[id] { return .live(live, row) }
            let live = LiveUpload(row, storage)
            uploads[id] = live
            return .live(live, row)
        }
    }

    func forget(_ id: String) {
        liveUploads.withLock { _ = $0.removeValue(forKey: id) }
    }
}
