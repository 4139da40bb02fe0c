import CastorNumerics
import Glibc
import Store
import Vectors

/// The files of rows of one generation, open to be added to.
final class RowFiles {
    private let folder: String
    private let state: CatalogueState
    private var files: [IndexFolder.Rows: Blob] = [:]

    /// - Parameter creates: whether they are to be made
    init(_ folder: String, _ state: CatalogueState, creates: Bool) throws {
        self.folder = folder
        self.state = state
        for rows in IndexFolder.Rows.allCases {
            let path = IndexFolder.path(folder, rows, generation: state.generation)
            let descriptor = open(
                path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (creates ? O_CREAT | O_TRUNC : 0), 0o600)
            guard descriptor >= 0 else {
                if errno == ENOENT { throw SearchError.damaged(path: path, reason: "it is missing") }
                throw SearchError.unusable(path: path, reason: String(cString: strerror(errno)))
            }
            files[rows] = Blob(descriptor: descriptor)
        }
        if creates { try DurableFolder.sync(folder) }
    }

    /// Throws `damaged` where a file has fewer rows than the catalogue names; what lies beyond them was never promised and is cut off.
    func cut() throws {
        for (rows, blob) in files {
            let (size, wanted) = (try blob.size(), state.rows * state.stride(rows))
            guard size >= wanted else {
                throw SearchError.damaged(
                    path: IndexFolder.path(folder, rows, generation: state.generation),
                    reason: "it has \(size) bytes, the catalogue names \(wanted)")
            }
            if size > wanted { try blob.truncate(to: wanted) }
        }
    }

    /// Writes rows behind `first` others.
    func write(_ rows: RowBlock, at first: Int) throws {
        for kind in IndexFolder.Rows.allCases {
            try files[kind]?.write(rows.bytes(kind), at: first * state.stride(kind))
        }
    }

    func read(_ rows: IndexFolder.Rows, _ range: Range<Int>) throws -> [UInt8] {
        let stride = state.stride(rows)
        let bytes = try files[rows]?.read(at: range.lowerBound * stride, count: range.count * stride) ?? []
        guard bytes.count == range.count * stride else {
            throw SearchError.damaged(
                path: IndexFolder.path(folder, rows, generation: state.generation), reason: "it is shorter than it was")
        }
        return bytes
    }

    func sync() throws {
        for blob in files.values { try blob.sync() }
    }
}

/// Rows on their way into the files.
struct RowBlock {
    private var pieces: [IndexFolder.Rows: [UInt8]] = [:]
    private(set) var count = 0

    func bytes(_ rows: IndexFolder.Rows) -> [UInt8] { pieces[rows] ?? [] }

    mutating func append(_ vector: [Float], _ label: RowLabel, _ state: CatalogueState) {
        precondition(vector.count == state.model.dimensions)
        switch state.precision {
        case .half:
            let halves = vector.map { halfBits($0).littleEndian }
            halves.withUnsafeBytes { pieces[.full, default: []].append(contentsOf: $0) }
        case .single: vector.withUnsafeBytes { pieces[.full, default: []].append(contentsOf: $0) }
        }
        let short = state.form.row(of: vector)
        short.values.withUnsafeBytes { pieces[.short, default: []].append(contentsOf: $0) }
        withUnsafeBytes(of: short.scale) { pieces[.scales, default: []].append(contentsOf: $0) }
        pieces[.labels, default: []].append(contentsOf: label.bytes)
        count += 1
    }

    /// One that another row has the values of.
    mutating func append(copyOf row: Int, in files: RowFiles, _ label: RowLabel) throws {
        for rows in [IndexFolder.Rows.full, .short, .scales] {
            pieces[rows, default: []] += try files.read(rows, row..<row + 1)
        }
        pieces[.labels, default: []] += label.bytes
        count += 1
    }

    /// Pieces of files, as they are.
    mutating func append(_ rows: IndexFolder.Rows, _ bytes: ArraySlice<UInt8>) {
        pieces[rows, default: []] += bytes
        if rows == .labels { count += bytes.count / RowLabel.byteCount }
    }

    mutating func removeAll() {
        for rows in pieces.keys { pieces[rows]?.removeAll(keepingCapacity: true) }
        count = 0
    }
}
