package import CastorNumerics
import Glibc
import Store
package import Vectors

/// The files of rows of one generation, mapped to be read. Rows that are added later to the same files appear in the same memory: the mapping is
/// longer than they are.
final class MappedRows: @unchecked Sendable {
    let generation: Int
    private let folder: String
    private let files: [IndexFolder.Rows: File]

    private struct File {
        let blob: Blob
        let start: UnsafeMutableRawPointer
        let byteCount: Int
        let stride: Int
    }

    /// Rows for which the mapping has room.
    let capacity: Int

    /// nil where a file of this generation is gone: then there is a newer one.
    init?(_ folder: String, _ state: CatalogueState) throws {
        self.folder = folder
        generation = state.generation
        capacity = max(4_096, state.rows + state.rows / 4)
        var files: [IndexFolder.Rows: File] = [:]
        func unmapAll() { for file in files.values { munmap(file.start, file.byteCount) } }
        for rows in IndexFolder.Rows.allCases {
            let path = IndexFolder.path(folder, rows, generation: state.generation)
            let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            guard descriptor >= 0 else {
                let code = errno
                unmapAll()
                if code == ENOENT { return nil }
                throw SearchError.unusable(path: path, reason: String(cString: strerror(code)))
            }
            let blob = Blob(descriptor: descriptor)
            let stride = state.stride(rows)
            guard let start = blob.map(capacity * stride), start != MAP_FAILED else {
                let code = errno
                unmapAll()
                throw SearchError.unusable(path: path, reason: String(cString: strerror(code)))
            }
            // Whole vectors are read here and there: what is read ahead of them is read for nothing.
            if rows == .full { madvise(start, capacity * stride, MADV_RANDOM) }
            files[rows] = File(blob: blob, start: start, byteCount: capacity * stride, stride: stride)
        }
        self.files = files
    }

    deinit {
        for file in files.values { munmap(file.start, file.byteCount) }
    }

    /// Throws `damaged` where a file is shorter than that: to look at more than it has would end the process.
    func check(rows count: Int) throws {
        precondition(count <= capacity)
        for rows in IndexFolder.Rows.allCases {
            guard let file = files[rows] else { preconditionFailure("all were mapped") }
            let size = try file.blob.size()
            guard size >= count * file.stride else {
                throw SearchError.damaged(
                    path: IndexFolder.path(folder, rows, generation: generation),
                    reason: "it has \(size) bytes, the catalogue names \(count * file.stride)")
            }
        }
    }

    private func start(_ rows: IndexFolder.Rows) -> UnsafeRawPointer { UnsafeRawPointer(files[rows]!.start) }

    // MARK: - Views, valid as long as this object lives

    func full(_ state: CatalogueState) -> FullRows {
        FullRows(
            state.precision, count: state.rows, dimensions: state.model.dimensions, start: start(.full))
    }

    func short(_ state: CatalogueState) -> EightBitRows {
        EightBitRows(
            state.form, count: state.rows, values: start(.short).assumingMemoryBound(to: Int8.self),
            scales: start(.scales).assumingMemoryBound(to: Float.self))
    }

    func label(_ row: Int) -> RowLabel {
        let bytes = start(.labels) + row * RowLabel.byteCount
        return RowLabel(
            source: UInt32(littleEndian: bytes.load(as: UInt32.self)),
            medium: bytes.load(fromByteOffset: 4, as: UInt8.self))
    }
}
