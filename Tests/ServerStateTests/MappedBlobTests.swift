import Glibc
import ServerState
import Store
import Testing

/// Files are mapped for those who use them.
@Suite struct MappedBlobTests {
    private let folder = Folder()

    /// Mapped bytes stay when the file is deleted; a file that lost bytes is an error, because to look at them would end the process.
    @Test func filesAreMapped() async throws {
        let state = try folder.open()
        let bytes = someBytes(100_000)
        let file = try await state.files.add(bytes)
        let mapped = try await state.files.mapped(file.id)
        #expect(mapped.file == file)
        try await state.files.delete(file.id)
        #expect(mapped.bytes.copy == bytes)
        let empty = try await state.files.add([])
        #expect(try await state.files.mapped(empty.id).bytes.copy.isEmpty)
        let short = try await state.files.add(bytes)
        for name in try folder.blobs() {
            truncate("\(folder.path)/blobs/\(name)", 50)
        }
        #expect(
            try await stateError { _ = try await state.files.mapped(short.id) }
                == .fileNotActive(id: short.id, state: .failed))
        #expect(try await state.files.file(short.id).failure == "The file's bytes were lost.")
    }
}
