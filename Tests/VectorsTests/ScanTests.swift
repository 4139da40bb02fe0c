import CastorNumerics
import TestSupport
import Testing
import Vectors

/// Rows in memory of their own, as a file would have them.
final class StoredRows {
    let count: Int
    let short: EightBitRows
    let full: FullRows
    let vectors: Matrix
    private let values: UnsafeMutablePointer<Int8>
    private let scales: UnsafeMutablePointer<Float>
    private let whole: UnsafeMutableRawPointer

    init(_ vectors: Matrix, shortSize: Int, precision: Precision = .half) {
        let form = EightBits(size: shortSize)
        count = vectors.rows
        self.vectors = vectors
        values = .allocate(capacity: max(1, count * form.stride))
        scales = .allocate(capacity: max(1, count))
        whole = .allocate(byteCount: max(1, vectors.count * precision.byteCount), alignment: 64)
        for row in 0..<count {
            scales[row] = form.write(vectors.row(row), into: values + row * form.stride)
            for column in 0..<vectors.columns {
                let place = (row * vectors.columns + column) * precision.byteCount
                switch precision {
                case .half:
                    whole.storeBytes(of: halfBits(vectors.row(row)[column]), toByteOffset: place, as: UInt16.self)
                case .single: whole.storeBytes(of: vectors.row(row)[column], toByteOffset: place, as: Float.self)
                }
            }
        }
        short = EightBitRows(form, count: count, values: values, scales: scales)
        full = FullRows(precision, count: count, dimensions: vectors.columns, start: whole)
    }

    deinit {
        values.deallocate()
        scales.deallocate()
        whole.deallocate()
    }

    func spoil(_ row: Int) {
        whole.storeBytes(
            of: UInt16(0x7E00), toByteOffset: row * vectors.columns * full.precision.byteCount, as: UInt16.self)
    }
}

@Suite struct ScanTests {
    private static let sizes = [1, 63, 64, 65, 200, 256]

    /// The scan written out: every row, one product after the other.
    private func plain(_ rows: StoredRows, _ query: [Float], _ meant: RowSet, _ limit: Int) -> [Neighbor] {
        let query = rows.short.form.row(of: query)
        var all: [Neighbor] = []
        for row in 0..<rows.count where meant[row] {
            var sum: Int32 = 0
            for index in 0..<rows.short.form.stride {
                sum += Int32(query.values[index]) * Int32(rows.short.values[row * rows.short.form.stride + index])
            }
            all.append(Neighbor(index: row, score: Float(sum) * rows.short.scales[row] * query.scale))
        }
        all.sort { $0.score > $1.score || ($0.score == $1.score && $0.index < $1.index) }
        return Array(all.prefix(limit))
    }

    @Test(arguments: DotKernel.available, sizes) func everyKernelGivesWhatAPlainLoopGives(
        _ kernel: DotKernel, _ size: Int
    ) {
        var random = SeededRandom(seed: UInt64(size))
        for count in [0, 1, 63, 64, 65, 1_000] {
            let rows = StoredRows(randomUnits(count, 256, seed: UInt64(count + size)), shortSize: size)
            var meant = RowSet(count: count, all: true)
            for row in 0..<count where random.next() % 3 == 0 { meant[row] = false }
            let query = randomUnits(1, 256, seed: 77).values
            for limit in [1, 7, 2_000] {
                #expect(
                    rows.short.nearest(limit, to: query, among: meant, kernel: kernel, pool: pool)
                        == plain(rows, query, meant, limit), "\(count) rows, limit \(limit)")
            }
        }
    }

    /// The largest sums that there are, which narrower arithmetic would cut.
    @Test(arguments: DotKernel.available) func largestValues(_ kernel: DotKernel) {
        let ones = Matrix(
            rows: 2, columns: 256, values: Array(repeating: 1, count: 256) + Array(repeating: -1, count: 256))
        let rows = StoredRows(ones, shortSize: 256)
        let found = rows.short.nearest(
            2, to: Array(repeating: 1, count: 256), among: RowSet(count: 2, all: true), kernel: kernel, pool: pool)
        #expect(found.map(\.index) == [0, 1])
        expectClose(found.map(\.score), [1, -1], .rounding)
    }

    /// Of equal scores the lower row, whatever piece it is in.
    @Test func tiesGoToTheLowerRow() {
        let one = randomUnits(1, 64, seed: 5)
        let rows = StoredRows(gatherRows(one, Array(repeating: 0, count: 20_000)), shortSize: 64)
        let found = rows.short.nearest(10, to: one.values, among: RowSet(count: 20_000, all: true), pool: pool)
        #expect(found.map(\.index) == Array(0..<10))
    }

    @Test(arguments: [Precision.half, .single]) func wholeVectorsGiveCosines(_ precision: Precision) {
        let vectors = randomUnits(300, 771, seed: 9)
        let rows = StoredRows(vectors, shortSize: 256, precision: precision)
        let query = randomUnits(1, 771, seed: 10)
        let expected = (0..<300).map { row in
            zip(query.values, vectors[row..<row + 1].values).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        }
        let tolerance = precision == .half ? Tolerance("half precision", 2e-4) : .rounding
        let scores = rows.full.scores(of: query.values, for: Array(0..<300), pool: pool)
        expectClose(scores.map { $0 ?? .nan }, expected.map { Float($0) }, tolerance)
        let best = rows.full.nearest(5, to: query.values, among: RowSet(count: 300, all: true), pool: pool).best
        #expect(best.map(\.score) == scores.compactMap { $0 }.sorted(by: >).prefix(5).map { $0 })
        expectClose(rows.full.vector(17), vectors[17..<18].values, tolerance)
    }

    /// A row that is no vector is told apart from one that is far away.
    @Test func damageIsSeen() {
        let rows = StoredRows(randomUnits(100, 64, seed: 3), shortSize: 64)
        rows.spoil(42)
        let query = randomUnits(1, 64, seed: 4).values
        #expect(rows.full.scores(of: query, for: [41, 42], pool: pool).map { $0 == nil } == [false, true])
        #expect(rows.full.nearest(3, to: query, among: RowSet(count: 100, all: true), pool: pool).damaged == 42)
    }

    /// Vectors as models give them: in clusters, the first values weightier.
    @Test func shortlistsHoldWhatIsNearest() {
        let (count, size) = (5_000, 768)
        var random = SeededRandom(seed: 11)
        let centers = randomUnits(50, size, seed: 12)
        let vectors = Matrix(rows: count, columns: size)
        for row in 0..<count {
            let (target, center) = (vectors.row(row), centers.row(row % 50))
            let noise = random.floats(size)
            for column in 0..<size {
                target[column] = (center[column] + 0.03 * noise[column]) / (1 + Float(column) / 200)
            }
        }
        let rows = StoredRows(normalizedPrefix(vectors, size), shortSize: 256)
        let all = RowSet(count: count, all: true)
        var (found, wanted) = (0, 0)
        for query in stride(from: 0, to: count, by: 100) {
            let vector = rows.full.vector(query)
            let exact = Set(rows.full.nearest(10, to: vector, among: all, pool: pool).best.map(\.index))
            let list = rows.short.nearest(400, to: vector, among: all, pool: pool).map(\.index)
            found += exact.intersection(list).count
            wanted += exact.count
        }
        #expect(Double(found) >= 0.99 * Double(wanted), "\(found) of \(wanted)")
    }
}

@Suite struct RowSetTests {
    @Test(arguments: [0, 1, 63, 64, 65, 200]) func members(_ count: Int) {
        var set = RowSet(count: count, all: true)
        #expect(set.memberCount == count)
        set.keep { $0 % 3 == 0 }
        #expect((0..<count).filter { set[$0] } == (0..<count).filter { $0 % 3 == 0 })
        #expect(RowSet(count: count, all: false).memberCount == 0)
    }

    @Test func theBestOfMany() {
        var random = SeededRandom(seed: 1)
        let scores = random.floats(10_000).map { ($0 * 100).rounded() / 100 }
        var best = BestRows(capacity: 37)
        for (index, score) in scores.enumerated() { best.offer(index, score) }
        let expected = scores.enumerated().sorted {
            $0.element > $1.element || ($0.element == $1.element && $0.offset < $1.offset)
        }
        #expect(best.sorted.map(\.index) == expected.prefix(37).map(\.offset))
        best.offer(-1, .nan)
        #expect(best.sorted.count == 37 && best.sorted[0].index != -1)
    }
}
