import FoundationEssentials
import GRDB
import Hashing
package import Store
import Synchronization

/// Consecutive requests of one job, to be computed together.
package struct BatchChunk: Sendable {
    package enum Request: Sendable, Equatable {
        /// One JSON text.
        case json([UInt8])
        /// A line above the limit.
        case tooLong(bytes: Int, limit: Int)
        /// A request that was begun alone by two processes, of which neither came to its end: not to be computed again.
        case deadly([UInt8])
    }

    package let batch: StoredBatch
    /// Of the first request, counted from 0 in the whole job.
    package let firstIndex: Int
    package let requests: [Request]
    /// Where in the input the next chunk begins.
    let inputEnd: Int
}

/// What became of one request.
package struct BatchResult: Sendable {
    /// One JSON text without a line end.
    package let line: [UInt8]
    package let isFailure: Bool

    package init(line: [UInt8], isFailure: Bool) {
        self.line = line
        self.isFailure = isFailure
    }
}

/// A chunk is computed again after a crash, until the one transaction that moves the job on by a whole chunk: nothing is lost, and
/// what lies in the results beyond the row's count is overwritten, so nothing is doubled.
///
/// What makes a process end must not do so for ever. The row counts the processes that began a chunk before they begin; after two that
/// did not come to its end, its requests are a chunk each, and a request that two more began alone has a result that says so.
extension BatchStore {
    /// The next requests of the job that is due: of those with the highest priority, the one served longest ago.
    /// nil where there is nothing to do. For one caller at a time.
    package func claim() async throws -> BatchChunk? {
        try await Blocking.run { [self] in
            while true {
                do {
                    guard let batch = try nextJob() else { return nil }
                    do {
                        if let chunk = try readChunk(batch) { return try withoutDeadly(chunk) }
                        try finish(batch)
                    } catch StoreError.bytesLost {
                        // This job can do nothing any more; others wait.
                        try fail(batch, .bytesLost)
                    }
                } catch StateError.batchNotFound {
                    // Cancelled or deleted just now.
                    continue
                }
            }
        }
    }

    /// Processes that may end in a chunk before that is taken for its doing.
    private static let maxStarts = 2

    private func withoutDeadly(_ chunk: BatchChunk) throws -> BatchChunk {
        guard chunk.batch.starts > Self.maxStarts else { return chunk }
        guard chunk.requests.count > 1 else {
            let requests = chunk.requests.map { request in
                if case .json(let json) = request { BatchChunk.Request.deadly(json) } else { request }
            }
            return BatchChunk(
                batch: chunk.batch, firstIndex: chunk.firstIndex, requests: requests, inputEnd: chunk.inputEnd)
        }
        let batch = try storage.write { db in
            try db.execute(
                sql: "UPDATE batch SET starts = 1, aloneBytes = ? WHERE id = ? AND inputBytes = ?",
                arguments: [chunk.inputEnd, chunk.batch.id, chunk.batch.inputBytes])
            return try find(db, chunk.batch.id)
        }
        guard let alone = try readChunk(batch) else { throw StateError.batchNotFound(id: batch.id) }
        return alone
    }

    /// Takes back the start of a chunk that was given up in good order.
    package func release(_ chunk: BatchChunk) async {
        try? await Blocking.run { [self] in
            begun.withLock { $0[chunk.batch.id] = nil }
            try storage.write { db in
                try db.execute(
                    sql: "UPDATE batch SET starts = MAX(starts - 1, 0) WHERE id = ? AND inputBytes = ?",
                    arguments: [chunk.batch.id, chunk.batch.inputBytes])
            }
        }
    }

    private func nextJob() throws -> StoredBatch? {
        let batch = try storage.write { db in
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT * FROM batch WHERE state IN ('BATCH_STATE_PENDING', 'BATCH_STATE_RUNNING') AND expirationTime > ?
                    ORDER BY priority DESC, servedTime, sequence LIMIT 1
                    """, arguments: [storage.now.microseconds])
            guard let batch = row.map(StoredBatch.init) else { return StoredBatch?.none }
            let now = storage.now.microseconds
            let isAgain = begun.withLock { $0.updateValue(batch.inputBytes, forKey: batch.id) == batch.inputBytes }
            try db.execute(
                sql: """
                    UPDATE batch SET state = 'BATCH_STATE_RUNNING', servedTime = ?, starts = starts + ?,
                        updateTime = CASE state WHEN 'BATCH_STATE_PENDING' THEN ? ELSE updateTime END WHERE id = ?
                    """, arguments: [now, isAgain ? 0 : 1, now, batch.id])
            return try find(db, batch.id)
        }
        guard let batch, batch.resultsBlob == nil else { return batch }
        _ = try storage.createBlob(reserving: 0) { db, blob in
            try db.execute(
                sql: "UPDATE batch SET resultsBlob = ? WHERE id = ? AND state = 'BATCH_STATE_RUNNING'",
                arguments: [blob, batch.id])
            guard db.changesCount == 1 else { throw StateError.batchNotFound(id: batch.id) }
        }
        return try storage.read { db in try find(db, batch.id) }
    }

    /// nil at the end of the input.
    private func readChunk(_ batch: StoredBatch) throws -> BatchChunk? {
        let (_, input) = try storage.open(
            { db in
                guard let input = try find(db, batch.id).inputBlob else { throw StateError.batchNotFound(id: batch.id) }
                return input
            }, blob: { $0 })
        do {
            let chunk = try readChunk(batch, input)
            // An input that ends before its requests do was cut.
            if chunk == nil, batch.finishedCount < batch.requestCount { throw StoreError.bytesLost }
            return chunk
        } catch StoreError.storage {
            throw StoreError.bytesLost
        }
    }

    private func readChunk(_ batch: StoredBatch, _ input: Blob) throws -> BatchChunk? {
        let settings = storage.settings
        var lines = LineScanner(input, from: batch.inputBytes, maxLineBytes: settings.maxLineBytes)
        var requests: [BatchChunk.Request] = []
        var bytes = 0
        var end = batch.inputBytes
        let most = batch.inputBytes < batch.aloneBytes ? 1 : settings.chunkRequests
        while requests.count < most, let line = try lines.next() {
            switch line {
            case .text(let json):
                bytes += json.count
                if bytes > settings.chunkBytes, !requests.isEmpty {
                    return BatchChunk(batch: batch, firstIndex: batch.finishedCount, requests: requests, inputEnd: end)
                }
                requests.append(.json(json))
            case .tooLong(let bytes): requests.append(.tooLong(bytes: bytes, limit: settings.maxLineBytes))
            }
            end = lines.offset
        }
        guard !requests.isEmpty else { return nil }
        return BatchChunk(batch: batch, firstIndex: batch.finishedCount, requests: requests, inputEnd: end)
    }

    /// Makes the results of a chunk durable, in the order of its requests. False for a job that was cancelled, deleted or expired
    /// meanwhile, whose results are dropped.
    package func complete(_ chunk: BatchChunk, _ results: [BatchResult]) async throws -> Bool {
        precondition(results.count == chunk.requests.count, "one result for every request")
        return try await Blocking.run { [self] in
            let before = chunk.batch
            guard let blob = before.resultsBlob, try storage.read({ db in try stillDue(db, before) }) else {
                return false
            }
            var lines: [UInt8] = []
            for result in results {
                lines += result.line
                lines.append(UInt8(ascii: "\n"))
            }
            let end = before.resultsBytes + lines.count
            do {
                try storage.write { db in try storage.reserve(db, end, for: blob) }
            } catch StateError.quotaExceeded {
                try fail(before, .storageFull)
                return false
            }
            guard let file = try openResults(before) else {
                try fail(before, .bytesLost)
                return false
            }
            try file.truncate(to: before.resultsBytes)
            try file.write(lines, at: before.resultsBytes)
            try file.sync()
            let failed = results.count { $0.isFailure }
            let moved = try storage.write { db in
                guard try stillDue(db, before) else { return false }
                try db.execute(
                    sql: """
                        UPDATE batch SET inputBytes = ?, resultsBytes = ?, successfulCount = successfulCount + ?,
                            failedCount = failedCount + ?, starts = 0, updateTime = ? WHERE id = ?
                        """,
                    arguments: [
                        chunk.inputEnd, end, results.count - failed, failed, storage.now.microseconds, before.id,
                    ])
                return true
            }
            begun.withLock { $0[before.id] = nil }
            // With its last chunk a job is finished at once, not when its turn comes again.
            if moved {
                let after = try storage.read { db in try find(db, before.id) }
                if after.finishedCount >= after.requestCount { try finish(after) }
            }
            return moved
        }
    }

    /// Gives a job up.
    package func fail(_ chunk: BatchChunk, _ failure: BatchFailure) async throws {
        try await Blocking.run { [self] in try fail(chunk.batch, failure) }
    }

    private func fail(_ batch: StoredBatch, _ failure: BatchFailure) throws {
        try storage.writeAndSweep { db in
            guard try stillDue(db, batch) else { return }
            try end(db, batch.id, .failed, failure)
        }
    }

    /// Whether the job is where it was when its chunk was claimed.
    private func stillDue(_ db: Database, _ batch: StoredBatch) throws -> Bool {
        try Bool.fetchOne(
            db, sql: "SELECT state = 'BATCH_STATE_RUNNING' AND inputBytes = ? FROM batch WHERE id = ?",
            arguments: [batch.inputBytes, batch.id]) ?? false
    }

    /// All results are there: in one transaction the job succeeds and, for a job from a file, its results become a file.
    private func finish(_ batch: StoredBatch) throws {
        guard let blob = batch.resultsBlob else { return }
        var hash = SHA256()
        guard let results = try openResults(batch) else { throw StoreError.bytesLost }
        if batch.inputFile != nil {
            // What a chunk left that was never completed.
            try results.truncate(to: batch.resultsBytes)
            try results.sync()
            try results.forEachPiece(to: batch.resultsBytes) { hash.update($0) }
        }
        do {
            try succeed(batch, blob, hash.digest())
        } catch StateError.tooManyFiles {
            try fail(batch, .storageFull)
        }
    }

    /// nil where they are not as long as the job's row says.
    private func openResults(_ batch: StoredBatch) throws -> Blob? {
        guard let results = try batch.resultsBlob.flatMap({ try storage.blobs.open($0) }),
            try results.size() >= batch.resultsBytes
        else { return nil }
        return results
    }

    private func succeed(_ batch: StoredBatch, _ blob: String, _ sha256: [UInt8]) throws {
        try storage.writeAndSweep { db in
            guard try stillDue(db, batch) else { return }
            let now = storage.now
            var file: StoredFile?
            if batch.inputFile != nil {
                file = try FileStore.insert(
                    db,
                    FileStore.NewFile(
                        id: "batch-\(batch.id)", displayName: nil, mimeType: "application/jsonl",
                        sizeBytes: batch.resultsBytes, sha256: sha256, state: .active, source: .generated,
                        blob: blob), storage)
            }
            try db.execute(
                sql: """
                    UPDATE batch SET state = 'BATCH_STATE_SUCCEEDED', updateTime = ?, endTime = ?, expirationTime = ?,
                        inputBlob = NULL, resultsFile = ?, resultsBlob = ? WHERE id = ?
                    """,
                arguments: [
                    now.microseconds, now.microseconds, (now + storage.settings.finishedBatchLifetime).microseconds,
                    file?.id, file == nil ? blob : nil, batch.id,
                ])
        }
    }
}
