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
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM state") else { return nil }
        let version: Int = row["version"]
        guard version == Schema.version else { throw SearchError.otherVersion(path: path, version: version) }
        let model = ModelIdentity(
            name: row["modelName"], dimensions: row["dimensions"], sha256: row["modelSHA256"],
            options: row["modelOptions"], stamp: row["modelStamp"])
        guard let precision = Precision(rawValue: row["precision"]) else { throw damaged(path, "an unknown precision") }
        let state = CatalogueState(
            version: version, generation: row["generation"], rows: row["rows"], changes: row["changes"], model: model,
            shortSize: row["shortSize"], precision: precision)
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
