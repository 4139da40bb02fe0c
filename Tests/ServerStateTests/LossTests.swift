import Foundation
import ServerState
import Store
import Synchronization
import Testing

/// What comes between two steps, and what a damaged disk or a foreign hand takes away.
@Suite struct LossTests {
    private let folder = Folder()

    private func blobPath(_ name: String) -> String { "\(folder.path)/blobs/\(name)" }

    /// The blob that came since.
    private func newBlob(_ before: Set<String>) throws -> String {
        try #require(Set(try folder.blobs()).subtracting(before).first)
    }

    // MARK: - Deletion beside reading

    @Test func aFileThatIsDeletedWhileItIsOpenedIsNotFound() async throws {
        let hand = Hand()
        let state = try folder.open { $0.beforeOpening = { hand.act() } }
        try await state.files.add([1], id: "f")
        hand.set { try await state.files.delete("f") }
        #expect(try await stateError { _ = try await state.files.open("f") } == .fileNotFound(id: "f"))
        // Another of its name is another file.
        try await state.files.add([1], id: "f")
        hand.set {
            try await state.files.delete("f")
            try await state.files.add([2, 3], id: "f")
        }
        #expect(try await state.files.bytes("f") == [2, 3])
        hand.set { try await state.files.delete("f") }
        #expect(
            try await stateError { _ = try await state.batches.create(NewBatch(model: "m", input: .file("f"))) }
                == .fileNotFound(id: "f"))
    }

    @Test func aJobThatIsDeletedWhileItIsReadIsNotFound() async throws {
        let hand = Hand()
        let state = try folder.open { $0.beforeOpening = { hand.act() } }
        let done = try await state.run(
            try await state.batches.create(NewBatch(model: "m", input: .inline(requests(3)))).id)
        hand.set { try await state.batches.delete(done.id) }
        #expect(try await stateError { _ = try await state.batches.results(done) } == .batchNotFound(id: done.id))
        let next = try await state.batches.create(NewBatch(model: "m", input: .inline(requests(3))))
        hand.set { try await state.batches.delete(next.id) }
        #expect(try await state.batches.claim() == nil)
    }

    // MARK: - Lost bytes

    /// A file whose bytes are gone says so, and goes on saying so.
    @Test func aFileWhoseBytesAreGoneHasFailed() async throws {
        let state = try folder.open()
        try await state.files.add([1, 2, 3], id: "f")
        try FileManager.default.removeItem(atPath: blobPath(try #require(folder.blobs().first)))
        for _ in 0..<2 {
            #expect(
                try await stateError { _ = try await state.files.mapped("f") }
                    == .fileNotActive(id: "f", state: .failed))
        }
        #expect(try await state.files.file("f").failure == "The file's bytes were lost.")
    }

    enum Damage: CaseIterable { case removed, cut, folder }

    /// A job whose requests are gone fails, and those behind it go on, be they of lower priority.
    @Test(arguments: Damage.allCases) func aJobWithoutItsRequestsFails(_ damage: Damage) async throws {
        let state = try folder.open { $0.chunkRequests = 2 }
        var before = Set(try folder.blobs())
        let lost = try await state.batches.create(NewBatch(model: "m", priority: 9, input: .inline(requests(5))))
        let input = try newBlob(before)
        try await state.step(1)
        switch damage {
        case .removed: try FileManager.default.removeItem(atPath: blobPath(input))
        case .cut: try Data("{\"r\":0}\n{\"r\":1}\n".utf8).write(to: URL(filePath: blobPath(input)))
        case .folder:
            try FileManager.default.removeItem(atPath: blobPath(input))
            try FileManager.default.createDirectory(atPath: blobPath(input), withIntermediateDirectories: false)
        }
        before = Set(try folder.blobs())
        let other = try await state.batches.create(NewBatch(model: "m", input: .inline(requests(5))))
        try await state.step()
        #expect(try await state.batches.batch(other.id).state == .succeeded)
        let failed = try await state.batches.batch(lost.id)
        #expect(failed.state == .failed && failed.failure == .bytesLost && failed.successfulCount == 2)
    }

    /// Results that are not as long as they were are not filled up with nothing.
    @Test(arguments: [Damage.removed, .cut]) func aJobWithoutItsResultsFails(_ damage: Damage) async throws {
        for isFromFile in [true, false] {
            let state = try folder.open { $0.chunkRequests = 2 }
            defer { state.close() }
            var input = NewBatch.Input.inline(requests(3))
            if isFromFile { input = .file(try await state.files.add(Array("1\n2\n3\n".utf8)).id) }
            let batch = try await state.batches.create(NewBatch(model: "m", input: input))
            let before = Set(try folder.blobs())
            try await state.step(1)
            let results = try newBlob(before)
            switch damage {
            case .cut: try Data([10]).write(to: URL(filePath: blobPath(results)))
            default: try FileManager.default.removeItem(atPath: blobPath(results))
            }
            try await state.step()
            let failed = try await state.batches.batch(batch.id)
            #expect(failed.state == .failed && failed.failure == .bytesLost)
        }
    }
}

/// A hand that comes in once, between the reading of a row and the opening of its bytes.
private final class Hand: Sendable {
    private typealias Deed = @Sendable () async throws -> Void

    private let deed = Mutex<Deed?>(nil)

    func set(_ next: @escaping @Sendable () async throws -> Void) { deed.withLock { $0 = next } }

    /// Waits for the deed, which other threads do.
    func act() {
        let next = deed.withLock { deed in
            defer { deed = nil }
            return deed
        }
        guard let next else { return }
        let isDone = DispatchSemaphore(value: 0)
        Task {
            try? await next()
            isDone.signal()
        }
        isDone.wait()
    }
}
