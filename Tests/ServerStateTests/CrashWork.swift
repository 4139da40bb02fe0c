import Foundation
import Glibc
import ServerState
import ServerStateHelper
import Store
import TestSupport
import Testing

/// The processes of ServerStateHelper in one folder, and what they have confirmed: the log, which is their clients' memory and lies elsewhere.
final class CrashWork {
    private let folder: String
    private let environment: [String]
    private let logPath = FileManager.default.temporaryDirectory.appending(path: "castor-log-\(UUID().uuidString)").path

    /// - Parameter environment: beside the test's own
    init(folder: String, environment: [String] = []) {
        self.folder = folder
        self.environment = ProcessInfo.processInfo.environment.map { "\($0)=\($1)" } + environment
    }

    deinit { unlink(logPath) }

    /// A process that is killed at a random moment of its work, however fast the machine is.
    ///
    /// - Parameter bytes: of the log that it writes before
    func killAtWork(after bytes: Int = .random(in: 1...400)) throws {
        let wanted = logBytes + bytes
        let process = try start("work")
        try Standstill.wait(for: process) { logBytes >= wanted }
        usleep(UInt32.random(in: 0...5_000))
        kill(process, SIGKILL)
        #expect(try wait(process) == 128 + SIGKILL, "it ended by itself")
    }

    /// Lets a process end everything.
    func finish() throws {
        #expect(try wait(start("finish")) == 0)
    }

    /// What is not as the log says.
    func problems() async throws -> [String] {
        var problems: [String] = []
        let log = try Log(path: logPath)
        let state = try ServerState(StateSettings(folder: folder))
        defer { state.close() }
        for (number, upload) in log.uploads {
            let id = Workload.fileID(number)
            let isThere: Bool
            do {
                let (file, blob) = try await state.files.mapped(id)
                let bytes = blob.copy
                if bytes != Workload.bytes(number) || file.sha256 != sha256(bytes) {
                    problems.append("\(id) has other bytes")
                }
                isThere = true
            } catch StateError.fileNotFound {
                isThere = false
            } catch let error where error is StateError || error is StoreError {
                problems.append("\(id): \(error)")
                continue
            }
            if log.deleted.contains(number) {
                if isThere { problems.append("\(id) is back") }
            } else if log.deleting.contains(number) {
                continue
            } else if log.final.contains(number) {
                if !isThere { problems.append("\(id) is lost") }
            } else if !isThere {
                do {
                    guard case .active(let received) = try await state.files.uploadStatus(upload) else { continue }
                    let confirmed = log.received[number] ?? 0
                    if received < confirmed { problems.append("\(id) had \(confirmed) bytes, has \(received)") }
                } catch let error where error is StateError || error is StoreError {
                    problems.append("the upload of \(id): \(error)")
                }
            }
        }
        for (number, id) in log.batches {
            do {
                let batch = try await state.batches.batch(id)
                if batch.requestCount != Workload.requests(number).count || batch.displayName != "\(number)" {
                    problems.append("job \(number) is another")
                }
            } catch let error where error is StateError || error is StoreError {
                problems.append("job \(number): \(error)")
            }
        }
        return problems
    }

    /// After ``finish()``.
    func checkEverything(atLeast files: Int) async throws {
        let log = try Log(path: logPath)
        #expect(log.final.count > files && log.batches.count > 2, "too little was done to tell")
        let problems = try await problems()
        #expect(problems == [])
        let state = try ServerState(StateSettings(folder: folder))
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

    func start(_ mode: String) throws -> pid_t {
        let words = [Self.helper, folder, logPath, mode]
        let arguments = words.map { strdup($0) } + [nil]
        let variables = environment.map { strdup($0) } + [nil]
        defer { (arguments + variables).forEach { free($0) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, Self.helper, nil, nil, arguments, variables)
        try #require(code == 0, "\(Self.helper): \(String(cString: strerror(code)))")
        return process
    }

    private var logBytes: Int {
        (try? FileManager.default.attributesOfItem(atPath: logPath)[.size] as? Int) ?? 0
    }

    /// As a shell reports it: 128 and the signal's number.
    func wait(_ process: pid_t) throws -> Int32 {
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
