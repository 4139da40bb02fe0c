package import CastorNumerics
import Glibc

/// Visits the rows of S = Q C^T one query at a time, computed in blocks of queries, so that S is never held whole.
///
/// A block holds at most 4 M scores (16 MB) or one row, for each thread. `visit` is called once a query, from several threads at a
/// time, in no particular order; it must only write what belongs to its query.
///
/// Candidates with equal values have equal scores. That takes a copy: BLAS sums in another order at the edge of a matrix, so that
/// equal rows differ by 1e-7 and a tie would be decided by their place.
///
/// - Parameters:
///   - queries: Q `[n, d]`
///   - candidates: C `[m, d]`
///   - visit: a query's index and its `m` scores.
package func forEachSimilarityRow(
    _ queries: Matrix, _ candidates: Matrix, pool: WorkerPool,
    visit: (_ query: Int, _ scores: UnsafeBufferPointer<Float>) -> Void
) {
    precondition(
        queries.columns == candidates.columns, "vectors of \(queries.columns) and \(candidates.columns) values")
    let (n, m) = (queries.rows, candidates.rows)
    guard n > 0, m > 0 else { return }
    let twins = repeatedRows(candidates)
    let height = max(1, min(256, 4 << 20 / m, (n + pool.threadCount - 1) / pool.threadCount))
    pool.run((n + height - 1) / height) { piece, worker in
        let rows = piece * height..<min(n, (piece + 1) * height)
        let scores = worker.scratch.take(rows: rows.count, columns: m)
        gemm(Block(queries[rows]), .no, Block(candidates), .yes, into: Block(scores))
        for row in rows {
            let own = scores.row(row - rows.lowerBound)
            for twin in twins { own[twin.row] = own[twin.first] }
            visit(row, UnsafeBufferPointer(start: own, count: m))
        }
    }
}

/// Rows that are bit for bit equal to an earlier one, and the first of those.
private func repeatedRows(_ matrix: Matrix) -> [(row: Int, first: Int)] {
    let bytes = matrix.columns * MemoryLayout<Float>.stride
    var firsts: [Int: [Int]] = [:]
    var twins: [(row: Int, first: Int)] = []
    for row in 0..<matrix.rows {
        var hasher = Hasher()
        hasher.combine(bytes: UnsafeRawBufferPointer(start: matrix.row(row), count: bytes))
        let hash = hasher.finalize()
        if let first = firsts[hash]?.first(where: { memcmp(matrix.row($0), matrix.row(row), bytes) == 0 }) {
            twins.append((row, first))
        } else {
            firsts[hash, default: []].append(row)
        }
    }
    return twins
}
