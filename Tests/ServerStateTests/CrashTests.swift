import Glibc
import ServerState
import Store
import TestSupport
import Testing

/// A process is killed again and again in the middle of uploads, deletions and batch jobs. Whatever it had confirmed is there afterwards,
/// byte for byte; whatever it had not is either there or not, but never half; and in the end everything is whole, once.
@Suite struct CrashTests {
    private let folder = Folder()
    private static let kills = 24

    @Test func nothingIsLostOrDoubled() async throws {
        let work = CrashWork(folder: folder.path)
        for round in 0..<Self.kills {
            try work.killAtWork()
            let problems = try await work.problems()
            #expect(problems == [], "round \(round)")
        }
        try work.finish()
        try await work.checkEverything(atLeast: Self.kills / 2)
    }

    /// As after `kill -9`; and of the disk everything is gone that was not synced, or any part of it.
    @Test func nothingIsLostWithThePower() async throws {
        let disk = try FragileDisk()
        // Folders above the state's own are made by it, too.
        let work = CrashWork(folder: "\(disk.path)/var/state", environment: disk.environment())
        for round in 0..<Self.kills {
            try work.killAtWork()
            try disk.cut(round % 2 == 0 ? .everything : .anything(SeededRandom(seed: UInt64(round))))
            let problems = try await work.problems()
            #expect(problems == [], "round \(round)")
        }
        try work.finish()
        try disk.cut(.everything)
        try await work.checkEverything(atLeast: Self.kills / 2)
    }

    /// The test would notice: a program that does not sync one or the other loses what it confirmed.
    @Test(arguments: ["files", "folders"]) func whoDoesNotSyncLoses(_ forgotten: String) async throws {
        let disk = try FragileDisk()
        let work = CrashWork(folder: "\(disk.path)/state", environment: disk.environment(forgetting: forgotten))
        try work.killAtWork(after: 2_000)
        try disk.cut(.everything)
        let problems = try await work.problems()
        #expect(!problems.isEmpty)
    }

    /// A real process that dies at a request, again and again: at each start once, until the request is given up.
    @Test func aDeadlyRequestEndsFourProcesses() async throws {
        let lines = (0..<250).map { $0 % 100 == 42 ? "\"deadly \($0)\"" : "\($0)" }
        var settings = StateSettings(folder: folder.path)
        settings.chunkRequests = 8
        var state = try ServerState(settings)
        let job = try await state.batches.create(NewBatch(model: "m", input: .inline(lines.map { Array($0.utf8) })))
        state.close()
        let work = CrashWork(folder: folder.path)
        var ends = 0
        while true {
            let status = try work.wait(work.start("deadly"))
            if status == 0 { break }
            try #require(status == 128 + SIGKILL && ends < 20)
            ends += 1
        }
        #expect(ends == 12, "four for each of the three")
        state = try ServerState(settings)
        defer { state.close() }
        let batch = try await state.batches.batch(job.id)
        #expect(batch.state == .succeeded && batch.failedCount == 3 && batch.successfulCount == 247)
        #expect(try await state.results(job.id) == lines.map { $0.contains("deadly") ? "given up" : $0 })
    }
}
