internal import CKernels
package import CastorNumerics

/// Rows in eight bits that lie one behind the other in memory, and their scales. Whoever makes one keeps the memory.
package struct EightBitRows: @unchecked Sendable {
    package let form: EightBits
    package let count: Int
    /// `[count, form.stride]`
    package let values: UnsafePointer<Int8>
    /// `[count]`
    package let scales: UnsafePointer<Float>

    package init(_ form: EightBits, count: Int, values: UnsafePointer<Int8>, scales: UnsafePointer<Float>) {
        self.form = form
        self.count = count
        self.values = values
        self.scales = scales
    }

    /// The rows of `rows` whose first values are nearest to the query's, best first: a shortlist for ``FullRows/best(_:of:for:)``.
    ///
    /// Rows whose scale is not a finite number are passed over.
    ///
    /// - Parameters:
    ///   - query: at least `form.size` values
    ///   - rows: as many as there are here
    package func nearest(
        _ limit: Int, to query: [Float], among rows: RowSet, kernel: DotKernel = .best, pool: WorkerPool
    ) -> [Neighbor] {
        precondition(rows.count == count)
        guard count > 0, limit > 0 else { return [] }
        let query = form.row(of: query)
        // Pieces of some megabytes, as many as keep the threads equally busy.
        let pieces = pool.ranges((count + 63) / 64, minimum: 128, perWorker: 8)
        let lists = Slots<BestRows>(count: pieces.count)
        pool.run(pieces.count) { piece, _ in
            var best = BestRows(capacity: limit)
            scan(pieces[piece], query.values, scale: query.scale, rows, kernel, &best)
            lists[piece] = best
        }
        return lists.values.dropFirst().reduce(into: lists[0]) { $0.add($1) }.sorted
    }

    /// 64 rows at a time, those left out of which none is meant.
    private func scan(
        _ words: Range<Int>, _ query: [Int8], scale: Float, _ rows: RowSet, _ kernel: DotKernel, _ best: inout BestRows
    ) {
        let kernel = kernel.kernel
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: 64) { sums in
            query.withUnsafeBufferPointer { query in
                guard let query = query.baseAddress, let sums = sums.baseAddress else { return }
                for word in words {
                    let meant = rows.words[word]
                    guard meant != 0 else { continue }
                    let first = word * 64
                    castor_dot_i8(
                        kernel, values + first * form.stride, min(64, count - first), form.stride, query, sums)
                    var rest = meant
                    while rest != 0 {
                        let bit = rest.trailingZeroBitCount
                        rest &= rest - 1
                        // A comparison with what is no number is false.
                        best.offer(first + bit, Float(sums[bit]) * scales[first + bit] * scale)
                    }
                }
            }
        }
    }
}
