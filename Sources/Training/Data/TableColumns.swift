import Castor

/// The columns of a TSV or CSV, and its rows below the header.
struct TableColumns: Sendable {
    let query: Int
    let positive: Int?
    let negatives: [Int]
    let records: [TextRecord]
    private let isQuoted: Bool
    private let separator: UInt8

    init(_ source: DataSource, _ file: TextRecords) throws(DataError) {
        isQuoted = source.format == .csv
        separator = file.separator
        records = Array(file.records.dropFirst(source.hasHeader ? 1 : 0))
        var header: [String] = []
        if source.hasHeader, let first = file.records.first {
            do throws(Unreadable) { header = try Self.split(file.bytes(first), isQuoted, separator) } catch {
                throw .format(place: DataPlace(path: source.path, line: first.line), reason: error.reason)
            }
        }
        let place = DataPlace(path: source.path, line: file.records.first?.line ?? 1)
        func find(_ column: DataSource.Column) throws(DataError) -> Int {
            switch column {
            case .index(let index): return index
            case .name(let name):
                guard source.hasHeader else {
                    throw .format(
                        place: place, reason: "column \"\(name)\" is asked for by name, and there is no header")
                }
                guard let index = header.firstIndex(of: name) else {
                    throw .format(
                        place: place,
                        reason: "there is no column \"\(name)\"; the columns are \(header.joined(separator: ", "))")
                }
                return index
            }
        }
        query = try find(source.query)
        if let column = source.positive { positive = try find(column) } else { positive = nil }
        var negatives: [Int] = []
        for column in source.negatives { negatives.append(try find(column)) }
        self.negatives = negatives
    }

    private static func split(
        _ bytes: UnsafeRawBufferPointer, _ isQuoted: Bool, _ separator: UInt8
    ) throws(Unreadable) -> [String] {
        isQuoted ? try FieldSplitter.quoted(bytes, separator) : try FieldSplitter.tabs(bytes)
    }

    func sample(_ bytes: UnsafeRawBufferPointer) throws(Unreadable) -> Sample {
        let fields = try Self.split(bytes, isQuoted, separator)
        func field(_ index: Int, _ what: String) throws(Unreadable) -> Content {
            guard index < fields.count else {
                throw Unreadable(
                    "has \(fields.count) column\(fields.count == 1 ? "" : "s"), the \(what) is in number \(index + 1)")
            }
            guard !fields[index].isEmpty else { throw Unreadable("the \(what) is empty") }
            return Content(fields[index])
        }
        var sample = Sample(query: try field(query, "query"), positive: nil)
        if let positive { sample.positive = try field(positive, "positive") }
        // A row may have fewer negatives than others.
        for index in negatives where index < fields.count && !fields[index].isEmpty {
            sample.negatives.append(try field(index, "negative"))
        }
        return sample
    }
}
