import Castor
import Checkpoints
import Encoder
import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Files that somebody writes to while they are read through memory, and change with it.
@Suite struct ChangedFileTests {
    private static let checkpoint = "\(Folders.fixtures)/sentences/model"

    /// Writes the file's own last byte, and sets its time back. Once the clock of files has moved: it goes by milliseconds.
    private static func touch(_ path: String) {
        let descriptor = open(path, O_RDWR)
        defer { close(descriptor) }
        var status = stat()
        fstat(descriptor, &status)
        var byte = UInt8(0)
        pread(descriptor, &byte, 1, status.st_size - 1)
        var now = status
        repeat {
            pwrite(descriptor, &byte, 1, status.st_size - 1)
            futimens(descriptor, [status.st_atim, status.st_mtim])
            fstat(descriptor, &now)
        } while now.st_ctim.tv_sec == status.st_ctim.tv_sec && now.st_ctim.tv_nsec == status.st_ctim.tv_nsec
    }

    /// Half of one and half of the other is no result.
    @Test(arguments: ["model.safetensors", "tokenizer.json"]) func checkpointsAreNoResult(name: String) throws {
        try Folders.withTemporary { temporary in
            try FileManager.default.copyItem(atPath: Self.checkpoint, toPath: "\(temporary)/hub")
            let out = "\(temporary)/out"
            let path = "\(temporary)/hub/\(name)"
            let error = #expect(throws: ModelError.self) {
                try Checkpoint(path: "\(temporary)/hub").write(to: out) { (_) throws(ModelError) in Self.touch(path) }
            }
            #expect(error?.description.contains("\(name): was written to while it is in use") == true)
            #expect(try FileManager.default.contentsOfDirectory(atPath: temporary) == ["hub"])
            try Checkpoint(path: "\(temporary)/hub").write(to: out)
        }
    }

    /// No vector of other weights than those that were opened.
    @Test func weightsGiveNoVector() throws {
        try Folders.withTemporary { temporary in
            let out = "\(temporary)/model"
            try Checkpoint(path: Self.checkpoint).write(to: out)
            let path = "\(out)/model.safetensors"
            let bytes = try Folders.read(path)
            let embedder = try Embedder(modelPath: out)
            let before = try embedder.embed(Content("a sleepy kitten")).values
            // Another file of this name is not the one that was opened.
            try Folders.write([1, 2, 3], "\(temporary)/other")
            #expect(rename("\(temporary)/other", path) == 0)
            #expect(try embedder.embed(Content("a sleepy kitten")).values == before)
            try Folders.write(bytes, path)
            let past = timespec(tv_sec: 1_000_000_000, tv_nsec: 0)
            utimensat(AT_FDCWD, path, [past, past], 0)
            let again = try Embedder(modelPath: out)
            #expect(try again.embed(Content("a sleepy kitten")).values == before)
            let descriptor = open(path, O_WRONLY)
            pwrite(descriptor, [UInt8](repeating: 0, count: 4_096), 4_096, off_t(bytes.count - 4_096))
            close(descriptor)
            #expect(throws: EmbedError.self) { try again.embed(Content("a sleepy kitten")) }
        }
    }
}
