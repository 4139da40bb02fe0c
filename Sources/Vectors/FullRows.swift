package import CastorNumerics

/// How the values of whole vectors are kept.
package enum Precision: String, Sendable, CaseIterable {
    case half = "f16"
    case single = "f32"

    package var byteCount: Int { self == .half ? 2 : 4 }
}

/// Whole vectors that lie one behind the other in memory. Whoever makes one keeps the memory.
package struct FullRows: @unchecked Sendable {
    package let precision: Precision
    package let count: Int
    package let dimensions: Int
    private let start: UnsafeRawPointer

    package init(_ precision: Precision, count: Int, dimensions: Int, start: UnsafeRawPointer) {
        self.precision = precision
        self.count = count
        self.dimensions = dimensions
        self.start = start
    }

    private var stride: Int { dimensions * precision.byteCount }

    /// The values of a row, as they were kept: of half precision, not quite of unit length.
    ///
    /// - Parameter first: as many; the default is all
    package func read(_ row: Int, into values: UnsafeMutablePointer<Float>, first: Int? = nil) {
        precondition((0..<count).contains(row))
        let source = start + row * stride
        let size = min(first ?? dimensions, dimensions)
        switch precision {
        case .half: convertHalf(source, into: values, count: size)
        case .single:
            UnsafeMutableRawPointer(values).copyMemory(from: source, byteCount: size * precision.byteCount)
        }
    }

    package func vector(_ row: Int) -> [Float] {
        [Float](unsafeUninitializedCapacity: dimensions) { values, count in
            if let start = values.baseAddress { read(row, into: start) }
            count = dimensions
        }
    }

    /// The cosines of a query with some rows; nil for a row that is no vector, which takes a damaged file.
    ///
    /// - Parameter query: of unit length; fewer values than a row has are compared with as many of the row's first ones
    package func scores(of query: [Float], for rows: [Int], pool: WorkerPool) -> [Float?] {
        precondition((1...dimensions).contains(query.count))
        guard !rows.isEmpty else { return [] }
        let scores = Slots<Float?>(count: rows.count)
        let pieces = pool.ranges(rows.count, minimum: 32)
        pool.run(pieces.count) { piece, worker in
            let values = worker.scratch.take(rows: 1, columns: dimensions)
            withExtendedLifetime(values) {
                query.withUnsafeBufferPointer { query in
                    for index in pieces[piece] {
                        read(rows[index], into: values.pointer, first: query.count)
                        scores[index] = cosine(query, values.pointer)
                    }
                }
            }
        }
        return scores.values
    }

    /// The nearest of all rows that are meant, by as many values as the query has.
    package func nearest(_ limit: Int, to query: [Float], among rows: RowSet, pool: WorkerPool) -> (
        best: [Neighbor], damaged: Int?
    ) {
        precondition(rows.count == count && (1...dimensions).contains(query.count))
        guard count > 0, limit > 0 else { return ([], nil) }
        let pieces = pool.ranges((count + 63) / 64, minimum: 4, perWorker: 8)
        let lists = Slots<(BestRows, Int?)>(count: pieces.count)
        pool.run(pieces.count) { piece, worker in
            var best = BestRows(capacity: limit)
            var damaged: Int?
            let values = worker.scratch.take(rows: 1, columns: dimensions)
            query.withUnsafeBufferPointer { query in
                withExtendedLifetime(values) {
                    for word in pieces[piece] {
                        var rest = rows.words[word]
                        while rest != 0 {
                            let row = word << 6 | rest.trailingZeroBitCount
                            rest &= rest - 1
                            read(row, into: values.pointer, first: query.count)
                            if let score = cosine(query, values.pointer) {
                                best.offer(row, score)
                            } else {
                                damaged = damaged ?? row
                            }
                        }
                    }
                }
            }
            lists[piece] = (best, damaged)
        }
        let all = lists.values
        let best = all.dropFirst().reduce(into: all[0].0) { $0.add($1.0) }
        return (best.sorted, all.lazy.compactMap { $0.1 }.min())
    }

    /// Of a query of unit length with as many values of a row, whose length is divided out; nil for what has none.
    private func cosine(_ query: UnsafeBufferPointer<Float>, _ row: UnsafePointer<Float>) -> Float? {
        let count = query.count
        var (dot, square) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
        var index = 0
        let (a, b) = (UnsafeRawPointer(query.baseAddress!), UnsafeRawPointer(row))
        while index + 8 <= count {
            let x = (a + 4 * index).loadUnaligned(as: SIMD8<Float>.self)
            let y = (b + 4 * index).loadUnaligned(as: SIMD8<Float>.self)
            dot += x * y
            square += y * y
            index += 8
        }
        var (product, length) = (Double(dot.sum()), Double(square.sum()))
        while index < count {
            product += Double(query[index] * row[index])
            length += Double(row[index] * row[index])
            index += 1
        }
        // Half precision has no infinities on the way: convertHalf gives values of 65,536 and more for them.
        guard length.isFinite, length > 0, length < 1 + Self.tolerance else { return nil }
        guard count < dimensions || length > 1 - Self.tolerance else { return nil }
        return Float(product / length.squareRoot())
    }

    /// Of the square of a vector's length, rounded to half precision.
    private static let tolerance = 0.01
}
