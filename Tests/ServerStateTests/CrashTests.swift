import Foundation
import Glibc
import ServerState
import ServerStateHelper
import TestSupport
import Testing

/// A process is killed again and again in the middle of uploads, deletions and batch jobs. Whatever it had confirmed is there afterwards,
/// byte for byte; whatever it had not is either there or not, but never half; and in the end everything is whole, once.
@Suite struct CrashTests {
    private let folder = Folder()
    private static let kills = 24

    private var logPath: String { "\(folder.path).log" }

    @Test func nothingIsLostOrDoubled() async throws {
        defer { unlink(logPath) }
        for round in 0..<Self.kills {
            let before = logBytes
            let process = try start("work")
            // At a random moment of the work, however fast the machine is.
            let wanted = before + Int.random(in: 1...400)
            try Standstill.wait(for: process) { logBytes >= wanted }
            usleep(UInt32.random(in: 0...5_000))
            kill(process, SIGKILL)
            #expect(try wait(process) == 128 + SIGKILL, "round \(round): it ended by itself")
            try await checkConfirmed(round)
        }
        #expect(try wait(start("finish")) == 0)
        try await checkEverything()
    }

    /// A real process that dies at a request, again and again: at each start once, until the request is given up.
    @Test func aDeadlyRequestEndsFourProcesses() async throws {
        let lines = (0..<250).map { $0 % 100 == 42 ? "\"deadly \($0)\"" : "\($0)" }
        var settings = StateSettings(folder: folder.path)
        settings.chunkRequests = 8
        var state = try ServerState(settings)
        let job = try await state.batches.create(NewBatch(model: "m", input: .inline(lines.map { Array($0.utf8) })))
        state.close()
        var ends = 0
        while true {
            let status = try wait(start("deadly"))
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

    /// What the log says, and no orphan.
    private func checkConfirmed(_ round: Int) async throws {
        let log = try Log(path: logPath)
        let state = try ServerState(StateSettings(folder: folder.path))
        defer { state.close() }
        for (number, upload) in log.uploads {
            let id = Workload.fileID(number)
            let isThere: Bool
            do {
                let (file, blob) = try await state.files.mapped(id)
                let bytes = Array(blob.bytes)
                #expect(bytes == Workload.bytes(number) && file.sha256 == sha256(bytes), "round \(round): \(id)")
                isThere = true
            } catch StateError.fileNotFound {
                isThere = false
            }
            if log.deleted.contains(number) {
                #expect(!isThere, "round \(round): \(id) is back")
            } else if log.deleting.contains(number) {
                continue
            } else if log.final.contains(number) {
                #expect(isThere, "round \(round): \(id) is lost")
            } else if !isThere, case .active(let received) = try await state.files.uploadStatus(upload) {
                let confirmed = log.received[number] ?? 0
                #expect(received >= confirmed, "round \(round): \(id) had \(confirmed) bytes, has \(received)")
            }
        }
        for (number, id) in log.batches {
            let batch = try await state.batches.batch(id)
            #expect(batch.requestCount == Workload.requests(number).count)
            #expect(batch.displayName == "\(number)")
        }
    }

    private func checkEverything() async throws {
        let log = try Log(path: logPath)
        #expect(log.final.count > Self.kills / 2 && log.batches.count > 2, "too little was done to tell")
        try await checkConfirmed(Self.kills)
        let state = try ServerState(StateSettings(folder: folder.path))
        defer { state.close() }
        #expect(Set(log.uploads.keys) == log.finished)
        for (number, id) in log.batches {
            let batch = try await state.batches.batch(id)
            let expected = Workload.requests(number).map(Workload.result)
            #expect(batch.state == .succeeded && batch.failedCount == expected.count { $0.isFailure })
            #expect(batch.finishedCount == expected.count)
            let bytes: [UInt8]
            if let file = batch.resultsFile {
                bytes = try await state.files.bytes(file)
            } else {
                let blob = try #require(try await state.batches.results(batch))
                bytes = try blob.read(at: 0, count: blob.size())
            }
            #expect(bytes == expected.flatMap { $0.line + [10] }, "job \(number)")
        }
    }

    // MARK: - Processes

    private static let helper: String = {
        let bundle = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: bundle ?? "").deletingLastPathComponent().appending(path: "ServerStateHelper").path
    }()

    private func start(_ mode: String) throws -> pid_t {
        let words = [Self.helper, folder.path, logPath, mode]
        let arguments = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, Self.helper, nil, nil, arguments, environ)
        try #require(code == 0, "\(Self.helper): \(String(cString: strerror(code)))")
        return process
    }

    private var logBytes: Int {
        (try? FileManager.default.attributesOfItem(atPath: logPath)[.size] as? Int) ?? 0
    }

    /// As a shell reports it: 128 and the signal's number.
    private func wait(_ process: pid_t) throws -> Int32 {
        var status: Int32 = 0
        do {
            try Standstill.wait(for: process) { waitpid(process, &status, WNOHANG) != 0 }
        } catch is Standstill.Reached {
            kill(process, SIGKILL)
            waitpid(process, &status, 0)
            Issue.record("killed, because it stood still")
            return -1
        }
        let signal = status & 0x7f
        return signal == 0 ? status >> 8 & 0xff : 128 + signal
    }
}
