import FoundationEssentials
import ServerState
import Store
import Synchronization
import Testing

@Suite struct BatchStoreTests {
    private let folder = Folder()

    private func inline(_ count: Int, priority: Int64 = 0) -> NewBatch {
        NewBatch(model: "m", displayName: "job", priority: priority, input: .inline(requests(count)))
    }

    @Test func inlineInOrder() async throws {
        let state = try folder.open { $0.chunkRequests = 7 }
        let created = try await state.batches.create(inline(50))
        #expect(created.state == .pending && created.requestCount == 50 && created.finishedCount == 0)
        #expect(created.id.wholeMatch(of: /[a-z0-9]{36}/) != nil)
        #expect(try await state.batches.results(created) == nil)
        let done = try await state.run(created.id)
        #expect(done.state == .succeeded && done.successfulCount == 50 && done.failedCount == 0)
        #expect(done.endTime != nil && done.failure == nil && done.resultsFile == nil)
        #expect(try await state.results(created.id) == (0..<50).map { "{\"of\":{\"r\":\($0)}}" })
        // The input is gone, the results stay.
        #expect(try folder.blobs().count == 1)
    }

    @Test func fromAFileToAFile() async throws {
        let state = try folder.open { $0.chunkRequests = 3 }
        let lines = (0..<10).map { "{\"key\":\"\($0)\"\($0 == 4 ? ",\"bad\":1" : "")}" }
        // Line ends of Windows, empty lines, none at the end: as files come.
        let input = try await state.files.add(Array(("\n" + lines.joined(separator: "\r\n\n  \n")).utf8), id: "in")
        let created = try await state.batches.create(NewBatch(model: "m", input: .file("in")))
        #expect(created.requestCount == 10 && created.inputFile == "in")
        let done = try await state.run(created.id)
        #expect(done.state == .succeeded && done.successfulCount == 9 && done.failedCount == 1)
        let id = try #require(done.resultsFile)
        #expect(id == "batch-\(done.id)")
        let (file, blob) = try await state.files.mapped(id)
        let bytes = blob.copy
        #expect(bytes.text.split(separator: "\n").map { $0.filter { $0 != "\r" } } == lines.map { "{\"of\":\($0)}" })
        #expect(file.sizeBytes == bytes.count && file.sha256 == sha256(bytes) && file.source == .generated)
        try await state.files.delete(input.id)
        try await state.batches.delete(done.id)
        #expect(try await state.files.bytes(id) == bytes)
    }

    @Test func lineEndsInsideARequestAreSpaces() async throws {
        let state = try folder.open()
        let batch = try await state.batches.create(
            NewBatch(model: "m", input: .inline([Array("{\n \"a\": 1\n}".utf8), Array("2".utf8)])))
        _ = try await state.run(batch.id)
        #expect(try await state.results(batch.id) == ["{\"of\":{  \"a\": 1 }}", "{\"of\":2}"])
    }

    @Test func linesAboveTheLimitFailInTheirPlace() async throws {
        let state = try folder.open { $0.maxLineBytes = 100 }
        let long = String(repeating: "x", count: 700_000)
        try await state.files.add(Array("1\n\(long)\n\(long.prefix(100))\n2".utf8), id: "in")
        let batch = try await state.batches.create(NewBatch(model: "m", input: .file("in")))
        let done = try await state.run(batch.id)
        #expect(done.successfulCount == 3 && done.failedCount == 1)
        let text = try await state.files.bytes(try #require(done.resultsFile)).text
        #expect(
            text.split(separator: "\n")
                == ["{\"of\":1}", "{\"tooLong\":[700000,100]}", "{\"of\":\(long.prefix(100))}", "{\"of\":2}"])
    }

    @Test func chunksHaveBoundedBytes() async throws {
        let state = try folder.open { $0.chunkBytes = 25 }
        let lines = ["1234567890", "1234567890", "1234567890", String(repeating: "1", count: 60), "2", "3"]
        let batch = try await state.batches.create(NewBatch(model: "m", input: .inline(lines.map { Array($0.utf8) })))
        let sizes = Mutex<[Int]>([])
        _ = try await state.run(batch.id) { chunk in
            sizes.withLock { $0.append(chunk.requests.count) }
            return try await echo(chunk)
        }
        #expect(sizes.withLock { $0 } == [2, 1, 1, 2])
        #expect(try await state.results(batch.id) == lines.map { "{\"of\":\($0)}" })
    }

    /// A process that dies between any two steps computes the chunk anew, and its results come once.
    @Test func aRestartGoesOn() async throws {
        var state = try folder.open { $0.chunkRequests = 4 }
        let inline = try await state.batches.create(inline(11))
        try await state.files.add(Array("1\n2\n3\n4\n5\n6\n7\n8\n9\n".utf8), id: "in")
        let file = try await state.batches.create(NewBatch(model: "m", input: .file("in")))
        for _ in 0..<8 {
            // Claimed, computed, and not completed.
            _ = try await state.batches.claim()
            state.close()
            state = try folder.open { $0.chunkRequests = 4 }
            try await state.step(1)
        }
        #expect(try await state.batches.batch(inline.id).state == .succeeded)
        #expect(try await state.results(inline.id) == (0..<11).map { "{\"of\":{\"r\":\($0)}}" })
        let done = try await state.batches.batch(file.id)
        #expect(done.state == .succeeded && done.successfulCount == 9)
        #expect(
            try await state.files.bytes(try #require(done.resultsFile)).text
                == (1...9).map { "{\"of\":\($0)}\n" }.joined())
    }

    /// Four processes end in a chunk with a deadly request: two in the chunk, two in the request alone. Then it has its result, and the others
    /// have theirs, in order.
    @Test func aRequestThatEndsProcessesIsGivenUp() async throws {
        let settings: (inout StateSettings) -> Void = { $0.chunkRequests = 4 }
        var state = try folder.open(settings)
        let batch = try await state.batches.create(
            NewBatch(model: "m", input: .inline((0..<11).map { Array("\($0 == 5 ? "\"deadly\"" : "\($0)")".utf8) })))
        var ends = 0
        while try await !state.batches.batch(batch.id).state.isFinished {
            let chunk = try #require(try await state.batches.claim())
            if chunk.requests.contains(.json(Array("\"deadly\"".utf8))) {
                ends += 1
                state.close()
                state = try folder.open(settings)
            } else {
                _ = try await state.batches.complete(chunk, try await echo(chunk))
            }
        }
        #expect(ends == 4)
        let done = try await state.batches.batch(batch.id)
        #expect(done.state == .succeeded && done.successfulCount == 10 && done.failedCount == 1)
        #expect(
            try await state.results(batch.id)
                == (0..<11).map { $0 == 5 ? "{\"deadly\":\"deadly\"}" : "{\"of\":\($0)}" })
    }

    /// Neither an orderly end nor an error of the disk is a crash: however many there are, nothing is taken for deadly.
    @Test func whatEndsInGoodOrderIsNotCounted() async throws {
        var state = try folder.open()
        let batch = try await state.batches.create(inline(3))
        for _ in 0..<10 {
            let chunk = try #require(try await state.batches.claim())
            #expect(chunk.requests.count == 3)
            // As after an error: claimed again by the same process.
            #expect(try await state.batches.claim()?.requests.count == 3)
            await state.batches.release(chunk)
            state.close()
            state = try folder.open()
        }
        let runner = Task { [batches = state.batches] in
            await BatchRunner(batches) { _ in
                try await Task.sleep(for: .seconds(3_600))
                return []
            }.run()
        }
        while try await state.batches.batch(batch.id).state != .running { try await Task.sleep(for: .milliseconds(1)) }
        runner.cancel()
        await runner.value
        state.close()
        #expect(try await folder.open().run(batch.id).successfulCount == 3)
    }

    /// The state that a crash leaves which came after the results were written and before the row said so.
    @Test func whatWasWrittenAndNotCountedIsOverwritten() async throws {
        let state = try folder.open { $0.chunkRequests = 2 }
        let batch = try await state.batches.create(inline(6))
        let input = Set(try folder.blobs())
        try await state.step(1)
        let results = try #require(Set(try folder.blobs()).subtracting(input).first)
        state.close()
        let url = URL(filePath: "\(folder.path)/blobs/\(results)")
        try (Data(contentsOf: url) + Data("{\"of\":{\"r\":2}}\n{\"of\":{\"r\":3}}\n{\"of\":{\"r\"".utf8)).write(to: url)
        let next = try folder.open { $0.chunkRequests = 2 }
        try await next.step()
        #expect(try await next.results(batch.id) == (0..<6).map { "{\"of\":{\"r\":\($0)}}" })
    }

    @Test func cancelledDuringAChunk() async throws {
        let state = try folder.open { $0.chunkRequests = 2 }
        let batch = try await state.batches.create(inline(6))
        try await state.step(1)
        let chunk = try #require(try await state.batches.claim())
        try await state.batches.cancel(batch.id)
        #expect(try await !state.batches.complete(chunk, try await echo(chunk)))
        let after = try await state.batches.batch(batch.id)
        #expect(after.state == .cancelled && after.failure == .cancelled && after.successfulCount == 2)
        #expect(after.endTime != nil)
        #expect(try await state.batches.claim() == nil)
        #expect(try await state.batches.results(after) == nil)
        #expect(try folder.blobs().isEmpty)
        // A finished job does not change.
        try await state.batches.cancel(batch.id)
        #expect(try await state.batches.batch(batch.id) == after)
    }

    @Test func deletedDuringAChunk() async throws {
        let state = try folder.open()
        let batch = try await state.batches.create(inline(6))
        let chunk = try #require(try await state.batches.claim())
        try await state.batches.delete(batch.id)
        #expect(try await !state.batches.complete(chunk, try await echo(chunk)))
        #expect(try await stateError { _ = try await state.batches.batch(batch.id) } == .batchNotFound(id: batch.id))
        #expect(try await stateError { try await state.batches.delete(batch.id) } == .batchNotFound(id: batch.id))
        #expect(try await stateError { try await state.batches.cancel(batch.id) } == .batchNotFound(id: batch.id))
        #expect(try folder.blobs().isEmpty)
    }

    /// A chunk that two runners computed counts once.
    @Test func aChunkIsCompletedOnce() async throws {
        let state = try folder.open { $0.chunkRequests = 2 }
        let batch = try await state.batches.create(inline(4))
        let chunk = try #require(try await state.batches.claim())
        let results = try await echo(chunk)
        #expect(try await state.batches.complete(chunk, results))
        #expect(try await !state.batches.complete(chunk, results))
        try await state.step()
        #expect(try await state.results(batch.id).count == 4)
    }

    /// The input belongs to the job as long as it runs.
    @Test func theInputMayBeDeleted() async throws {
        let state = try folder.open { $0.chunkRequests = 1 }
        try await state.files.add(Array("1\n2\n3".utf8), id: "in")
        let batch = try await state.batches.create(NewBatch(model: "m", input: .file("in")))
        try await state.step(1)
        try await state.files.delete("in")
        let done = try await state.run(batch.id)
        #expect(done.successfulCount == 3)
        #expect(try folder.blobs().count == 1)
    }

    @Test func priorityThenTurns() async throws {
        let state = try folder.open { $0.chunkRequests = 1 }
        let a = try await state.batches.create(inline(2))
        let b = try await state.batches.create(inline(2))
        let urgent = try await state.batches.create(inline(2, priority: 1))
        var order: [String] = []
        while let chunk = try await state.batches.claim() {
            order.append(chunk.batch.id)
            folder.clock.advance(.seconds(1))
            _ = try await state.batches.complete(chunk, try await echo(chunk))
        }
        #expect(order == [urgent.id, urgent.id, a.id, b.id, a.id, b.id])
    }

    @Test func unfinishedExpires() async throws {
        let state = try folder.open { $0.chunkRequests = 1 }
        let batch = try await state.batches.create(inline(2))
        let finished = try await state.batches.create(inline(1))
        // The first has its turn, then the other.
        folder.clock.advance(.seconds(1))
        try await state.step(2)
        folder.clock.advance(.seconds(48 * 3_600))
        #expect(try await state.batches.claim() == nil)
        try await state.removeExpired()
        let after = try await state.batches.batch(batch.id)
        #expect(after.state == .expired && after.failure == .expired)
        #expect(try await state.batches.batch(finished.id).state == .succeeded)
        folder.clock.advance(.seconds(7 * 24 * 3_600))
        try await state.removeExpired()
        #expect(try await state.batches.list(pageSize: 10, pageToken: nil).elements.isEmpty)
        #expect(try folder.blobs().isEmpty)
    }

    @Test func updateAndList() async throws {
        let state = try folder.open()
        var ids: [String] = []
        for _ in 0..<5 { ids.append(try await state.batches.create(inline(1)).id) }
        let updated = try await state.batches.update(ids[0], displayName: "new", priority: nil)
        #expect(updated.displayName == "new" && updated.priority == 0)
        #expect(try await state.batches.update(ids[0], displayName: nil, priority: 7).displayName == "new")
        let first = try await state.batches.list(pageSize: 3, pageToken: nil)
        let second = try await state.batches.list(pageSize: 3, pageToken: first.nextPageToken)
        #expect((first.elements + second.elements).map(\.id) == ids.reversed())
        #expect(second.nextPageToken == nil && second.elements.last?.priority == 7)
    }

    @Test func refused() async throws {
        let state = try folder.open {
            $0.maxInlineRequests = 3
            $0.maxBatches = 1
            $0.maxTotalBytes = 1_000
        }
        let batches = state.batches
        func error(_ input: NewBatch.Input) async throws -> StateError? {
            try await stateError { _ = try await batches.create(NewBatch(model: "m", input: input)) }
        }
        #expect(try await error(.inline([])) == .noRequests)
        #expect(try await error(.inline(requests(4))) == .tooManyRequests(count: 4, limit: 3))
        #expect(try await error(.inline([someBytes(1_000)])) == .quotaExceeded(bytes: 1_001, limit: 1_000))
        #expect(try await error(.file("none")) == .fileNotFound(id: "none"))
        try await state.files.add(Array("\n \n".utf8), id: "empty")
        #expect(try await error(.file("empty")) == .noRequests)
        #expect(try await error(.inline(requests(1))) == nil)
        #expect(try await error(.inline(requests(1))) == .tooManyBatches(limit: 1))
        // What was refused left nothing behind.
        #expect(try folder.blobs().count == 2)
    }

    @Test func resultsCountAgainstTheQuota() async throws {
        let state = try folder.open {
            $0.chunkRequests = 10
            $0.maxTotalBytes = 2_000
        }
        let batch = try await state.batches.create(inline(100))
        let done = try await state.run(batch.id)
        #expect(done.state == .failed && done.failure == .storageFull)
        #expect(done.successfulCount > 0 && done.successfulCount < 100)
        #expect(try folder.blobs().isEmpty)
    }

    struct Hiccup: Error {}

    @Test func hiccupsAreTriedAgain() async throws {
        let state = try folder.open()
        let batch = try await state.batches.create(inline(3))
        let calls = Mutex(0)
        let done = try await state.run(batch.id) { chunk in
            guard
                calls.withLock({
                    $0 += 1; return $0 > 2
                })
            else { throw Hiccup() }
            return try await echo(chunk)
        }
        #expect(done.state == .succeeded)
        #expect(try await state.results(batch.id).count == 3)
        let hopeless = try await state.batches.create(inline(3))
        let failed = try await state.openAgainAndRun(hopeless.id)
        #expect(failed.state == .failed && failed.failure?.code == 13)
    }
}

extension ServerState {
    /// A runner's stream of work ends with it, so the second runner of a test takes chunks itself.
    fileprivate func openAgainAndRun(_ id: String) async throws -> StoredBatch {
        let chunk = try #require(try await batches.claim())
        try await batches.fail(chunk, BatchFailure(code: 13, message: "no"))
        return try await batches.batch(id)
    }
}
