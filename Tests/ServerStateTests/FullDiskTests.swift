import Foundation
import ServerState
import Store
import TestSupport
import Testing

/// Where nothing more can be written, there is a way out: what fails leaves nothing, and what is there can be deleted.
@Suite struct FullDiskTests {
    private let folder = Folder()
    private let disk: SmallDisk
    private static let diskBytes = 24 << 20

    init() throws {
        disk = try SmallDisk(folder.path, bytes: Self.diskBytes)
    }

    private func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: "\(folder.path)/\(name)")
    }

    /// As a request does that has its bytes with it, but for the giving up.
    private func uploadTooMuch(_ state: ServerState) async throws -> String {
        var new = NewUpload(mimeType: "a/b", declaredBytes: Self.diskBytes)
        new.isPassing = true
        let upload = try await state.files.startUpload(new)
        let error = try await storeError {
            let writer = try await state.files.resumeUpload(upload, at: 0)
            let piece = someBytes(1 << 20)
            for _ in 0..<Self.diskBytes / piece.count { try await writer.write(piece) }
        }
        #expect(error == .diskFull)
        return upload
    }

    @Test func anUploadThatFailsLeavesNothingAndFilesCanBeDeleted() async throws {
        let state = try folder.open()
        defer { state.close() }
        for id in ["a", "b", "c"] { try await state.files.add(someBytes(2 << 20), id: id) }
        let upload = try await uploadTooMuch(state)
        #expect(try folder.blobs().count == 4)
        try await state.files.cancelUpload(upload)
        #expect(try folder.blobs().count == 3)
        try disk.fill()
        for id in ["a", "b", "c"] { try await state.files.delete(id) }
        #expect(try folder.blobs() == [])
        try await state.files.add(someBytes(5 << 20), id: "a")
    }

    /// Files so small that their bytes make no room for what the database has to write, and more of them than its reserve has room for.
    @Test func manySmallFilesCanBeDeleted() async throws {
        let state = try folder.open()
        defer { state.close() }
        for number in 0..<150 { try await state.files.add([1], id: "f\(number)") }
        let upload = try await state.files.startUpload(NewUpload(mimeType: "a/b", declaredBytes: 1 << 20))
        try disk.fill()
        #expect(try await storeError { try await state.files.send(someBytes(1 << 20), to: upload) } == .diskFull)
        for number in 0..<150 { try await state.files.delete("f\(number)") }
        try await state.files.cancelUpload(upload)
        #expect(try folder.blobs() == [])
    }

    /// A folder that an earlier version filled, or whose reserve somebody else's bytes took the place of.
    @Test func withoutItsReserveAFilesBytesGoFirst() async throws {
        let state = try folder.open()
        defer { state.close() }
        try await state.files.add(someBytes(2 << 20), id: "f")
        try remove("reserve")
        try disk.fill()
        try await state.files.delete("f")
        #expect(try folder.blobs() == [])
    }

    /// Bytes that a job has, too, stay.
    @Test(arguments: [true, false]) func aJobKeepsItsRequests(hasReserve: Bool) async throws {
        let state = try folder.open()
        defer { state.close() }
        let file = try await state.files.add(Array("1\n2\n3\n".utf8))
        let job = try await state.batches.create(NewBatch(model: "m", input: .file(file.id)))
        if !hasReserve { try remove("reserve") }
        try disk.fill()
        // Deleted or not, as there is room for it.
        let error = try await storeError { try await state.files.delete(file.id) }
        #expect(error == nil || !hasReserve && error == .diskFull)
        try remove("filler")
        let done = try await state.run(job.id)
        #expect(done.state == .succeeded && done.successfulCount == 3)
    }

    /// What a process left that ended amid an upload is removed by the next, be the disk full or not.
    @Test(arguments: [true, false]) func aStartCleansUp(isFull: Bool) async throws {
        let first = try folder.open()
        try await first.files.add(someBytes(1 << 20), id: "f")
        let passing = try await uploadTooMuch(first)
        let lasting = try await first.files.startUpload(NewUpload(mimeType: "a/b"))
        first.close()
        if isFull { try disk.fill() }
        let next = try folder.open()
        defer { next.close() }
        #expect(try folder.blobs().count == 2)
        #expect(try await stateError { _ = try await next.files.uploadStatus(passing) } == .uploadNotFound)
        #expect(try await next.files.uploadStatus(lasting) == .active(received: 0))
        try await next.files.delete("f")
        #expect(try folder.blobs().count == 1)
    }

    /// A row whose bytes are gone, and which says otherwise because there is no room to say so.
    @Test func aFileWithoutItsBytesIsNoFile() async throws {
        let state = try folder.open()
        defer { state.close() }
        try await state.files.add([1, 2, 3], id: "f")
        try disk.fill()
        try remove("blobs/\(try #require(folder.blobs().first))")
        for _ in 0..<2 {
            #expect(
                try await stateError { _ = try await state.files.mapped("f") }
                    == .fileNotActive(id: "f", state: .failed))
        }
        try await state.files.delete("f")
    }
}
