/// Rows that a task asks for: a file, which of its rows, and columns of other files joined to them.
struct RowSource: Sendable, Equatable {
    struct Join: Sendable, Equatable {
        var path: String
        var key: String
        var conditions: [String: [String]]
        var name: String
    }

    var path: String
    /// Column -> accepted values.
    var conditions: [String: [String]] = [:]
    var joins: [Join] = []

    /// - Parameter needed: columns that must exist.
    func load(_ needed: [String]) throws(EvaluationError) -> Table {
        var table = try Self.filtered(path, conditions)
        for join in joins {
            try table.join(try Self.filtered(join.path, join.conditions), key: join.key, as: join.name)
        }
        try table.require(needed)
        return table
    }

    private static func filtered(_ path: String, _ conditions: [String: [String]]) throws(EvaluationError) -> Table {
        var table = try Table(path: path)
        try table.require(conditions.keys.sorted())
        table.keep { row in
            conditions.allSatisfy { column, values in
                if case .text(let value)? = row.fields[column] { values.contains(value) } else { false }
            }
        }
        return table
    }

    var files: [String] { [path] + joins.map(\.path) }
}

/// `count` of `0..<total`, evenly spread, in order: data are often sorted by class or by difficulty.
package func evenlySpread(_ count: Int?, of total: Int) -> [Int] {
    guard let count, count < total else { return Array(0..<total) }
    return (0..<count).map { $0 * total / count }
}
