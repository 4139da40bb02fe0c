import CastorNumerics
import Encoder
import Glibc
import Testing
import Training

@Suite struct LossTests {
    private static let lossTolerance = 1e-6
    private static let gradientTolerance = 1e-5
    private static let differenceTolerance = 1e-3

    private let pool = WorkerPool(threads: 2)
    private let store = ParameterStore([])

    private func texts(_ ids: [Int32]) -> [EncoderInput] {
        ids.map { EncoderInput([.text([$0])]) }
    }

    private func evaluate(_ batch: PairBatch, _ rows: Matrix, _ objective: Objective) -> (
        loss: Double, gradient: Matrix
    ) {
        let gradient = Matrix(rows: rows.rows, columns: rows.columns)
        let value = objective(LossBatch(batch, rows: rows), store, gradient: gradient, store, pool)
        return (value.total, gradient)
    }

    /// The loss as DESIGN writes it, in f64.
    private func plain(
        _ q: [[Double]], _ p: [[Double]], negatives: [[[Double]]], same: (Int, Int) -> Bool, temperature: Double,
        size: Int
    ) -> Double {
        func cosine(_ a: [Double], _ b: [Double]) -> Double {
            func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a.prefix(size), b).reduce(0) { $0 + $1.0 * $1.1 } }
            return dot(a, b) / (dot(a, Array(a.prefix(size))) * dot(b, Array(b.prefix(size)))).squareRoot()
        }
        let losses = q.indices.map { i in
            let right = exp(cosine(q[i], p[i]) / temperature)
            var sum = right
            for n in negatives[i] { sum += exp(cosine(q[i], n) / temperature) }
            for j in q.indices where j != i && !same(i, j) { sum += exp(cosine(q[i], p[j]) / temperature) }
            return -log(right / sum)
        }
        return losses.reduce(0, +) / Double(q.count)
    }

    private func doubles(_ rows: Matrix, _ range: Range<Int>) -> [[Double]] {
        range.map { row in (0..<rows.columns).map { Double(rows.row(row)[$0]) } }
    }

    @Test func contrastiveFollowsTheFormula() {
        var random = SeededGenerator(seed: 1)
        let rows = Matrix.random(rows: 15, columns: 20, &random)
        let negatives = texts([100, 101, 102])
        let batch = PairBatch(
            queries: texts([0, 1, 2, 0, 4, 5]), positives: texts([10, 11, 12, 13, 11, 15]),
            negatives: [[negatives[0]], [], [negatives[1], negatives[2]], [], [], []])
        var objective = Objective(levels: [.init(size: 20, weight: 0.7), .init(size: 7, weight: 1.3)])
        objective.contrastive?.temperature = 0.3
        let (q, p, n) = (doubles(rows, 0..<6), doubles(rows, 6..<12), doubles(rows, 12..<15))
        let expected = objective.levels.reduce(0) {
            $0 + $1.weight
                * plain(
                    q, p, negatives: [[n[0]], [], [n[1], n[2]], [], [], []],
                    same: { a, b in Set([a, b]) == [0, 3] || Set([a, b]) == [1, 4] }, temperature: 0.3, size: $1.size)
        }
        let found = evaluate(batch, rows, objective).loss
        #expect(abs(found - expected) <= Self.lossTolerance * expected, "\(found) for \(expected)")
    }

    /// Equal to the teacher, nothing is left to do; a shared offset, which the batch's own cosines hardly show, costs.
    @Test func theTeachersVectorsAreAnAnchor() {
        var random = SeededGenerator(seed: 8)
        let n = 20
        let teachers = Matrix.random(rows: n, columns: 12, &random)
        for row in 0..<n {
            let length = Float(preciseSumOfSquares(teachers.row(row), count: 12).squareRoot())
            scale(teachers.row(row), by: 1 / length, count: 12)
        }
        let rows = Matrix(rows: 2 * n, columns: 24)
        for row in 0..<n { rows.row(row).update(from: teachers.row(row), count: 12) }
        let batch = PairBatch(
            queries: texts((0..<Int32(n)).map { $0 }), positives: texts((0..<Int32(n)).map { 100 + $0 }),
            queryTeachers: teachers)
        var objective = Objective(levels: [.init(size: 24)])
        objective.contrastive = nil
        objective.teacherSimilarity = TeacherSimilarityLoss()
        objective.teacherSimilarity?.distance = .divergence(temperature: 0.05)
        objective.teacherSimilarity?.candidates = .teacher
        #expect(abs(evaluate(batch, rows, objective).loss) < 1e-5)
        for row in 0..<n { rows.row(row)[0] += 3 }
        let anchored = evaluate(batch, rows, objective).loss
        #expect(anchored > 1, "\(anchored)")
        objective.teacherSimilarity?.candidates = .batch
        let unanchored = evaluate(batch, rows, objective).loss
        objective.teacherSimilarity?.candidates = .both
        #expect(abs(evaluate(batch, rows, objective).loss - (anchored + unanchored)) < 1e-9)
    }

    /// A batch without positives in a stage with a contrastive loss: its teacher alone is followed.
    @Test func withoutPositivesATeacherAloneIsFollowed() {
        var random = SeededGenerator(seed: 9)
        let rows = Matrix.random(rows: 6, columns: 16, &random)
        let batch = PairBatch(
            queries: texts([1, 2, 3, 4, 5, 6]), queryTeachers: Matrix.random(rows: 6, columns: 16, &random))
        var objective = Objective(levels: [.init(size: 16)])
        objective.teacherCosine = TeacherCosineLoss()
        let both = evaluate(batch, rows, objective)
        objective.contrastive = nil
        let alone = evaluate(batch, rows, objective)
        #expect(both.loss == alone.loss && both.loss > 0)
        #expect(both.gradient.values == alone.gradient.values)
    }

    /// A batch that has one pair twice must not push the pair apart.
    @Test func duplicatesAreNotNegatives() {
        var random = SeededGenerator(seed: 2)
        let one = Matrix.random(rows: 2, columns: 16, &random)
        let rows = Matrix(rows: 4, columns: 16)
        for row in 0..<4 { rows.row(row).update(from: one.row(row / 2), count: 16) }
        let batch = PairBatch(queries: texts([1, 1]), positives: texts([2, 2]))
        let found = evaluate(batch, rows, Objective(levels: [.init(size: 16)]))
        #expect(found.loss == 0)
        #expect(found.gradient.values.allSatisfy { $0 == 0 })
    }

    @Test func aHardNegativeEqualToThePositiveIsLeftOut() {
        var random = SeededGenerator(seed: 3)
        let rows = Matrix.random(rows: 5, columns: 16, &random)
        let positives = texts([3, 4])
        let with = PairBatch(queries: texts([1, 2]), positives: positives, negatives: [[positives[0]], []])
        let without = PairBatch(queries: texts([1, 2]), positives: positives)
        let objective = Objective(levels: [.init(size: 16)])
        #expect(evaluate(with, rows, objective).loss == evaluate(without, rows[0..<4], objective).loss)
    }

    /// Rows beyond one block of the cosine matrix, for each loss: directions of the gradient against differences.
    @Test(arguments: 0..<8)
    func gradientsOfRows(variant: Int) {
        var random = SeededGenerator(seed: 4)
        let n = 300
        let rows = Matrix.random(rows: 2 * n + 40, columns: 24, &random)
        let owners = (0..<n).map { $0 % 10 == 0 && $0 < 200 ? 2 : 0 }
        var next: Int32 = 5_000
        let negatives = owners.map { count in
            (0..<count).map { _ in
                next += 1
                return EncoderInput([.text([next])])
            }
        }
        let teachers = Matrix.random(rows: n, columns: 12, &random)
        let batch = PairBatch(
            queries: texts((0..<Int32(n)).map { $0 / 2 }), positives: texts((0..<Int32(n)).map { 1_000 + $0 % 280 }),
            negatives: negatives, queryTeachers: teachers)
        var objective = Objective(levels: [.init(size: 24), .init(size: 10, weight: 0.5)])
        switch variant {
        case 0: break
        case 1: objective.contrastive?.symmetric = true
        case 2:
            objective.contrastive = nil
            objective.teacherCosine = TeacherCosineLoss()
        case 3:
            objective.contrastive = nil
            objective.teacherSimilarity = TeacherSimilarityLoss()
        default:
            objective.contrastive = nil
            objective.teacherSimilarity = TeacherSimilarityLoss()
            if variant != 5 { objective.teacherSimilarity?.distance = .divergence(temperature: 0.5) }
            if variant > 4 { objective.teacherSimilarity?.candidates = variant == 7 ? .both : .teacher }
        }
        let gradient = evaluate(batch, rows, objective).gradient
        let norm = preciseSumOfSquares(gradient.pointer, count: gradient.count).squareRoot()
        func loss(at distance: Double) -> Double {
            let moved = rows.copy()
            add(gradient.pointer, times: Float(distance / norm), to: moved.pointer, count: moved.count)
            return evaluate(batch, moved, objective).loss
        }
        let step = 0.05
        let near = (loss(at: step) - loss(at: -step)) / (2 * step)
        let far = (loss(at: 2 * step) - loss(at: -2 * step)) / (4 * step)
        let found = (4 * near - far) / 3
        #expect(
            abs(found - norm) <= Self.differenceTolerance * norm,
            "\(found) by differences, \(norm) by the backward pass")
    }

    /// A vector has no gradient along itself, at any size: cosines do not see lengths.
    @Test func gradientsAreAcrossTheRows() {
        var random = SeededGenerator(seed: 5)
        let rows = Matrix.random(rows: 8, columns: 32, &random)
        let batch = PairBatch(queries: texts([1, 2, 3, 4]), positives: texts([5, 6, 7, 8]))
        let gradient = evaluate(batch, rows, Objective(levels: [.init(size: 32), .init(size: 8)])).gradient
        for row in 0..<8 {
            let along = dot(rows.row(row), gradient.row(row), count: 32)
            let size = (sumOfSquares(rows.row(row), count: 32) * sumOfSquares(gradient.row(row), count: 32))
                .squareRoot()
            #expect(Double(abs(along)) <= Self.gradientTolerance * Double(size))
        }
    }

    @Test func aRowOfZerosIsHarmless() {
        var random = SeededGenerator(seed: 6)
        let rows = Matrix.random(rows: 4, columns: 16, &random)
        rows[1..<2].fill(0)
        let found = evaluate(
            PairBatch(queries: texts([1, 2]), positives: texts([3, 4])), rows, Objective(levels: [.init(size: 16)]))
        #expect(found.loss.isFinite && allFinite(found.gradient.pointer, count: found.gradient.count))
    }

    @Test func contentsAreToldApart() {
        var random = SeededGenerator(seed: 7)
        let patches = Matrix.random(rows: 4, columns: 6, &random)
        func image(_ grid: ImageGrid) -> EncoderInput { EncoderInput([.image(patches: patches, grid: grid)]) }
        let (square, wide) = (
            ImageGrid(width: 2, height: 2, maxPatches: 4), ImageGrid(width: 4, height: 1, maxPatches: 4)
        )
        let all = [
            EncoderInput([.text([1, 2])]), EncoderInput([.text([2, 1])]), EncoderInput([.text([1]), .text([2])]),
            EncoderInput([.text([1])]), image(square), image(wide), EncoderInput([.audio(patches: patches)]),
        ]
        #expect(Set(all.map(\.contentHash)).count == all.count)
        let copy = EncoderInput([.image(patches: patches.copy(), grid: square)])
        #expect(copy.contentHash == image(square).contentHash)
    }
}
