import GRDB
import Hashing
import Store
import Synchronization

/// The one writer's place of an upload: how far the bytes on disk go, and their hash so far. No file is open but while it is written to: there may be
/// more uploads than a process may have open files.
///
/// A client whose connection broke may come back before the server has noticed the break. The request that comes last has the upload:
/// it takes the lease, and the older request's next write fails.
final class LiveUpload: Sendable {
    struct State {
        var lease = 0
        /// Whether the upload became a file or was cancelled: nothing may touch the bytes any more.
        var isClosed = false
        /// Whether it was cancelled, noted or not.
        var isCancelled = false
        /// Bytes on disk, at least as many as the row says.
        var received: Int
        /// Of those bytes.
        var hash = SHA256()
        /// Bytes that the quota has for it, where they were not announced.
        var reserved: Int
        /// Whether the bytes that an earlier process wrote are in the hash.
        var isRead = false
    }

    let id: String
    let blobName: String
    /// Announced by the client.
    let declaredBytes: Int?
    private let storage: Storage
    private let state: Mutex<State>

    init(_ row: UploadRow, _ storage: Storage) {
        id = row.id
        blobName = row.blob
        declaredBytes = row.declaredBytes
        self.storage = storage
        state = Mutex(State(received: row.receivedBytes, reserved: row.receivedBytes))
    }

    /// Runs with the lock held, on an upload that is still one.
    func withOpenState<Result: Sendable>(_ body: (inout State) throws -> Result) throws -> Result {
        try state.withLock { state in
            guard !state.isClosed else { throw StateError.uploadClosed }
            if !state.isRead { try readAgain(&state) }
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

    /// Ends it for good, whatever `body` comes to, which has the blob's name and may be tried again.
    func close(_ body: (_ blob: String) throws -> Void) throws {
        try state.withLock { state in
            guard !state.isClosed || state.isCancelled else { throw StateError.uploadClosed }
            (state.isClosed, state.isCancelled) = (true, true)
            try body(blobName)
        }
    }

    // MARK: - Within the lock

    private func open() throws -> Blob {
        guard let blob = try storage.blobs.open(blobName) else { throw StoreError.bytesLost }
        return blob
    }

    /// It may be gigabytes: only this upload waits for it.
    private func readAgain(_ state: inout State) throws {
        let blob = try open()
        // What lies beyond the row's count was never promised, and may not have reached the disk whole.
        try blob.truncate(to: state.received)
        var hash = SHA256()
        try blob.forEachPiece(to: state.received) { hash.update($0) }
        state.hash = hash
        state.isRead = true
    }

    func append(_ piece: [UInt8], _ state: inout State) throws {
        try reserve(state.received + piece.count, &state)
        let blob = try open()
        do { try blob.write(piece, at: state.received) } catch {
            // On a full disk others can use what fitted of it.
            try? blob.truncate(to: state.received)
            throw error
        }
        state.hash.update(piece)
        state.received += piece.count
    }

    /// Room for what was not announced is taken before it is written, and for some more, so that not every piece waits for the disk.
    private func reserve(_ bytes: Int, _ state: inout State) throws {
        guard declaredBytes == nil, bytes > state.reserved else { return }
        let ahead = max(bytes, state.received + FileStore.commitBytes)
        do {
            try storage.write { db in try storage.reserve(db, ahead, for: blobName) }
            state.reserved = ahead
        } catch StateError.quotaExceeded {
            try storage.write { db in try storage.reserve(db, bytes, for: blobName) }
            state.reserved = bytes
        }
    }

    /// Makes what was received durable and says so in the row.
    func commit(_ state: inout State) throws {
        try open().sync()
        let received = state.received
        try storage.write { db in
            if declaredBytes == nil { try storage.reserve(db, received, for: blobName) }
            try db.execute(
                sql: "UPDATE upload SET receivedBytes = ?, expirationTime = ? WHERE id = ? AND NOT isFinal",
                arguments: [received, (storage.now + storage.settings.uploadLifetime).microseconds, id])
            guard db.changesCount == 1 else { throw StateError.uploadNotFound }
        }
        state.reserved = received
    }
}
