import FoundationEssentials
import GRDB
package import Store
import Synchronization

/// A job to be made.
package struct NewBatch: Sendable {
    package enum Input: Sendable {
        /// Each request one JSON text.
        case inline([[UInt8]])
        /// The id of a file with one JSON text a line.
        case file(String)
    }

    package var model: String
    package var displayName: String?
    package var priority: Int64
    package var input: Input

    package init(model: String, displayName: String? = nil, priority: Int64 = 0, input: Input) {
        self.model = model
        self.displayName = displayName
        self.priority = priority
        self.input = input
    }
}

/// Batch jobs. Both kinds of input are lines of a blob, and so are the results; the row says how far both go.
package final class BatchStore: Sendable {
    let storage: Storage
    /// Says that there may be something to do.
    let work: AsyncStream<Void>
    private let workContinuation: AsyncStream<Void>.Continuation
    /// Where in its input each job is that this process began to compute, by the job's id: to begin there again is no sign of a crash.
    let begun = Mutex<[String: Int]>([:])

    init(_ storage: Storage) {
        self.storage = storage
        (work, workContinuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        workContinuation.yield()
    }

    package func create(_ new: NewBatch) async throws -> StoredBatch {
        try DisplayName.check(new.displayName)
        let batch = try await Blocking.run { [self] in
            switch new.input {
            case .inline(let requests): try createInline(new, requests)
            case .file(let id): try createFromFile(new, file: id)
            }
        }
        workContinuation.yield()
        return batch
    }

    private func createInline(_ new: NewBatch, _ requests: [[UInt8]]) throws -> StoredBatch {
        let limit = storage.settings.maxInlineRequests
        guard !requests.isEmpty else { throw StateError.noRequests }
        guard requests.count <= limit else { throw StateError.tooManyRequests(count: requests.count, limit: limit) }
        var lines: [UInt8] = []
        lines.reserveCapacity(requests.reduce(0) { $0 + $1.count + 1 })
        for request in requests {
            // A line end can only stand between the tokens of JSON: a space does as well.
            lines += request.lazy.map { $0 == UInt8(ascii: "\n") ? UInt8(ascii: " ") : $0 }
            lines.append(UInt8(ascii: "\n"))
        }
        let id = RandomName.batch()
        // The blob must be whole and durable before a row names it, but must be counted before it is written: first a row of an
        // upload's kind that no client knows, then the job in its place.
        let blob = try storage.createBlob(reserving: lines.count) { db, blob in
            try db.execute(
                sql: "INSERT INTO upload VALUES (?, '', NULL, '', NULL, 0, FALSE, ?, ?)",
                arguments: [id, (storage.now + .seconds(3_600)).microseconds, blob])
        }
        do {
            guard let file = try storage.blobs.open(blob) else { throw StoreError.bytesLost }
            try file.write(lines, at: 0)
            try file.sync()
            return try storage.write { db in
                try db.execute(sql: "DELETE FROM upload WHERE id = ?", arguments: [id])
                return try insert(db, new, id: id, inputFile: nil, inputBlob: blob, requestCount: requests.count)
            }
        } catch {
            storage.blobs.remove(blob)
            try? storage.writeAndSweep { db in
                try db.execute(sql: "DELETE FROM upload WHERE id = ?", arguments: [id])
            }
            throw error
        }
    }

    private func createFromFile(_ new: NewBatch, file id: String) throws -> StoredBatch {
        let (file, blob) = try storage.open(
            { db in
                let file = try FileStore.find(db, id, now: storage.now)
                guard file.state == .active else { throw StateError.fileNotActive(id: id, state: file.state) }
                return file
            }, blob: \.blob)
        var lines = LineScanner(blob, from: 0, maxLineBytes: storage.settings.maxLineBytes)
        var count = 0
        while try lines.next() != nil { count += 1 }
        guard count > 0 else { throw StateError.noRequests }
        return try storage.write { db in
            // The file may have been deleted while its lines were counted.
            _ = try FileStore.find(db, id, now: storage.now)
            return try insert(
                db, new, id: RandomName.batch(), inputFile: id, inputBlob: file.blob, requestCount: count)
        }
    }

    private func insert(
        _ db: Database, _ new: NewBatch, id: String, inputFile: String?, inputBlob: String, requestCount: Int
    ) throws -> StoredBatch {
        let limit = storage.settings.maxBatches
        guard try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM batch") ?? 0 < limit else {
            throw StateError.tooManyBatches(limit: limit)
        }
        try storage.checkQuota(db, more: new.displayName?.utf8.count ?? 0)
        let now = storage.now
        try db.execute(
            sql: """
                INSERT INTO batch (id, model, displayName, priority, state, createTime, updateTime, expirationTime, servedTime,
                    inputFile, inputBlob, inputBytes, resultsBytes, requestCount, successfulCount, failedCount)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, 0, 0)
                """,
            arguments: [
                id, new.model, new.displayName, new.priority, BatchState.pending.rawValue, now.microseconds,
                now.microseconds, (now + storage.settings.batchLifetime).microseconds, now.microseconds, inputFile,
                inputBlob, requestCount,
            ])
        return try find(db, id)
    }

    // MARK: - What clients ask for

    package func batch(_ id: String) async throws -> StoredBatch {
        try await Blocking.run { [self] in
            try storage.read { db in try find(db, id) }
        }
    }

    /// The newest first.
    package func list(pageSize: Int, pageToken: String?) async throws -> Page<StoredBatch> {
        let before = try PageToken.sequence(pageToken)
        return try await Blocking.run { [storage] in
            let batches = try storage.read { db in
                try Row.fetchAll(
                    db, sql: "SELECT * FROM batch WHERE sequence < ? ORDER BY sequence DESC LIMIT ?",
                    arguments: [before, pageSize + 1]
                ).map(StoredBatch.init)
            }
            return Page(
                elements: Array(batches.prefix(pageSize)),
                nextPageToken: batches.count > pageSize ? PageToken.text(batches[pageSize - 1].sequence) : nil)
        }
    }

    /// The results of a job of inline requests that succeeded: one JSON text a line, in the order of the requests.
    package func results(_ batch: StoredBatch) async throws -> Blob? {
        guard batch.state == .succeeded, batch.inputFile == nil, batch.resultsBlob != nil else { return nil }
        return try await Blocking.run { [self] in
            try storage.open({ db in try find(db, batch.id) }, blob: { $0.resultsBlob ?? "" }).blob
        }
    }

    /// Ends a job that is not finished; its results so far are dropped. Of a finished one nothing changes.
    package func cancel(_ id: String) async throws {
        try await Blocking.run { [self] in
            try storage.writeAndSweep { db in
                if try find(db, id).state.isFinished { return }
                try end(db, id, .cancelled, .cancelled)
            }
        }
    }

    /// Forgets the job, and stops it. A file of results stays until it expires.
    package func delete(_ id: String) async throws {
        try await Blocking.run { [self] in
            try storage.writeAndSweep { db in
                _ = try find(db, id)
                try db.execute(sql: "DELETE FROM batch WHERE id = ?", arguments: [id])
            }
        }
    }

    /// Changes what is given.
    package func update(_ id: String, displayName: String?, priority: Int64?) async throws -> StoredBatch {
        try DisplayName.check(displayName)
        return try await Blocking.run { [self] in
            try storage.write { db in
                let before = try find(db, id)
                if let name = displayName {
                    let more = name.utf8.count - (before.displayName?.utf8.count ?? 0)
                    if more > 0 { try storage.checkQuota(db, more: more) }
                }
                try db.execute(
                    sql: """
                        UPDATE batch SET displayName = COALESCE(?, displayName), priority = COALESCE(?, priority),
                            updateTime = ? WHERE id = ?
                        """, arguments: [displayName, priority, storage.now.microseconds, id])
                return try find(db, id)
            }
        }
    }

    // MARK: - Rows

    func find(_ db: Database, _ id: String) throws -> StoredBatch {
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM batch WHERE id = ?", arguments: [id]) else {
            throw StateError.batchNotFound(id: id)
        }
        return StoredBatch(row: row)
    }

    /// Ends a job without results.
    func end(_ db: Database, _ id: String, _ state: BatchState, _ failure: BatchFailure) throws {
        let now = storage.now
        try db.execute(
            sql: """
                UPDATE batch SET state = ?, failureCode = ?, failure = ?, updateTime = ?, endTime = ?, expirationTime = ?,
                    inputBlob = NULL, resultsBlob = NULL WHERE id = ?
                """,
            arguments: [
                state.rawValue, failure.code, failure.message, now.microseconds, now.microseconds,
                (now + storage.settings.finishedBatchLifetime).microseconds, id,
            ])
    }
}
