import CastorNumerics
import Search

/// `castor index --stats` and `--problems`.
struct IndexReport {
    let reader: IndexReader

    init(path: String) throws {
        reader = try IndexReader(path: path, pool: try WorkerPool.opened(threads: 1))
    }

    func statistics() throws {
        let statistics = try reader.statistics()
        let items = Medium.allCases.compactMap { medium in
            statistics.items[medium].map { "\($0) \(medium.name)" }
        }
        var rows: [(name: String, value: String)] = [
            ("index", reader.path), ("model", statistics.model.summary), ("files", "\(statistics.files)"),
            ("items", items.isEmpty ? "none" : items.joined(separator: ", ")),
            ("values", "\(statistics.model.dimensions), \(statistics.precision)"),
            ("on disk", Self.size(statistics.bytes)),
        ]
        if statistics.deadRows > 0 {
            rows.append(("to compact", "\(statistics.deadRows) rows of files that changed or are gone"))
        }
        if statistics.takesCaptions { rows.append(("captions", "pictures and the texts beside them are one")) }
        for root in statistics.roots { rows.append(("from", root.printable)) }
        for (reason, count) in statistics.problems.sorted(by: {
            ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue)
        }) {
            rows.append(("left out", "\(count) \(reason)"))
        }
        let width = rows.map(\.name.count).max() ?? 0
        let text = rows.map { $0.name + String(repeating: " ", count: width + 2 - $0.name.count) + $0.value + "\n" }
        try Terminal.output(Array(text.joined().utf8))
    }

    /// Rounded, in the unit that leaves digits.
    static func size(_ bytes: Int64) -> String {
        bytes < 1_000_000 ? "\((bytes + 500) / 1_000) kB" : "\((bytes + 500_000) / 1_000_000) MB"
    }

    func problems() throws {
        let lines = try reader.problems().map { path, problem in
            "\(path.printable): \(problem.reason)\(problem.detail.isEmpty ? "" : ": \(problem.detail)")\n"
        }
        try Terminal.output(Array(lines.joined().utf8))
    }
}
