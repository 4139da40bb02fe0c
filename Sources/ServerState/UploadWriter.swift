import Hashing
import Store
import Synchronization

/// The bytes of one request to an upload. What was written when the request breaks off is kept: ``finish()`` in any case.
package final class UploadWriter {
    private let live: LiveUpload
    private let lease: Int
    private let storage: Storage
    private var buffer: [UInt8] = []
    /// Of the byte after the last one that was handed in.
    private var end: Int
    private var bytesSinceCommit = 0

    init(_ live: LiveUpload, lease: Int, offset: Int, _ storage: Storage) {
        self.live = live
        self.lease = lease
        self.storage = storage
        end = offset
    }

    /// Takes more bytes; refuses what is over the announced size or the limit before any of it is written.
    package func write(_ bytes: some Collection<UInt8>) async throws {
        let newEnd = end + bytes.count
        if let declared = live.declaredBytes, newEnd > declared {
            throw StateError.wrongSize(received: newEnd, declared: declared)
        }
        guard newEnd <= storage.settings.maxFileBytes else {
            throw StateError.fileTooLarge(bytes: newEnd, limit: storage.settings.maxFileBytes)
        }
        end = newEnd
        buffer.append(contentsOf: bytes)
        if buffer.count >= FileStore.pieceBytes { try await flush() }
    }

    /// Makes everything durable and returns the bytes received in all.
    package func finish() async throws -> Int {
        try await flush()
        return try await Blocking.run { [live, lease] in
            try live.withLease(lease) { state in
                try live.commit(&state)
                return state.received
            }
        }
    }

    private func flush() async throws {
        guard !buffer.isEmpty else { return }
        let piece = buffer
        buffer.removeAll(keepingCapacity: true)
        bytesSinceCommit += piece.count
        let commits = bytesSinceCommit >= FileStore.commitBytes
        if commits { bytesSinceCommit = 0 }
        try await Blocking.run { [live, lease] in
            try live.withLease(lease) { state in
                try live.append(piece, &state)
                if commits { try live.commit(&state) }
            }
        }
    }
}
