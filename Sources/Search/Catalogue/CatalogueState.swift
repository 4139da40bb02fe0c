import GRDB
import Vectors

/// The catalogue's one row about the whole index.
struct CatalogueState: Equatable {
    var version: Int
    var generation: Int
    var rows: Int
    var changes: Int64
    var model: ModelIdentity
    /// Values of a whole vector that are scanned.
    var shortSize: Int
    var precision: Precision

    var form: EightBits { EightBits(size: shortSize) }

    /// Bytes of a row.
    func stride(_ rows: IndexFolder.Rows) -> Int {
        switch rows {
        case .full: model.dimensions * precision.byteCount
        case .short: form.stride
        case .scales: MemoryLayout<Float>.stride
        case .labels: RowLabel.byteCount
        }
    }

    /// nil where the table is empty. Throws what SQLite says of a file that is no catalogue.
    ///
    /// Nothing that it says is believed that another part would have to rely on: sizes are bounded here, files are measured where they are mapped.
    static func read(_ db: Database, at path: String) throws -> CatalogueState? {
        let columns =
            "version, generation, rows, changes, modelName, modelSHA256, modelOptions, modelStamp, dimensions, shortSize, precision"
        guard let row = try Row.fetchOne(db, sql: "SELECT \(columns) FROM state") else { return nil }
        let version: Int = try row.value(0)
        guard version == Schema.version else { throw SearchError.otherVersion(path: path, version: version) }
        let model = ModelIdentity(
            name: try row.value(4), dimensions: try row.value(8), sha256: try row.value(5),
            options: try row.value(6), stamp: try row.value(7))
        guard let precision = Precision(rawValue: try row.value(10)) else {
            throw damaged(path, "an unknown precision")
        }
        let state = CatalogueState(
            version: version, generation: try row.value(1), rows: try row.value(2), changes: try row.value(3),
            model: model, shortSize: try row.value(9), precision: precision)
        guard (1...maxDimensions).contains(model.dimensions), (1...model.dimensions).contains(state.shortSize),
            (0...maxRows).contains(state.rows), state.generation >= 0
        else { throw damaged(path, "numbers that no index has") }
        return state
    }

    private static func damaged(_ path: String, _ what: String) -> SearchError {
        .damaged(path: "\(path)/\(IndexFolder.catalogue)", reason: "the catalogue has \(what)")
    }

    /// More would overflow what is computed with them, long after any disk was full.
    private static let maxDimensions = 1 << 16
    private static let maxRows = 1 << 40
}

/// What a row is of, beside the row: 8 bytes.
struct RowLabel: Equatable {
    static let byteCount = 8

    var source: UInt32
    var medium: UInt8

    var bytes: [UInt8] {
        withUnsafeBytes(of: source.littleEndian) { Array($0) } + [medium, 0, 0, 0]
    }
}
