import CastorJSON

/// Rows of a data file, whatever its format: `.tsv` with a header line, `.jsonl` with an object a line, `.txt` with one
/// column `text`. UTF-8; TSV fields hold no tabs, line breaks or quotes.
struct Table {
    enum Field: Sendable, Equatable {
        case text(String)
        case list([String])
    }

    struct Row: Sendable {
        /// From 1.
        let line: Int
        var fields: [String: Field]
    }

    let path: String
    /// Of the header, or of any row.
    private(set) var columns: Set<String> = []
    private(set) var rows: [Row] = []
    /// Lines that cannot be read.
    private(set) var skipped = SkipLog()

    /// Where file names in the rows start.
    var folder: String { Paths.folder(of: path) }

    init(path: String) throws(EvaluationError) {
        self.path = path
        switch path.split(separator: ".").last {
        case "tsv": try readTSV(try Paths.read(path))
        case "jsonl": try readJSONL(try Paths.read(path))
        case "txt": try readLines(try Paths.read(path))
        default: throw .data(path: path, reason: "has none of the endings .tsv, .jsonl, .txt")
        }
    }

    /// Refuses a column that no row has.
    func require(_ names: [String]) throws(EvaluationError) {
        for name in names where !columns.contains(name) {
            throw .data(
                path: path, reason: "has no column \"\(name)\"; it has \(columns.sorted().joined(separator: ", "))")
        }
    }

    mutating func keep(_ isKept: (Row) -> Bool) {
        rows = rows.filter(isKept)
    }

    /// Adds the columns of the row of `other` with the same value of `key`, as `name.column`; rows without one are dropped.
    mutating func join(_ other: Table, key: String, as name: String) throws(EvaluationError) {
        try require([key])
        try other.require([key])
        var byKey: [String: Row] = [:]
        for row in other.rows {
            if case .text(let value)? = row.fields[key], byKey[value] == nil { byKey[value] = row }
        }
        rows = rows.compactMap { row in
            guard case .text(let value)? = row.fields[key], let match = byKey[value] else { return nil }
            var joined = row
            for (column, field) in match.fields { joined.fields["\(name).\(column)"] = field }
            return joined
        }
        columns.formUnion(other.columns.map { "\(name).\($0)" })
    }

    // MARK: - Formats

    private mutating func forEachLine(
        _ bytes: [UInt8], _ body: (inout Table, Int, String) throws(EvaluationError) -> Void
    ) throws(EvaluationError) {
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        var rest = bytes.starts(with: mark) ? bytes[3...] : bytes[...]
        var number = 0
        // A file without any line feed is divided at carriage returns, as old Macs and some spreadsheets write it.
        let lineEnd = UInt8(ascii: rest.contains(UInt8(ascii: "\n")) ? "\n" : "\r")
        while !rest.isEmpty {
            let end = rest.firstIndex(of: lineEnd) ?? rest.endIndex
            var line = rest[..<end]
            rest = rest[min(end + 1, rest.endIndex)...]
            number += 1
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            guard let text = String(validating: line, as: UTF8.self) else {
                skipped.note("\(path) line \(number): not valid UTF-8")
                continue
            }
            try body(&self, number, text)
        }
    }

    private mutating func readTSV(_ bytes: [UInt8]) throws(EvaluationError) {
        var header: [String] = []
        try forEachLine(bytes) { (table: inout Table, number, line) throws(EvaluationError) in
            // On bytes: ten times as fast as on characters.
            let values = line.utf8.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
                .map { String(Substring($0)) }
            if header.isEmpty {
                header = values
                table.columns = Set(values)
                guard table.columns.count == values.count else {
                    throw .data(path: table.path, reason: "names a column twice in its header")
                }
                return
            }
            if line.isEmpty { return }
            guard values.count == header.count else {
                table.skipped.note(
                    "\(table.path) line \(number): \(values.count) fields, the header has \(header.count)")
                return
            }
            table.rows.append(
                Row(
                    line: number,
                    fields: Dictionary(uniqueKeysWithValues: zip(header, values.map { Field.text($0) }))))
        }
    }

    private mutating func readJSONL(_ bytes: [UInt8]) throws(EvaluationError) {
        try forEachLine(bytes) { (table: inout Table, number, line) throws(EvaluationError) in
            if line.utf8.allSatisfy({ $0 == 32 || $0 == 9 }) { return }
            do throws(JSONError) {
                let fields = try JSONReader.read(Array(line.utf8)) { (json) throws(JSONError) in try Self.fields(&json)
                }
                table.columns.formUnion(fields.keys)
                table.rows.append(Row(line: number, fields: fields))
            } catch { table.skipped.note("\(table.path) line \(number): not a JSON object: \(error.reason)") }
        }
    }

    private static func fields(_ json: inout JSONReader) throws(JSONError) -> [String: Field] {
        var fields: [String: Field] = [:]
        try json.startObject()
        while let name = try json.nextName() {
            let column = name.text
            fields[column] = try field(&json)
        }
        return fields
    }

    /// nil for an object, a null, and a list with anything but texts in it: they are no column.
    private static func field(_ json: inout JSONReader) throws(JSONError) -> Field? {
        switch try json.kind() {
        case .string: return .text(try json.string())
        case .number:
            // Digits as they are: an id may have more than an f64 holds.
            let number = try json.number()
            if number.isWhole { return .text(json.text(number)) }
            let value = json.double(number)
            return .text(Int(exactly: value).map(String.init) ?? String(value))
        case .flag: return .text(String(try json.bool()))
        case .list:
            var texts: [String] = []
            var isText = true
            try json.startList()
            while try json.nextItem() {
                if try json.kind() == .string { texts.append(try json.string()) } else { isText = false }
            }
            return isText ? .list(texts) : nil
        case .object, .null:
            try json.skip()
            return nil
        }
    }

    private mutating func readLines(_ bytes: [UInt8]) throws(EvaluationError) {
        columns = ["text"]
        try forEachLine(bytes) { (table: inout Table, number, line) throws(EvaluationError) in
            if !line.isEmpty { table.rows.append(Row(line: number, fields: ["text": .text(line)])) }
        }
    }
}
