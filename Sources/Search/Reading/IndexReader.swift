package import CastorNumerics
import FoundationEssentials
import GRDB
import Glibc
import Store
import Synchronization
import Vectors

/// The reading side of an index: any number of processes and threads, while another writes.
///
/// What it answers is the index as one commit left it.
package final class IndexReader: Sendable {
    /// The name of the file in an index's folder that says what counts.
    package static let catalogueName = IndexFolder.catalogue
    package let path: String
    private let database: DatabasePool
    private let current = Mutex<Snapshot?>(nil)
    private let ofMedia = Mutex<(state: CatalogueState, rows: [RowSet])?>(nil)
    private let pool: WorkerPool

    /// What one commit left, and where its rows are.
    private struct Snapshot {
        var state: CatalogueState
        var rows: MappedRows
        var live: RowSet
    }

    /// - Parameter pool: of the threads that scan
    package init(path: String, pool: WorkerPool) throws(SearchError) {
        self.path = path
        self.pool = pool
        let catalogue = "\(path)/\(IndexFolder.catalogue)"
        guard access(catalogue, F_OK) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { throw SearchError(SearchError.noIndex(path: path), at: path) }
            throw .unusable(path: path, reason: String(cString: strerror(errno)))
        }
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(FolderDatabase.patience)
            database = try DatabasePool(path: catalogue, configuration: configuration)
            _ = try state()
        } catch { throw SearchError(StoreError.translated(error), at: path) }
    }

    /// What the index was made with.
    package var model: ModelIdentity {
        get throws(SearchError) { try reading { db in try self.state(db).model } }
    }

    private func state() throws -> CatalogueState { try database.read { db in try state(db) } }

    func state(_ db: Database) throws -> CatalogueState {
        // One that is being made has a file, and nothing in it yet.
        guard try db.tableExists("state"), let state = try CatalogueState.read(db, at: path) else {
            throw SearchError.noIndex(path: path)
        }
        return state
    }

    /// One transaction, which sees one commit.
    func reading<Value>(_ body: (Database) throws -> Value) throws(SearchError) -> Value {
        do { return try database.read(body) } catch { throw SearchError(StoreError.translated(error), at: path) }
    }

    /// Whether a file of it is one of these or below it.
    package func knows(_ paths: [RawPath]) throws(SearchError) -> Bool {
        try reading { db in
            try paths.contains { path in
                try Bool.fetchOne(
                    db, sql: "SELECT EXISTS (SELECT 1 FROM source WHERE path = ? OR path > ? AND path < ?)",
                    arguments: [Data(path.bytes), Data(path.range.from), Data(path.range.to)]) ?? false
            }
        }
    }

    // MARK: - Finding

    package func find(_ query: SearchQuery) throws(SearchError) -> [SearchHit] {
        try withSnapshot { db, snapshot in
            let state = snapshot.state
            guard query.vector.count == state.model.dimensions else {
                throw SearchError.wrongSize(given: query.vector.count, wanted: state.model.dimensions)
            }
            guard query.vector.contains(where: { $0 != 0 }), query.vector.allSatisfy(\.isFinite) else {
                throw SearchError.emptyQuery
            }
            let rows = try self.meant(db, query, snapshot)
            var wanted = max(query.limit, 1)
            while true {
                let (found, isAll) = try self.nearest(query, wanted, rows, snapshot)
                let hits = try self.hits(db, found, query)
                // Items of one file may stand in the way of others.
                if hits.count >= query.limit || isAll { return Array(hits.prefix(query.limit)) }
                wanted *= 4
            }
        }
    }

    /// The rows of whole vectors nearest to the query, best first, and whether there are no more above the threshold.
    private func nearest(
        _ query: SearchQuery, _ limit: Int, _ rows: RowSet, _ snapshot: Snapshot
    ) throws -> (found: [Neighbor], isAll: Bool) {
        let full = snapshot.rows.full(snapshot.state)
        func damaged(_ row: Int) -> SearchError {
            .damaged(
                path: IndexFolder.path(path, .full, generation: snapshot.state.generation),
                reason: "row \(row) is no vector")
        }
        let least = query.threshold ?? -.infinity
        let wanted = try query.prefix()
        if query.isExact {
            let result = full.nearest(limit, to: wanted, among: rows, pool: pool)
            if let row = result.damaged { throw damaged(row) }
            let found = result.best.filter { $0.score >= least }
            return (found, found.count < limit)
        }
        let length = query.shortlist ?? max(SearchQuery.defaultShortlist, 10 * limit)
        // Fewer values than are scanned: the rest of them is multiplied with zeros.
        let scanned = wanted + repeatElement(0, count: max(0, snapshot.state.shortSize - wanted.count))
        let shortlist = snapshot.rows.short(snapshot.state).nearest(
            max(length, limit), to: scanned, among: rows, pool: pool)
        let scores = full.scores(of: wanted, for: shortlist.map(\.index), pool: pool)
        var found: [Neighbor] = []
        for (candidate, score) in zip(shortlist, scores) {
            guard let score else { throw damaged(candidate.index) }
            if score >= least { found.append(Neighbor(index: candidate.index, score: score)) }
        }
        found.sort(by: Neighbor.precedes)
        let isAll = shortlist.count < length || found.count < limit && query.threshold != nil
        return (Array(found.prefix(limit)), isAll && found.count <= limit)
    }

    /// Rows that may be found.
    private func meant(_ db: Database, _ query: SearchQuery, _ snapshot: Snapshot) throws -> RowSet {
        var rows = query.media.count < Medium.allCases.count ? self.rows(of: query.media, snapshot) : snapshot.live
        if !query.folders.isEmpty || query.since != nil {
            let sources = try self.sources(db, query)
            rows.keep { row in
                let source = Int(snapshot.rows.label(row).source)
                return source < sources.count && sources[source]
            }
        }
        return rows
    }

    /// Told apart once a commit: to look at every row's label takes longer than the scan.
    private func rows(of media: Set<Medium>, _ snapshot: Snapshot) -> RowSet {
        let divided: [RowSet]
        if let known = ofMedia.withLock({ $0 }), known.state == snapshot.state {
            divided = known.rows
        } else {
            let most = Medium.allCases.map { Int($0.rawValue) }.max() ?? 0
            divided = snapshot.live.divided(into: most + 1) { Int(snapshot.rows.label($0).medium) }
            ofMedia.withLock { $0 = (snapshot.state, divided) }
        }
        var rows = RowSet(count: snapshot.live.count, all: false)
        for medium in media { rows.formUnion(divided[Int(medium.rawValue)]) }
        return rows
    }

    /// By number.
    private func sources(_ db: Database, _ query: SearchQuery) throws -> RowSet {
        let (least, most) = (
            try Int64.fetchOne(db, sql: "SELECT MIN(id) FROM source") ?? 0,
            try Int64.fetchOne(db, sql: "SELECT MAX(id) FROM source") ?? 0
        )
        guard least >= 0, most <= Int64(UInt32.max) else {
            throw SearchError.damaged(
                path: "\(path)/\(IndexFolder.catalogue)",
                reason: "it has a source of number \(least < 0 ? least : most)")
        }
        var sources = RowSet(count: Int(most) + 1, all: false)
        var conditions: [String] = []
        var arguments: [any DatabaseValueConvertible] = []
        if !query.folders.isEmpty {
            conditions.append(
                "(" + query.folders.map { _ in "path = ? OR path > ? AND path < ?" }.joined(separator: " OR ") + ")")
            for folder in query.folders {
                arguments += [Data(folder.bytes), Data(folder.range.from), Data(folder.range.to)]
            }
        }
        if let since = query.since {
            conditions.append("modified >= ?")
            arguments.append(since)
        }
        let cursor = try Int.fetchCursor(
            db, sql: "SELECT id FROM source WHERE \(conditions.joined(separator: " AND "))",
            arguments: StatementArguments(arguments))
        while let id = try cursor.next() { sources[id] = true }
        return sources
    }

    /// What the catalogue says of rows, best first, without what is over a file's share.
    private func hits(_ db: Database, _ found: [Neighbor], _ query: SearchQuery) throws -> [SearchHit] {
        let statement = try db.makeStatement(
            sql: """
                SELECT item.id, item.source, item.medium, placeKind, placeFrom, placeTo, snippet, path, size, modified, kind, inode
                    FROM item JOIN source ON source.id = item.source WHERE row = ?
                """)
        var perFile: [Int64: Int] = [:]
        var hits: [SearchHit] = []
        for neighbor in found {
            guard let row = try Row.fetchOne(statement, arguments: [neighbor.index]) else {
                throw SearchError.damaged(
                    path: "\(path)/\(IndexFolder.catalogue)", reason: "row \(neighbor.index) has no item")
            }
            let (item, source): (Int64, Int64) = (try row.value(0), try row.value(1))
            guard !query.excluded.contains(item) else { continue }
            perFile[source, default: 0] += 1
            guard query.perFile <= 0 || perFile[source, default: 0] <= query.perFile else { continue }
            hits.append(try self.hit(row, score: neighbor.score))
        }
        return hits
    }

    private func hit(_ row: Row, score: Float) throws -> SearchHit {
        let id: Int64 = try row.value(0)
        guard let medium = Medium(rawValue: try row.value(2)),
            let place = Place(kind: try row.value(3), from: try row.value(4), to: try row.value(5))
        else {
            throw SearchError.damaged(
                path: "\(path)/\(IndexFolder.catalogue)", reason: "item \(id) is of no known kind")
        }
        let path: Data = try row.value(7)
        return SearchHit(
            item: id, score: score, medium: medium, path: RawPath(bytes: Array(path)), place: place,
            snippet: try row.value(6),
            version: FileVersion(size: try row.value(8), modified: try row.value(9), inode: try row.value(11)),
            kind: try row.value(10))
    }

    /// What the catalogue says of an item.
    package func item(_ id: Int64) throws(SearchError) -> SearchHit {
        try reading { db in
            _ = try self.state(db)
            guard
                let row = try Row.fetchOne(
                    db,
                    sql: """
                        SELECT item.id, item.source, item.medium, placeKind, placeFrom, placeTo, snippet, path, size, modified, kind, inode
                            FROM item JOIN source ON source.id = item.source WHERE item.id = ?
                        """, arguments: [id])
            else { throw SearchError.noItem(id) }
            return try self.hit(row, score: 1)
        }
    }

    /// The vector of an item, as the index has it.
    package func vector(ofItem id: Int64) throws(SearchError) -> [Float] {
        try withSnapshot { db, snapshot in
            guard let row = try Int.fetchOne(db, sql: "SELECT row FROM item WHERE id = ?", arguments: [id]) else {
                throw SearchError.noItem(id)
            }
            try self.check(row, snapshot)
            return snapshot.rows.full(snapshot.state).vector(row)
        }
    }

    /// Every item in the order of its number, with its vector.
    package func forEachItem(_ body: (SearchHit, [Float]) throws -> Void) throws(SearchError) {
        try withSnapshot { db, snapshot in
            let full = snapshot.rows.full(snapshot.state)
            let cursor = try Row.fetchCursor(
                db,
                sql: """
                    SELECT item.id, item.source, item.medium, placeKind, placeFrom, placeTo, snippet, path, size, modified, kind, inode, row
                        FROM item JOIN source ON source.id = item.source ORDER BY item.id
                    """)
            while let row = try cursor.next() {
                let number: Int = try row.value(12)
                try self.check(number, snapshot)
                try body(try self.hit(row, score: 1), full.vector(number))
            }
        }
    }

    private func check(_ row: Int, _ snapshot: Snapshot) throws {
        guard (0..<snapshot.state.rows).contains(row) else {
            throw SearchError.damaged(
                path: "\(path)/\(IndexFolder.catalogue)", reason: "it names row \(row) of \(snapshot.state.rows)")
        }
    }

    // MARK: - Snapshots

    func withRows<Value>(
        _ body: (Database, CatalogueState, MappedRows) throws -> Value
    ) throws(SearchError) -> Value {
        try withSnapshot { db, snapshot in try body(db, snapshot.state, snapshot.rows) }
    }

    private func withSnapshot<Value>(
        _ body: (Database, Snapshot) throws -> Value
    ) throws(SearchError) -> Value {
        var missing: CatalogueState?
        while true {
            let value = try reading { db throws -> Value? in
                let state = try self.state(db)
                if let snapshot = try self.snapshot(db, state) { return try body(db, snapshot) }
                // As long as the catalogue says the same, they are not coming back.
                if missing == state { throw self.missing(state) }
                missing = state
                return nil
            }
            if let value { return value }
        }
    }

    /// nil where a compaction has removed the files meanwhile, which the next look will see.
    private func snapshot(_ db: Database, _ state: CatalogueState) throws -> Snapshot? {
        let last = current.withLock { $0 }
        if let last, last.state == state { return last }
        var rows: MappedRows
        if let last, last.rows.generation == state.generation, last.rows.capacity >= state.rows {
            rows = last.rows
        } else {
            guard let mapped = try MappedRows(path, state) else { return nil }
            rows = mapped
        }
        try rows.check(rows: state.rows)
        var live = RowSet(count: state.rows, all: true)
        let dead = try Int.fetchCursor(db, sql: "SELECT row FROM dead")
        while let row = try dead.next() {
            guard (0..<state.rows).contains(row) else {
                throw SearchError.damaged(
                    path: "\(path)/\(IndexFolder.catalogue)", reason: "it names row \(row) of \(state.rows)")
            }
            live[row] = false
        }
        let snapshot = Snapshot(state: state, rows: rows, live: live)
        current.withLock { $0 = snapshot }
        return snapshot
    }

    private func missing(_ state: CatalogueState) -> SearchError {
        .damaged(
            path: IndexFolder.path(path, .full, generation: state.generation),
            reason: "it, or another file of its rows, is missing")
    }
}
