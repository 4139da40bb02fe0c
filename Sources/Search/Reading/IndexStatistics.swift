import FoundationEssentials
import GRDB
import Glibc
import Vectors

/// What is in an index.
package struct IndexStatistics: Sendable, Equatable {
    package var files = 0
    package var items: [Medium: Int] = [:]
    /// Rows that no item has any more, until the next compaction.
    package var deadRows = 0
    package var problems: [Problem.Reason: Int] = [:]
    package var roots: [RawPath] = []
    /// Whether pictures and the texts beside them are one.
    package var takesCaptions = false
    package var bytes: Int64 = 0
    package var model: ModelIdentity
    package var precision: String
}

extension Problem {
    static func counts(_ db: Database) throws -> [Reason: Int] {
        var counts: [Reason: Int] = [:]
        for row in try Row.fetchAll(
            db, sql: "SELECT problem, COUNT(*) FROM source WHERE problem IS NOT NULL GROUP BY problem")
        {
            if let reason = Reason(rawValue: try row.value(0)) { counts[reason] = try row.value(1) }
        }
        return counts
    }
}

extension IndexReader {
    package func statistics() throws(SearchError) -> IndexStatistics {
        try reading { db in
            let state = try self.state(db)
            var statistics = IndexStatistics(model: state.model, precision: state.precision.rawValue)
            statistics.files =
                try Int.fetchOne(
                    db, sql: "SELECT COUNT(*) FROM source WHERE EXISTS (SELECT 1 FROM item WHERE source = source.id)")
                ?? 0
            for row in try Row.fetchAll(db, sql: "SELECT medium, COUNT(*) FROM item GROUP BY medium") {
                if let medium = Medium(rawValue: try row.value(0)) { statistics.items[medium] = try row.value(1) }
            }
            statistics.deadRows = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM dead") ?? 0
            statistics.problems = try Problem.counts(db)
            statistics.takesCaptions = try IndexWriter.setting(db, IndexWriter.captions) ?? 0 != 0
            statistics.roots = try Data.fetchAll(db, sql: "SELECT path FROM root ORDER BY path")
                .map { RawPath(bytes: Array($0)) }
            for name in [IndexFolder.catalogue, "\(IndexFolder.catalogue)-wal"]
                + IndexFolder.Rows.allCases.map({ IndexFolder.name($0, generation: state.generation) })
            {
                var status = stat()
                if stat("\(path)/\(name)", &status) == 0 { statistics.bytes += Int64(status.st_size) }
            }
            return statistics
        }
    }

    /// Files that have none, or not all, of their items, and why, in the order of their names.
    package func problems() throws(SearchError) -> [(path: RawPath, problem: Problem)] {
        try reading { db in
            try Row.fetchAll(
                db, sql: "SELECT path, problem, detail FROM source WHERE problem IS NOT NULL ORDER BY path"
            ).compactMap { row in
                guard let reason = Problem.Reason(rawValue: try row.value(1)) else { return nil }
                return (
                    RawPath(bytes: Array(try row.value(0) as Data)),
                    Problem(reason, String.fromDatabaseValue(row[2]) ?? "")
                )
            }
        }
    }
}
