package import CastorNumerics

/// Visits the rows of S = Q C^T one query at a time, computed in blocks of queries, so that S is never held whole.
///
/// A block holds at most 4 M scores (16 MB) or one row, for each thread. `visit` is called once a query, from several threads at a
/// time, in no particular order; it must only write what belongs to its query.
///
/// - Parameters:
///   - queries: Q `[n, d]`
///   - candidates: C `[m, d]`
///   - visit: a query's index and its `m` scores.
package func forEachSimilarityRow(
    _ queries: Matrix, _ candidates: Matrix, pool: WorkerPool,
    visit: (_ query: Int, _ scores: UnsafeBufferPointer<Float>) -> Void
) {
    precondition(queries.columns == candidates.columns, "vectors of \(queries.columns) and \(candidates.columns) values")
    let (n, m) = (queries.rows, candidates.rows)
    guard n > 0, m > 0 else { return }
    let height = max(1, min(256, 4 << 20 / m, (n + pool.threadCount - 1) / pool.threadCount))
    pool.run((n + height - 1) / height) { piece, worker in
        let rows = piece * height..<min(n, (piece + 1) * height)
        let scores = worker.scratch.take(rows: rows.count, columns: m)
        gemm(Block(queries[rows]), .no, Block(candidates), .yes, into: Block(scores))
        for row in rows {
            visit(row, UnsafeBufferPointer(start: scores.row(row - rows.lowerBound), count: m))
        }
    }
}
