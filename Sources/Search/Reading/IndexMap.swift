import GRDB
import Vectors

/// All items in a plane, for people to look at.
package struct IndexMap: Sendable {
    package struct Point: Sendable {
        package var item: Int64
        package var medium: Medium
        /// -1...1
        package var x: Float
        package var y: Float
    }

    /// In the order of the items' numbers.
    package var points: [Point]
    /// Items in the index; of more than ``maxPoints`` some are shown.
    package var total: Int

    /// The default of how many are shown.
    package static let maxPoints = 20_000
    /// Values of a vector that decide where it lies.
    static let size = 256
}

extension IndexReader {
    /// Places every item, or `limit` of them at even distances, by the two axes in which their vectors' first values differ most.
    package func map(limit: Int = IndexMap.maxPoints) throws(SearchError) -> IndexMap {
        try withRows { db, state, rows in
            let total = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM item") ?? 0
            var map = IndexMap(points: [], total: total)
            guard total > 0, limit > 0 else { return map }
            let size = min(IndexMap.size, state.model.dimensions)
            let (step, full) = (max(1, Double(total) / Double(limit)), rows.full(state))
            var vectors: [Float] = []
            vectors.reserveCapacity(min(total, limit) * size)
            var values = Array(repeating: Float(0), count: size)
            let cursor = try Row.fetchCursor(db, sql: "SELECT id, row, medium FROM item ORDER BY id")
            var (seen, next) = (0.0, 0.0)
            while let row = try cursor.next(), map.points.count < limit {
                defer { seen += 1 }
                guard seen >= next else { continue }
                next += step
                let (id, number): (Int64, Int) = (try row.value(0), try row.value(1))
                guard (0..<state.rows).contains(number), let medium = Medium(rawValue: try row.value(2)) else {
                    throw SearchError.damaged(
                        path: "\(self.path)/\(IndexFolder.catalogue)", reason: "item \(id) names row \(number)")
                }
                values.withUnsafeMutableBufferPointer {
                    if let start = $0.baseAddress { full.read(number, into: start, first: size) }
                }
                // Of a damaged file; every search says so.
                vectors += values.allSatisfy(\.isFinite) ? values : Array(repeating: 0, count: size)
                map.points.append(.init(item: id, medium: medium, x: 0, y: 0))
            }
            for (index, place) in PrincipalAxes.plane(of: vectors, size: size).enumerated() {
                (map.points[index].x, map.points[index].y) = place
            }
            return map
        }
    }

    /// What a commit changes: equal numbers have the same items.
    package var commit: [Int64] {
        get throws(SearchError) {
            try reading { db in
                let state = try self.state(db)
                return [Int64(state.generation), state.changes]
            }
        }
    }
}
