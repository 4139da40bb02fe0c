import FoundationEssentials
import Glibc
import ServerState
import Store
import Testing

@Suite struct FileStoreTests {
    private let folder = Folder()

    @Test func aFileIsWhatWasUploaded() async throws {
        let state = try folder.open()
        let upload = try await state.files.startUpload(
            NewUpload(fileID: "my-file", displayName: "Mine", mimeType: "text/plain", declaredBytes: 3))
        #expect(try await state.files.uploadStatus(upload) == .active(received: 0))
        #expect(try await state.files.send(Array("abc".utf8), to: upload) == 3)
        let file = try await state.files.finishUpload(upload)
        #expect(file.id == "my-file" && file.displayName == "Mine" && file.mimeType == "text/plain")
        #expect(file.sizeBytes == 3 && file.state == .active && file.source == .uploaded)
        // FIPS 180-2, appendix B.1.
        #expect(
            file.sha256.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(file.createTime == folder.clock.now)
        #expect(file.expirationTime == folder.clock.now + .seconds(48 * 3_600))
        #expect(try await state.files.bytes("my-file") == Array("abc".utf8))
        #expect(try await state.files.file("my-file") == file)
    }

    /// The pieces that requests come in, and where a request ends, must not matter.
    @Test(arguments: [1, 1_000, 65_536, 1 << 20, (1 << 20) + 1, 3_000_000])
    func anyPieces(piece: Int) async throws {
        let bytes = someBytes(3_000_000 / (piece == 1 ? 1_000 : 1))
        let state = try folder.open()
        let upload = try await state.files.startUpload(NewUpload(mimeType: "text/plain"))
        var offset = 0
        for request in stride(from: 0, to: bytes.count, by: 1_300_000) {
            let end = min(bytes.count, request + 1_300_000)
            let writer = try await state.files.resumeUpload(upload, at: offset)
            for start in stride(from: request, to: end, by: piece) {
                try await writer.write(bytes[start..<min(end, start + piece)])
            }
            offset = try await writer.finish()
            #expect(offset == end)
        }
        let file = try await state.files.finishUpload(upload)
        #expect(file.sha256 == sha256(bytes))
        #expect(try await state.files.bytes(file.id) == bytes)
    }

    @Test func aRestartKeepsFilesAndUploads() async throws {
        let bytes = someBytes(2_500_000)
        let state = try folder.open()
        let done = try await state.files.add(bytes)
        let upload = try await state.files.startUpload(NewUpload(mimeType: "text/plain"))
        try await state.files.send(Array(bytes[..<1_700_000]), to: upload)
        state.close()

        let next = try folder.open()
        #expect(try await next.files.file(done.id) == done)
        #expect(try await next.files.bytes(done.id) == bytes)
        #expect(try await next.files.uploadStatus(upload) == .active(received: 1_700_000))
        try await next.files.send(Array(bytes[1_700_000...]), to: upload, at: 1_700_000)
        let file = try await next.files.finishUpload(upload)
        #expect(file.sha256 == sha256(bytes))
        #expect(try await next.files.bytes(file.id) == bytes)
    }

    /// Of a request that breaks off, what came is kept.
    @Test func aBrokenRequestIsResumed() async throws {
        let bytes = someBytes(100_000)
        let state = try folder.open()
        let upload = try await state.files.startUpload(NewUpload(mimeType: "a/b", declaredBytes: bytes.count))
        let broken = try await state.files.resumeUpload(upload, at: 0)
        try await broken.write(bytes[..<40_000])
        #expect(try await broken.finish() == 40_000)
        #expect(try await state.files.uploadStatus(upload) == .active(received: 40_000))
        #expect(
            try await stateError { _ = try await state.files.finishUpload(upload) }
                == .wrongSize(received: 40_000, declared: 100_000))
        for offset in [0, 39_999, 40_001] {
            #expect(
                try await stateError { _ = try await state.files.resumeUpload(upload, at: offset) }
                    == .wrongOffset(given: offset, received: 40_000))
        }
        try await state.files.send(Array(bytes[40_000...]), to: upload, at: 40_000)
        let file = try await state.files.finishUpload(upload)
        #expect(try await state.files.bytes(file.id) == bytes)
    }

    /// The server may notice a broken connection late: who asks for the state has the upload, and the old request writes no more.
    @Test func theLastRequestHasTheUpload() async throws {
        let bytes = someBytes(5_000_000)
        let state = try folder.open()
        let upload = try await state.files.startUpload(NewUpload(mimeType: "a/b"))
        let old = try await state.files.resumeUpload(upload, at: 0)
        try await old.write(bytes[..<2_000_000])
        guard case .active(let received) = try await state.files.uploadStatus(upload) else {
            Issue.record("the upload is final")
            return
        }
        let new = try await state.files.resumeUpload(upload, at: received)
        #expect(
            try await stateError {
                try await old.write(Array(repeating: 0, count: 1_500_000))
                _ = try await old.finish()
            } == .uploadTakenOver)
        try await new.write(bytes[received...])
        #expect(try await new.finish() == bytes.count)
        #expect(try await stateError { _ = try await old.finish() } == .uploadTakenOver)
        let file = try await state.files.finishUpload(upload)
        #expect(try await state.files.bytes(file.id) == bytes)
    }

    @Test func aFinishedUploadStaysFinished() async throws {
        let state = try folder.open()
        let upload = try await state.files.startUpload(NewUpload(mimeType: "a/b"))
        let late = try await state.files.resumeUpload(upload, at: 0)
        let file = try await state.files.finishUpload(upload)
        #expect(try await state.files.finishUpload(upload) == file)
        #expect(try await state.files.uploadStatus(upload) == .final(file))
        #expect(try await stateError { try await state.files.send([1], to: upload) } == .uploadClosed)
        #expect(try await stateError { try await state.files.cancelUpload(upload) } == .uploadClosed)
        #expect(
            try await stateError {
                try await late.write([1, 2, 3])
                _ = try await late.finish()
            } == .uploadClosed)
        #expect(try await state.files.bytes(file.id).isEmpty)
    }

    @Test func aCancelledUploadIsGone() async throws {
        let state = try folder.open()
        let upload = try await state.files.startUpload(NewUpload(mimeType: "a/b", declaredBytes: 10))
        try await state.files.send([1, 2], to: upload)
        try await state.files.cancelUpload(upload)
        #expect(try await stateError { _ = try await state.files.uploadStatus(upload) } == .uploadNotFound)
        #expect(try await stateError { try await state.files.send([1], to: upload, at: 2) } == .uploadNotFound)
        #expect(try folder.blobs().isEmpty)
    }

    @Test func namesAreTheServicesOnly() async throws {
        let state = try folder.open()
        for id in ["a", "my-file", "0", String(repeating: "x", count: 40)] {
            #expect(try await state.files.add([1], id: id).id == id)
        }
        for id in [
            "", "-a", "a-", "A", "a_b", "a/b", "..", "../x", "a.b", "ä", "a b", "a\u{0}",
            String(repeating: "x", count: 41),
        ] {
            #expect(try await stateError { try await state.files.add([1], id: id) } == .invalidFileID(id))
        }
        #expect(try await stateError { try await state.files.add([1], id: "a") } == .fileExists(id: "a"))
        // Two uploads may want a name; the first that is whole has it.
        let first = try await state.files.startUpload(NewUpload(fileID: "both", mimeType: "a/b"))
        let second = try await state.files.startUpload(NewUpload(fileID: "both", mimeType: "a/b"))
        _ = try await state.files.finishUpload(second)
        #expect(try await stateError { _ = try await state.files.finishUpload(first) } == .fileExists(id: "both"))
    }

    @Test func namesCannotBeGuessed() async throws {
        let state = try folder.open()
        var names: Set<String> = []
        for _ in 0..<50 {
            let upload = try await state.files.startUpload(NewUpload(mimeType: "a/b"))
            #expect(upload.wholeMatch(of: /[A-Za-z0-9_-]{43}/) != nil)
            let file = try await state.files.finishUpload(upload)
            #expect(file.id.wholeMatch(of: /[a-z0-9]{12}/) != nil)
            names.formUnion([upload, file.id])
        }
        #expect(names.count == 100)
    }

    @Test func listsInPagesTheNewestFirst() async throws {
        let state = try folder.open()
        for number in 0..<7 { try await state.files.add([1], id: "f\(number)") }
        var seen: [String] = []
        var token: String?
        repeat {
            let page = try await state.files.list(pageSize: 3, pageToken: token)
            seen += page.elements.map(\.id)
            token = page.nextPageToken
            // What comes and goes between two pages moves nothing.
            if seen.count == 3 {
                try await state.files.add([1], id: "later")
                try await state.files.delete("f4")
            }
        } while token != nil
        #expect(seen == ["f6", "f5", "f4", "f3", "f2", "f1", "f0"])
        for token in ["x y", "-1", "0", "ffffffffffffffffff", "'; DROP TABLE file"] {
            #expect(
                try await stateError { _ = try await state.files.list(pageSize: 1, pageToken: token) }
                    == .invalidPageToken(token))
        }
    }

    @Test func deletedIsGone() async throws {
        let bytes = someBytes(10_000)
        let state = try folder.open()
        try await state.files.add(bytes, id: "f")
        let (_, open) = try await state.files.open("f")
        try await state.files.delete("f")
        #expect(try await stateError { _ = try await state.files.file("f") } == .fileNotFound(id: "f"))
        #expect(try await stateError { try await state.files.delete("f") } == .fileNotFound(id: "f"))
        #expect(try folder.blobs().isEmpty)
        // Who was reading reads on.
        #expect(try open.read(at: 0, count: 20_000) == bytes)
        #expect(try await state.files.add([1], id: "f").id == "f")
    }

    @Test func expiredIsGone() async throws {
        let state = try folder.open()
        try await state.files.add([1], id: "f")
        let upload = try await state.files.startUpload(NewUpload(mimeType: "a/b"))
        folder.clock.advance(.seconds(24 * 3_600 - 1))
        try await state.files.send([1], to: upload)
        folder.clock.advance(.seconds(24 * 3_600))
        #expect(try await state.files.list(pageSize: 10, pageToken: nil).elements.map(\.id) == ["f"])
        folder.clock.advance(.seconds(1))
        #expect(try await stateError { _ = try await state.files.file("f") } == .fileNotFound(id: "f"))
        #expect(try await stateError { _ = try await state.files.uploadStatus(upload) } == .uploadNotFound)
        #expect(try await state.files.list(pageSize: 10, pageToken: nil).elements.isEmpty)
        #expect(try folder.blobs().count == 2)
        try await state.removeExpired()
        #expect(try folder.blobs().isEmpty)
        #expect(try await state.files.add([2], id: "f").id == "f")
    }

    @Test func quotasHold() async throws {
        let state = try folder.open {
            $0.maxFileBytes = 1_000
            $0.maxTotalBytes = 2_500
            $0.maxFiles = 4
            $0.maxUploads = 2
        }
        let files = state.files
        #expect(
            try await stateError { try await files.add(someBytes(1_001)) } == .fileTooLarge(bytes: 1_001, limit: 1_000))
        // Not announced: refused before a byte too many is written.
        let open = try await files.startUpload(NewUpload(mimeType: "a/b"))
        let writer = try await files.resumeUpload(open, at: 0)
        try await writer.write(someBytes(900))
        #expect(
            try await stateError { try await writer.write(someBytes(101)) } == .fileTooLarge(bytes: 1_001, limit: 1_000)
        )
        #expect(try await writer.finish() == 900)
        // More than announced.
        let short = try await files.startUpload(NewUpload(mimeType: "a/b", declaredBytes: 10))
        #expect(
            try await stateError { try await files.send(someBytes(11), to: short) }
                == .wrongSize(received: 11, declared: 10))
        #expect(
            try await stateError { _ = try await files.startUpload(NewUpload(mimeType: "a/b")) }
                == .tooManyUploads(limit: 2))
        try await files.cancelUpload(short)
        // 900 bytes are there, 1,000 are promised to an upload, so 600 are left.
        try await files.add(someBytes(1_000))
        #expect(
            try await stateError { try await files.add(someBytes(601)) } == .quotaExceeded(bytes: 601, limit: 2_500))
        let last = try await files.add(someBytes(600))
        #expect(try await stateError { try await files.add([1]) } == .quotaExceeded(bytes: 1, limit: 2_500))
        try await files.delete(last.id)
        for _ in 0..<3 { try await files.add([1]) }
        #expect(try await stateError { try await files.add([1]) } == .tooManyFiles(limit: 4))
    }

    /// More uploads may be open than a process may have files.
    @Test func anOpenUploadHoldsNoFile() async throws {
        let state = try folder.open()
        var uploads: [String] = []
        for _ in 0..<50 {
            let upload = try await state.files.startUpload(NewUpload(mimeType: "a/b"))
            try await state.files.send([1], to: upload)
            uploads.append(upload)
        }
        // One in the middle of a request, too.
        let writer = try await state.files.resumeUpload(uploads[0], at: 1)
        try await writer.write(someBytes(2_000_000))
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
        }
        #expect(open.contains { $0.hasPrefix(folder.path) } && !open.contains { $0.hasPrefix("\(folder.path)/blobs") })
        #expect(try await writer.finish() == 2_000_001)
        for upload in uploads { _ = try await state.files.finishUpload(upload) }
        #expect(try folder.blobs().count == 50)
    }

    /// What was not announced has its room before it is written, not some megabytes later.
    @Test func uploadsOfUnknownLengthStayInTheQuota() async throws {
        let state = try folder.open { $0.maxTotalBytes = 6_000_000 }
        var writers: [UploadWriter] = []
        for _ in 0..<3 {
            let upload = try await state.files.startUpload(NewUpload(mimeType: "a/b"))
            writers.append(try await state.files.resumeUpload(upload, at: 0))
        }
        let piece = someBytes(1 << 20)
        var written = 0
        for round in 0..<9 {
            let error = try await stateError { try await writers[round % 3].write(piece) }
            if error == nil {
                written += piece.count
            } else {
                #expect(error == .quotaExceeded(bytes: 1 << 20, limit: 6_000_000))
            }
        }
        #expect(written == 5 << 20)
        let bytes = try folder.blobs().reduce(0) { sum, name in
            sum + (try Data(contentsOf: URL(filePath: "\(folder.path)/blobs/\(name)")).count)
        }
        #expect(bytes == written)
    }

    /// Names count as bytes do, and are given back.
    @Test func namesCountAgainstTheQuota() async throws {
        let state = try folder.open { $0.maxTotalBytes = 4_000 }
        let name = String(repeating: "\u{10348}", count: 500)
        let first = try await state.files.startUpload(
            NewUpload(fileID: "a", displayName: name, mimeType: "a/b", declaredBytes: 1))
        try await state.files.send([1], to: first)
        // Its name counts once: of the upload, then of the file.
        _ = try await state.files.finishUpload(first)
        let second = NewUpload(fileID: "b", displayName: name, mimeType: "a/b", declaredBytes: 0)
        #expect(
            try await stateError { _ = try await state.files.startUpload(second) }
                == .quotaExceeded(bytes: 2_000, limit: 4_000))
        let job = try await state.batches.create(NewBatch(model: "m", displayName: "job", input: .file("a")))
        #expect(
            try await stateError { _ = try await state.batches.update(job.id, displayName: name, priority: nil) }
                == .quotaExceeded(bytes: 1_997, limit: 4_000))
        #expect(
            try await stateError {
                _ = try await state.batches.create(NewBatch(model: "m", displayName: name, input: .file("a")))
            } == .quotaExceeded(bytes: 2_000, limit: 4_000))
        try await state.files.delete("a")
        _ = try await state.batches.update(job.id, displayName: name, priority: nil)
        try await state.batches.delete(job.id)
        #expect(try await state.files.startUpload(second).isEmpty == false)
    }

    @Test func processingEndsOnce() async throws {
        let state = try folder.open()
        for (id, failure) in [("good", nil), ("bad", "no video")] as [(String, String?)] {
            let upload = try await state.files.startUpload(NewUpload(fileID: id, mimeType: "video/mp4"))
            #expect(try await state.files.finishUpload(upload) { _ in .processing }.state == .processing)
            #expect(
                try await stateError { _ = try await state.files.mapped(id) }
                    == .fileNotActive(id: id, state: .processing))
            #expect(try await state.files.processing().map(\.id) == [id])
            folder.clock.advance(.seconds(1))
            try await state.files.finishProcessing(id, failure: failure, videoDuration: .milliseconds(1_500))
            try await state.files.finishProcessing(id, failure: "too late")
            let file = try await state.files.file(id)
            #expect(file.state == (failure == nil ? .active : .failed) && file.failure == failure)
            #expect(file.videoDuration == .milliseconds(1_500) && file.updateTime > file.createTime)
        }
    }

    @Test func oneProcessAtATime() throws {
        let state = try folder.open()
        #expect(throws: StoreError.folderInUse(path: folder.path)) {
            _ = try ServerState(StateSettings(folder: folder.path))
        }
        state.close()
        _ = try folder.open()
    }

    /// What a crash leaves without a row, and rows whose bytes a damaged disk has lost.
    @Test func openingMendsTheFolder() async throws {
        let state = try folder.open()
        try await state.files.add(someBytes(1_000), id: "whole")
        var blobs = Set(try folder.blobs())
        try await state.files.add(someBytes(1_000), id: "cut")
        let cut = try #require(Set(try folder.blobs()).subtracting(blobs).first)
        blobs.insert(cut)
        let upload = try await state.files.startUpload(NewUpload(mimeType: "a/b"))
        try await state.files.send(someBytes(100), to: upload)
        let lost = try #require(Set(try folder.blobs()).subtracting(blobs).first)
        state.close()
        try Data(someBytes(10)).write(to: URL(filePath: "\(folder.path)/blobs/\(cut)"))
        try Data(someBytes(10)).write(to: URL(filePath: "\(folder.path)/blobs/orphan"))
        try FileManager.default.removeItem(atPath: "\(folder.path)/blobs/\(lost)")

        let next = try folder.open()
        #expect(try folder.blobs().sorted() == blobs.sorted())
        #expect(try await next.files.bytes("whole") == someBytes(1_000))
        let file = try await next.files.file("cut")
        #expect(file.state == .failed && file.failure == "The file's bytes were lost.")
        #expect(try await stateError { _ = try await next.files.uploadStatus(upload) } == .uploadNotFound)
    }

    @Test func theFolderIsThisUsersAlone() throws {
        _ = try folder.open()
        let mode = try FileManager.default.attributesOfItem(atPath: folder.path)[.posixPermissions] as? Int
        #expect(mode == 0o700)
    }
}
