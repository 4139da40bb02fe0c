import FoundationEssentials
import GRDB
import Glibc
import Store
package import Vectors

/// The writing side of an index, which one process has at a time; any number read meanwhile.
///
/// Rows are written and synced before the transaction that names them. What a crash leaves beyond the rows that are named is cut off at the next
/// opening.
package final class IndexWriter {
    package struct Options {
        /// Of a new index. The default is half: the third decimal of a cosine stays.
        package var precision = Precision.half
        /// Values that are scanned, of a new index. The default is 256; of a model that gives fewer, all.
        package var shortSize = 256
        /// Called at each step that a crash may come after.
        package var atStep: (IndexStep) throws -> Void = { _ in }

        package init() {}
    }

    package let path: String
    private let options: Options
    let database: FolderDatabase
    private(set) var state: CatalogueState
    private var files: RowFiles

    package var model: ModelIdentity { state.model }
    package var rowCount: Int { state.rows }

    /// Opens or makes the index of a model.
    package init(path: String, model: ModelIdentity, options: Options = Options()) throws(SearchError) {
        self.path = path
        self.options = options
        do {
            database = try FolderDatabase(
                folder: path, name: IndexFolder.catalogue, migrator: Schema.migrator,
                prepare: { try Self.finishClearing(path) })
            var isNew = false
            if let found = try database.read({ db in try CatalogueState.read(db, at: path) }) {
                guard found.model.agrees(with: model) else {
                    throw SearchError.otherModel(
                        path: path, recorded: found.model.summary, given: model.summary)
                }
                state = found
            } else {
                isNew = true
                state = CatalogueState(
                    version: Schema.version, generation: 0, rows: 0, changes: 0, model: model,
                    shortSize: min(options.shortSize, model.dimensions), precision: options.precision)
            }
            try Self.removeOtherGenerations(path, keeping: state.generation)
            // Of an index that was never committed, files may be there or not.
            files = try RowFiles(path, state, creates: isNew)
            try files.cut()
            if isNew { try database.write { [state] db in try Self.insert(db, state) } }
            try takeOver()
            if model.stamp != state.model.stamp { try noteStamp(model) }
            database.reserve.take()
        } catch { throw SearchError(error, at: path) }
    }

    /// Whether there is an index to write on with, in whatever state.
    package static func isThere(_ path: String) -> Bool {
        // What cannot be looked at may be there.
        access("\(path)/\(IndexFolder.catalogue)", F_OK) == 0 || ![ENOENT, ENOTDIR].contains(errno)
            || IndexRequest.isThere(path)
    }

    /// Lets another process have the folder.
    package func close() { database.close() }

    private static func insert(_ db: Database, _ state: CatalogueState) throws {
        try db.execute(
            sql: "INSERT INTO state VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                state.version, state.generation, state.rows, state.changes, state.model.name, state.model.sha256,
                state.model.options, state.model.stamp, state.model.dimensions, state.shortSize,
                state.precision.rawValue,
            ])
    }

    /// The model's files were copied or touched, and are the same.
    private func noteStamp(_ model: ModelIdentity) throws {
        try database.write { db in try db.execute(sql: "UPDATE state SET modelStamp = ?", arguments: [model.stamp]) }
        state.model = model
    }

    /// What a crash amid a compaction left.
    private static func removeOtherGenerations(_ path: String, keeping generation: Int) throws {
        let kept = Set(IndexFolder.Rows.allCases.map { IndexFolder.name($0, generation: generation) })
        for name in try DurableFolder.names(path) where IndexFolder.isRows(name) && !kept.contains(name) {
            unlink("\(path)/\(name)")
        }
    }

    // MARK: - Commits

    /// Makes changes durable, all or none.
    ///
    /// - Returns: the numbers of files that were put or copied
    @discardableResult
    package func commit(_ changes: [IndexChange]) throws(SearchError) -> [RawPath: Int64] {
        guard !changes.isEmpty else { return [:] }
        do {
            let plan = try database.read { db in try self.plan(db, changes) }
            if plan.rows.count > 0 {
                try files.write(plan.rows, at: state.rows)
                try options.atStep(.rowsWritten)
                try files.sync()
            }
            try options.atStep(.rowsSynced)
            var next = state
            next.rows += plan.rows.count
            next.changes += 1
            try database.writeToFree { [next] db in
                for step in plan.steps { try step(db) }
                try db.execute(sql: "UPDATE state SET rows = ?, changes = ?", arguments: [next.rows, next.changes])
            }
            state = next
            database.reserve.take()
            try options.atStep(.committed)
            return plan.ids
        } catch { throw SearchError(error, at: path) }
    }

    /// Rows to write, and then what to say in the catalogue. Sources have their numbers beforehand, because labels name them.
    private func plan(_ db: Database, _ changes: [IndexChange]) throws -> (
        rows: RowBlock, steps: [(Database) throws -> Void], ids: [RawPath: Int64]
    ) {
        var rows = RowBlock()
        var steps: [(Database) throws -> Void] = []
        var next = try Int64.fetchOne(db, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'source'") ?? 0
        var known: [RawPath: Int64] = [:]
        func identifier(_ path: RawPath) throws -> Int64 {
            if let id = known[path] { return id }
            let found = try Int64.fetchOne(
                db, sql: "SELECT id FROM source WHERE path = ?", arguments: [Data(path.bytes)])
            let id = found ?? next + 1
            if found == nil { next += 1 }
            guard id <= Int64(UInt32.max) else {
                throw SearchError.unusable(path: self.path, reason: "it has no numbers left")
            }
            known[path] = id
            return id
        }
        for change in changes {
            switch change {
            case .put(let file, let items):
                let id = try identifier(file.path)
                let first = state.rows + rows.count
                for item in items {
                    rows.append(item.vector, RowLabel(source: UInt32(id), medium: item.medium.rawValue), state)
                }
                steps.append { db in
                    try Self.bury(db, id)
                    try Self.put(db, id, file)
                    for (index, item) in items.enumerated() {
                        let place = item.place.columns
                        try db.execute(
                            sql: "INSERT INTO item VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
                            arguments: [
                                id, first + index, item.medium.rawValue, place.kind, place.from, place.to, item.snippet,
                            ])
                    }
                }
            case .copy(let file, let other):
                let id = try identifier(file.path)
                let first = state.rows + rows.count
                let items = try Row.fetchAll(
                    db, sql: "SELECT id, row, medium FROM item WHERE source = ? ORDER BY row", arguments: [other]
                ).map { (id: try $0.value(0) as Int64, row: try $0.value(1) as Int, medium: try $0.value(2) as UInt8) }
                for item in items {
                    try rows.append(
                        copyOf: item.row, in: files, RowLabel(source: UInt32(id), medium: item.medium))
                }
                steps.append { db in
                    try Self.bury(db, id)
                    try Self.put(db, id, file)
                    for (index, item) in items.enumerated() {
                        try db.execute(
                            sql: """
                                INSERT INTO item (source, row, medium, placeKind, placeFrom, placeTo, snippet)
                                    SELECT ?, ?, medium, placeKind, placeFrom, placeTo, snippet FROM item WHERE id = ?
                                """, arguments: [id, first + index, item.id])
                    }
                }
            case .rename(let id, let file):
                steps.append { db in
                    // What was wrong with its own bytes is so still; what was wrong with a file beside it was looked at anew.
                    try db.execute(
                        sql: """
                            UPDATE source SET path = ?, size = ?, modified = ?, stamp = ?, inode = ?, beside = ?,
                                problem = CASE WHEN ? THEN ? WHEN detail LIKE ? THEN NULL ELSE problem END,
                                detail = CASE WHEN ? THEN ? WHEN detail LIKE ? THEN NULL ELSE detail END
                            WHERE id = ?
                            """,
                        arguments: [
                            Data(file.path.bytes), file.version.size, file.version.modified, file.stamp,
                            file.version.inode, file.beside.map { Data($0) }, file.problem != nil,
                            file.problem?.reason.rawValue, "%\(Problem.besideIt)%", file.problem != nil,
                            file.problem?.detail, "%\(Problem.besideIt)%", id,
                        ])
                }
            case .remove(let id):
                steps.append { db in
                    try Self.bury(db, id)
                    try db.execute(sql: "DELETE FROM source WHERE id = ?", arguments: [id])
                }
            }
        }
        return (rows, steps, known)
    }

    /// A source's items go; their rows are dead until they are compacted away.
    private static func bury(_ db: Database, _ id: Int64) throws {
        try db.execute(sql: "INSERT INTO dead SELECT row FROM item WHERE source = ?", arguments: [id])
        try db.execute(sql: "DELETE FROM item WHERE source = ?", arguments: [id])
    }

    private static func put(_ db: Database, _ id: Int64, _ file: SourceFile) throws {
        try db.execute(
            sql: """
                INSERT INTO source (id, path, size, modified, stamp, inode, beside, sha256, kind, problem, detail)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (id) DO UPDATE SET path = excluded.path, size = excluded.size, modified = excluded.modified,
                        stamp = excluded.stamp, inode = excluded.inode, beside = excluded.beside, sha256 = excluded.sha256,
                        kind = excluded.kind, problem = excluded.problem, detail = excluded.detail
                """,
            arguments: [
                id, Data(file.path.bytes), file.version.size, file.version.modified, file.stamp, file.version.inode,
                file.beside.map { Data($0) }, file.knownSHA256.map { Data($0) }, file.kind,
                file.problem?.reason.rawValue, file.problem?.detail,
            ])
    }

    // MARK: - Compaction

    /// Dead rows above this share of all, and this number, are worth a compaction.
    private static let deadShare = 0.2
    private static let leastDead = 1_000

    /// Rewrites the files without rows that are dead, where there are many, or where there are any and `always`.
    ///
    /// - Returns: how many rows went
    @discardableResult
    package func compact(always: Bool = false) throws(SearchError) -> Int {
        do {
            let dead = try database.read { db in try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM dead") ?? 0 }
            guard dead > 0 else { return 0 }
            let isWorthIt = dead >= Self.leastDead && Double(dead) > Self.deadShare * Double(state.rows)
            guard always || isWorthIt else { return 0 }
            try rewrite()
            return dead
        } catch { throw SearchError(error, at: path) }
    }

    private func rewrite() throws {
        let live = try database.read { db in try Int.fetchAll(db, sql: "SELECT row FROM item ORDER BY row") }
        var next = state
        next.generation += 1
        next.rows = live.count
        next.changes += 1
        let target = try RowFiles(path, next, creates: true)
        var block = RowBlock()
        var written = 0
        for run in Self.runs(live) {
            for rows in IndexFolder.Rows.allCases {
                block.append(rows, try files.read(rows, run)[...])
            }
            if block.count >= Self.rewrittenRows {
                try target.write(block, at: written)
                written += block.count
                block.removeAll()
            }
        }
        try target.write(block, at: written)
        try options.atStep(.compactedRowsWritten)
        try target.sync()
        try options.atStep(.compactedRowsSynced)
        try database.writeToFree { [next] db in
            let update = try db.makeStatement(sql: "UPDATE item SET row = ? WHERE row = ?")
            // In rising order, so that a new number, which is never above the old one, is free.
            for (new, old) in live.enumerated() where new != old { try update.execute(arguments: [new, old]) }
            try db.execute(sql: "DELETE FROM dead")
            try db.execute(
                sql: "UPDATE state SET generation = ?, rows = ?, changes = ?",
                arguments: [next.generation, next.rows, next.changes])
        }
        state = next
        files = target
        try options.atStep(.compactionCommitted)
        try Self.removeOtherGenerations(path, keeping: next.generation)
        try options.atStep(.oldRowsRemoved)
    }

    private static let rewrittenRows = 1_024

    /// Numbers that follow each other, in pieces.
    private static func runs(_ rows: [Int]) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        for row in rows {
            if let last = runs.last, last.upperBound == row, last.count < rewrittenRows {
                runs[runs.count - 1] = last.lowerBound..<row + 1
            } else {
                runs.append(row..<row + 1)
            }
        }
        return runs
    }
}
