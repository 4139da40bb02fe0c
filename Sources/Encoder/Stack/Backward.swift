import CastorNumerics

/// Where gradients go: trained tensors by their names. What is not trained has none.
struct GradientSink {
    let store: ParameterStore

    subscript(name: String) -> Matrix? { store.index(of: name).map { store.tensors[$0].values } }
}

/// What the backward passes of all operations share. Sums run in a fixed order: equal arguments and an equal number of threads give equal bits.
struct Backward {
    let pool: WorkerPool
    let gradients: GradientSink

    /// Some of the rows at a time, divided among the workers.
    func eachRows(_ count: Int, _ body: (_ rows: Range<Int>, _ piece: Int, _ worker: WorkerPool.Worker) -> Void) {
        let pieces = self.pieces(count)
        pool.run(pieces.count) { index, worker in body(pieces[index], index, worker) }
    }

    func pieces(_ count: Int) -> [Range<Int>] { pool.ranges(count, minimum: 8, perWorker: 2) }

    /// `total += sum of the rows`
    func addRows(_ rows: Block, to total: Matrix?) {
        guard let total else { return }
        let pieces = pool.ranges(rows.columns, minimum: 16)
        pool.run(pieces.count) { index, _ in
            let columns = pieces[index]
            for row in 0..<rows.rows {
                add(
                    rows.pointer + row * rows.stride + columns.lowerBound, to: total.pointer + columns.lowerBound,
                    count: columns.count)
            }
        }
    }
}
