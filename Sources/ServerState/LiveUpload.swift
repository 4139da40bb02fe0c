import GRDB
import Hashing
import Synchronization

/// The one writer's place of an upload: how far the bytes on disk go, and their hash so far.
///
/// A client whose connection broke may come back before the server has noticed the break. The request that comes last has the upload:
/// it takes the lease, and the older request's next write fails.
final class LiveUpload: Sendable {
    struct State {
        var lease = 0
        /// Whether the upload became a file or was cancelled: nothing may touch the bytes any more.
        var isClosed = false
        /// Bytes on disk, at least as many as the row says.
        var received: Int
        /// Of those bytes.
        var hash: SHA256
        let blob: Blob
    }

    let id: String
    let blobName: String
    /// Announced by the client.
    let declaredBytes: Int?
    private let state: Mutex<State>

    init(_ row: UploadRow, _ storage: Storage) throws {
        id = row.id
        blobName = row.blob
        declaredBytes = row.declaredBytes
        let blob = try storage.blobs.open(row.blob)
        // What lies beyond the row's count was never promised, and may not have reached the disk whole.
        try blob.truncate(to: row.receivedBytes)
        var hash = SHA256()
        try blob.forEachPiece(to: row.receivedBytes) { hash.update($0) }
        state = Mutex(State(received: row.receivedBytes, hash: hash, blob: blob))
    }

    /// Runs with the lock held, on an upload that is still one.
    func withOpenState<Result: Sendable>(_ body: (inout State) throws -> Result) throws -> Result {
        try state.withLock { state in
            guard !state.isClosed else { throw StateError.uploadClosed }
            return try body(&state)
        }
    }

    /// The same for the request that has the lease.
    func withLease<Result: Sendable>(_ lease: Int, _ body: (inout State) throws -> Result) throws -> Result {
        try withOpenState { state in
            guard state.lease == lease else { throw StateError.uploadTakenOver }
            return try body(&state)
        }
    }

    /// Makes what was received durable and says so in the row. Within the lock.
    func commit(_ state: inout State, _ storage: Storage) throws {
        try state.blob.sync()
        let received = state.received
        try storage.write { db in
            if declaredBytes == nil { try storage.reserve(db, received, for: blobName) }
            try db.execute(
                sql: "UPDATE upload SET receivedBytes = ?, expirationTime = ? WHERE id = ? AND NOT isFinal",
                arguments: [received, (storage.now + storage.settings.uploadLifetime).microseconds, id])
            guard db.changesCount == 1 else { throw StateError.uploadNotFound }
        }
    }
}
