import FoundationEssentials
import Glibc
import Hashing
import ServerState
import Store
import Synchronization
import TestSupport
import Testing

/// A clock that stands still until it is set.
final class Clock: Sendable {
    private let time = Mutex(Timestamp(microseconds: 1_800_000_000_000_000))

    func advance(_ duration: Duration) { time.withLock { $0 = $0 + duration } }
    var now: Timestamp { time.withLock { $0 } }
}

/// A data folder that is gone with the test.
final class Folder: Sendable {
    let path = FileManager.default.temporaryDirectory.appending(path: "castor-state-\(UUID().uuidString)").path
    let clock = Clock()

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func open(_ change: (inout StateSettings) -> Void = { _ in }) throws -> ServerState {
        var settings = StateSettings(folder: path)
        settings.now = { [clock] in clock.now }
        change(&settings)
        // A process that another test starts holds the lock of a folder that was just closed, until it becomes its program.
        while true {
            do { return try ServerState(settings) } catch StoreError.folderInUse { usleep(20_000) }
        }
    }

    /// Names of all files of bytes on disk.
    func blobs() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: "\(path)/blobs") }
}

/// Pseudo-random, the same for the same seed.
func someBytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}

func sha256(_ bytes: [UInt8]) -> [UInt8] { SHA256.digest(bytes) }

extension FileStore {
    /// Sends bytes as one request.
    @discardableResult func send(_ bytes: [UInt8], to upload: String, at offset: Int = 0) async throws -> Int {
        let writer = try await resumeUpload(upload, at: offset)
        try await writer.write(bytes)
        return try await writer.finish()
    }

    /// Uploads a whole file.
    @discardableResult func add(
        _ bytes: [UInt8], id: String? = nil, mimeType: String = "text/plain"
    ) async throws -> StoredFile {
        let upload = try await startUpload(NewUpload(fileID: id, mimeType: mimeType, declaredBytes: bytes.count))
        try await send(bytes, to: upload)
        return try await finishUpload(upload)
    }

    func bytes(_ id: String) async throws -> [UInt8] { try await mapped(id).bytes.copy }
}

extension MappedBlob {
    /// A pointer does not keep the mapping.
    var copy: [UInt8] { withExtendedLifetime(self) { Array(bytes) } }
}

extension Array where Element == UInt8 {
    var text: String { String(decoding: self, as: UTF8.self) }
}

/// Answers `{"of":REQUEST}`, or an error where the request has the word "bad".
let echo: BatchRunner.Embed = { chunk in
    chunk.requests.map { request in
        switch request {
        case .json(let json):
            BatchResult(line: Array("{\"of\":\(json.text)}".utf8), isFailure: json.text.contains("bad"))
        case .deadly(let json): BatchResult(line: Array("{\"deadly\":\(json.text)}".utf8), isFailure: true)
        case .tooLong(let bytes, let limit):
            BatchResult(line: Array("{\"tooLong\":[\(bytes),\(limit)]}".utf8), isFailure: true)
        }
    }
}

extension ServerState {
    /// Runs until the job is finished.
    func run(_ id: String, embed: @escaping BatchRunner.Embed = echo) async throws -> StoredBatch {
        let runner = Task { await BatchRunner(batches, embed: embed).run() }
        defer { runner.cancel() }
        try await Standstill.wait { try await batches.batch(id).state.isFinished }
        return try await batches.batch(id)
    }

    /// Chunk by chunk, as many as asked for.
    func step(_ chunks: Int = .max, embed: BatchRunner.Embed = echo) async throws {
        for _ in 0..<chunks {
            guard let chunk = try await batches.claim() else { return }
            _ = try await batches.complete(chunk, try await embed(chunk))
        }
    }

    /// The lines of an inline job's results.
    func results(_ id: String) async throws -> [String] {
        let batch = try await batches.batch(id)
        let blob = try #require(try await batches.results(batch))
        return try blob.read(at: 0, count: blob.size()).text.split(separator: "\n").map(String.init)
    }
}

func requests(_ count: Int) -> [[UInt8]] { (0..<count).map { Array("{\"r\":\($0)}".utf8) } }

/// The error that `body` throws, which must be a `StateError`.
func stateError(_ body: () async throws -> Void) async throws -> StateError? {
    do {
        try await body()
        return nil
    } catch let error as StateError {
        return error
    }
}

/// As above, of what the disk has to say.
func storeError(_ body: () async throws -> Void) async throws -> StoreError? {
    do {
        try await body()
        return nil
    } catch let error as StoreError {
        return error
    }
}
