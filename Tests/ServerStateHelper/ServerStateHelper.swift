import FoundationEssentials
import Glibc
import ServerState
import Store

/// A server and its clients in one process, which the crash test kills again and again.
///
///     ServerStateHelper FOLDER LOG work      new uploads and jobs for ever
///     ServerStateHelper FOLDER LOG finish    ends what is begun, and itself
///     ServerStateHelper FOLDER LOG deadly    computes the jobs that there are; a request with the word "deadly" ends the process
///
/// The log has a line for everything that the store has confirmed. It is the clients' memory: the next process goes on from it.
@main struct ServerStateHelper {
    static let chunkBytes = 30_000

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4 else { exit(64) }
        let log = try Log(path: arguments[2])
        var settings = StateSettings(folder: arguments[1])
        settings.chunkRequests = 8
        let state = try opened(settings)
        if arguments[3] == "deadly" { return try await runDeadly(state) }
        let endless = arguments[3] == "work"

        let runner = Task {
            await BatchRunner(state.batches) { chunk in
                chunk.requests.map { request in
                    switch request {
                    // Who is killed from outside again and again, at one and the same request, cannot know that it is not to blame.
                    case .json(let json), .deadly(let json):
                        let (line, isFailure) = Workload.result(json)
                        return BatchResult(line: line, isFailure: isFailure)
                    case .tooLong: fatalError("no line is too long")
                    }
                }
            }.run()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for parity in 0..<2 {
                group.addTask { try await upload(state, log, numbers: parity, endless: endless) }
            }
            group.addTask { try await submit(state, log, endless: endless) }
            try await group.waitForAll()
        }
        for id in log.batches.values {
            while try await !state.batches.batch(id).state.isFinished { try await Task.sleep(for: .milliseconds(2)) }
        }
        runner.cancel()
    }

    /// Waits for a folder that is in use: whoever started this process held it just before, and so do other children of his until they
    /// become their programs.
    static func opened(_ settings: StateSettings) throws -> ServerState {
        while true {
            do { return try ServerState(settings) } catch StoreError.folderInUse { usleep(20_000) }
        }
    }

    static func runDeadly(_ state: ServerState) async throws {
        let runner = Task {
            await BatchRunner(state.batches) { chunk in
                chunk.requests.map { request in
                    switch request {
                    case .json(let json):
                        if String(decoding: json, as: UTF8.self).contains("deadly") { raise(SIGKILL) }
                        return BatchResult(line: json, isFailure: false)
                    case .deadly: return BatchResult(line: Array("given up".utf8), isFailure: true)
                    case .tooLong: fatalError("no line is too long")
                    }
                }
            }.run()
        }
        while try await !state.batches.list(pageSize: 100, pageToken: nil).elements.allSatisfy(\.state.isFinished) {
            try await Task.sleep(for: .milliseconds(2))
        }
        runner.cancel()
    }

    /// Files of one parity, one after the other; every fifth is deleted again.
    static func upload(_ state: ServerState, _ log: Log, numbers parity: Int, endless: Bool) async throws {
        var number = parity
        while endless || log.uploads[number] != nil {
            defer { number += 2 }
            if log.finished.contains(number) { continue }
            let id = Workload.fileID(number)
            let upload: String
            if let known = log.uploads[number] {
                upload = known
            } else {
                upload = try await state.files.startUpload(
                    NewUpload(
                        fileID: id, mimeType: "application/octet-stream",
                        declaredBytes: number % 3 == 0 ? nil : Workload.size(number)))
                try log.write("upload \(number) \(upload)")
            }
            try await send(Workload.bytes(number), number, upload, state, log)
            try log.write("final \(number)")
            if number % 5 == 4 {
                try log.write("deleting \(number)")
                do {
                    try await state.files.delete(id)
                } catch StateError.fileNotFound {
                    // The process before this one got that far.
                }
                try log.write("deleted \(number)")
            }
            try log.write("done \(number)")
        }
    }

    static func send(_ bytes: [UInt8], _ number: Int, _ upload: String, _ state: ServerState, _ log: Log) async throws {
        // Deleted already: the upload is forgotten with its file.
        if log.deleting.contains(number) { return }
        guard case .active(var offset) = try await state.files.uploadStatus(upload) else { return }
        repeat {
            let end = min(bytes.count, offset + chunkBytes)
            let writer = try await state.files.resumeUpload(upload, at: offset)
            for start in stride(from: offset, to: end, by: 8_192) {
                try await writer.write(bytes[start..<min(end, start + 8_192)])
            }
            offset = try await writer.finish()
            try log.write("received \(number) \(offset)")
        } while offset < bytes.count
        _ = try await state.files.finishUpload(upload)
    }

    /// Jobs, inline and from files in turn.
    static func submit(_ state: ServerState, _ log: Log, endless: Bool) async throws {
        var number = log.batches.keys.max().map { $0 + 1 } ?? 0
        while endless {
            let requests = Workload.requests(number)
            var input = NewBatch.Input.inline(requests)
            if number % 2 == 1 {
                let upload = try await state.files.startUpload(NewUpload(mimeType: "application/jsonl"))
                let writer = try await state.files.resumeUpload(upload, at: 0)
                try await writer.write(requests.flatMap { $0 + [10] })
                _ = try await writer.finish()
                input = .file(try await state.files.finishUpload(upload).id)
            }
            let batch = try await state.batches.create(NewBatch(model: "model", displayName: "\(number)", input: input))
            try log.write("batch \(number) \(batch.id)")
            number += 1
            while try await !state.batches.batch(batch.id).state.isFinished {
                try await Task.sleep(for: .milliseconds(2))
            }
        }
    }
}
