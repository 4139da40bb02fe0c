import CastorNumerics
import Encoder
import Testing
import Training

@Suite struct OptimizerTests {
    /// Of sums in f32, and of values around 1.
    private static let rounding = 1e-6
    private static let preciseRounding = 1e-12

    private let pool = WorkerPool(threads: 2)
    private let shapes: [(name: String, shape: [Int])] = [
        ("text.embedding.weight", [50, 16]), ("text.norm.weight", [16]), ("projection.weight", [40, 16]),
    ]

    /// Steps with gradients in few rows of the embedding, by rows and as if it were any tensor.
    @Test(arguments: [0.0, 0.1])
    func untouchedRowsFollowDenseAdamW(decay: Double) {
        var options = AdamW.Options()
        options.decay = decay
        var random = SeededGenerator(seed: 1)
        let (sparse, dense) = (ParameterStore(shapes), ParameterStore(shapes))
        for tensor in sparse.tensors {
            let values = Matrix.random(rows: tensor.values.rows, columns: tensor.values.columns, &random)
            tensor.values.pointer.update(from: values.pointer, count: values.count)
        }
        dense.copy(from: sparse)
        let byRows = AdamW(sparse, options: options, pool: pool)
        let whole = AdamW(dense, options: options, embeddingName: "none", pool: pool)
        let gradients = ParameterStore(shapes)
        for step in 0..<20 {
            gradients.clear(pool)
            var touched = TouchedRows(rowCount: 50)
            let ids = (0..<3).map { _ in Int32(random.next(below: 20 + step)) }
            touched.insert([EncoderInput([.text(ids)])])
            for tensor in gradients.tensors {
                for row in 0..<tensor.values.rows where tensor.values.rows != 50 || touched.flags[row] {
                    for column in 0..<16 { tensor.values.row(row)[column] = Float(random.nextNormal()) }
                }
            }
            let norm = byRows.norm(gradients, touched)
            #expect(abs(norm - whole.norm(gradients, touched)) <= Self.rounding * norm)
            byRows.update(gradients, touched, norm: norm, rate: 0.01)
            whole.update(gradients, touched, norm: norm, rate: 0.01)
        }
        for tensor in sparse.tensors { expectClose(tensor.values, dense[tensor.name], within: 0, tensor.name) }
    }

    @Test func untouchedRowsMayRest() {
        var options = AdamW.Options()
        options.restsUntouchedRows = true
        let (parameters, gradients) = (ParameterStore(shapes), ParameterStore(shapes))
        for store in [parameters, gradients] { for tensor in store.tensors { tensor.values.fill(1) } }
        let optimizer = AdamW(parameters, options: options, pool: pool)
        for id in [Int32(3), 4] {
            var touched = TouchedRows(rowCount: 50)
            touched.insert([EncoderInput([.text([id])])])
            optimizer.update(gradients, touched, norm: 1, rate: 0.1)
        }
        let rows = (0..<50).map { parameters["text.embedding.weight"].row($0)[0] }
        #expect(rows[3] < 0.95 && rows[3] > 0.85, "row 3 took one step: \(rows[3])")
        #expect(rows.indices.allSatisfy { [3, 4].contains($0) || rows[$0] == 1 })
    }

    @Test func groups() {
        let options = AdamW.Options()
        var groups = options
        groups.groups = [ParameterGroup("text.*", frozen: true), ParameterGroup("*.weight", rateFactor: 0.5, decay: 0)]
        let (one, other) = (ParameterStore(shapes), ParameterStore(shapes))
        let gradients = ParameterStore(shapes)
        for tensor in gradients.tensors { tensor.values.fill(1) }
        for store in [one, other] { for tensor in store.tensors { tensor.values.fill(1) } }
        var touched = TouchedRows(rowCount: 50)
        touched.insert([EncoderInput([.text((0..<50).map { $0 })])])
        let grouped = AdamW(other, options: groups, pool: pool)
        AdamW(one, options: options, pool: pool).update(gradients, touched, norm: 1, rate: 0.1)
        grouped.update(gradients, touched, norm: 1, rate: 0.1)
        #expect(other["text.norm.weight"].values.allSatisfy { $0 == 1 })
        #expect(grouped.norm(gradients, touched) == Double(40 * 16).squareRoot())
        // The first step of Adam has the length of the learning rate; decay takes 0.01 of it.
        #expect(abs(other["projection.weight"].values[0] - 0.95) < Float(Self.rounding))
        #expect(abs(one["projection.weight"].values[0] - 0.899) < Float(Self.rounding))
        #expect(abs(one["text.norm.weight"].values[0] - 0.9) < Float(Self.rounding))
    }

    /// Against the definition in f64 by plain loops, tall, wide and square.
    @Test(arguments: [(8, 40), (40, 8), (16, 16)])
    func muonFollowsItsDefinition(rows: Int, columns: Int) {
        let (p, m, g) = (random(rows, columns, seed: 1), random(rows, columns, seed: 2), random(rows, columns, seed: 3))
        let (momentum, rate, decay, scaling) = (0.9, 0.02, 0.1, 0.5)
        var direction = (0..<p.count).map { index in
            let gradient = Double(g.pointer[index]) * scaling
            return gradient + momentum
                * (Double(m.pointer[index]) + (1 - momentum) * (gradient - Double(m.pointer[index])) - gradient)
        }
        let norm = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
        direction = direction.map { $0 / (norm + 1e-7) }
        for _ in 0..<5 {
            // X Xᵀ whatever the shape: the smaller Gram matrix gives the same polynomial of X.
            let gram = product(direction, transposed(direction, columns), rows, columns, rows)
            let square = product(gram, gram, rows, rows, rows)
            let polynomial = zip(gram, square).map { -4.7750 * $0 + 2.0315 * $1 }
            let change = product(polynomial, direction, rows, rows, columns)
            direction = zip(direction, change).map { 3.4445 * $0 + $1 }
        }
        let size = rate * 0.2 * Double(max(rows, columns)).squareRoot()
        let expected = zip(p.values, direction).map { Float(Double($0) * (1 - rate * decay) - size * $1) }
        Muon.update(
            p, momentum: m, gradient: g, rate: rate, decay: decay, momentum: momentum, gradientScale: scaling, pool)
        expectClose(p, Matrix(rows: rows, columns: columns, values: expected), within: 1e-5, "\(rows) x \(columns)")
    }

    /// What the iteration is for: a strong direction moves no further than a weak one.
    @Test func muonEvensOutDirections() {
        let x = Matrix(rows: 4, columns: 6)
        for (index, value) in [Float(100), 1, 0.5, 0.2].enumerated() { x.row(index)[index] = value }
        x.row(0)[0] = 1
        Muon.orthogonalize(x, pool)
        for index in 0..<4 { #expect(abs(x.row(index)[index] - 0.95) < 0.3, "\(x.row(index)[index])") }
        let zero = Matrix(rows: 3, columns: 5)
        Muon.orthogonalize(zero, pool)
        #expect(zero.values.allSatisfy { $0 == 0 })
    }

    @Test(.enabled(if: ProductPrecision.bfloat16.isAvailable)) func muonInBFloat16EvensOutDirections() {
        let x = Matrix(rows: 4, columns: 6)
        for (index, value) in [Float(100), 1, 0.5, 0.2].enumerated() { x.row(index)[index] = value }
        Muon.orthogonalize(x, pool, precision: .bfloat16)
        for index in 0..<4 { #expect(abs(x.row(index)[index] - 0.95) < 0.3, "\(x.row(index)[index])") }
    }

    @Test func muonGroupsLeaveVectorsToAdamW() {
        var options = AdamW.Options()
        options.groups = [ParameterGroup("*", method: .muon)]
        let (parameters, plain, gradients) = (ParameterStore(shapes), ParameterStore(shapes), ParameterStore(shapes))
        for tensor in gradients.tensors {
            for index in 0..<tensor.values.count { tensor.values.pointer[index] = Float(index % 7) - 3 }
        }
        var touched = TouchedRows(rowCount: 50)
        touched.insert([EncoderInput([.text((0..<50).map { $0 })])])
        let optimizer = AdamW(parameters, options: options, pool: pool)
        optimizer.update(gradients, touched, norm: 1, rate: 0.1)
        AdamW(plain, options: AdamW.Options(), pool: pool).update(gradients, touched, norm: 1, rate: 0.1)
        for name in ["text.norm.weight", "text.embedding.weight"] {
            #expect(parameters[name].values == plain[name].values, "\(name)")
        }
        #expect(parameters["projection.weight"].values != plain["projection.weight"].values)
        #expect(optimizer.secondMoments["projection.weight"].values.allSatisfy { $0 == 0 })
    }

    private func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
        var generator = SeededGenerator(seed: seed)
        return Matrix(
            rows: rows, columns: columns,
            values: (0..<rows * columns).map { _ in Float(Int64(bitPattern: generator.next()) >> 40) / Float(1 << 23) })
    }

    private func transposed(_ x: [Double], _ columns: Int) -> [Double] {
        let rows = x.count / columns
        return (0..<x.count).map { x[($0 % rows) * columns + $0 / rows] }
    }

    private func product(_ x: [Double], _ y: [Double], _ m: Int, _ k: Int, _ n: Int) -> [Double] {
        (0..<m * n).map { index in (0..<k).reduce(0) { $0 + x[index / n * k + $1] * y[$1 * n + index % n] } }
    }

    @Test(arguments: [
        ("*", "text.norm.weight", true), ("text.*", "text.norm.weight", true), ("text.*", "unified.text.x", false),
        ("*.norm.weight", "text.norm.weight", true), ("*norm.weight", "text.blocks.0.mlp_norm.weight", true),
        ("text.blocks.*.mlp.*", "text.blocks.11.mlp.up.weight", true), ("text", "text.norm.weight", false),
        ("", "", true),
    ])
    func patterns(pattern: String, name: String, matches: Bool) {
        #expect(ParameterGroup(pattern).matches(name) == matches)
    }

    @Test func schedules() {
        let cosine = Schedule(peak: 2, decay: .cosine, warmUpSteps: 3, totalSteps: 13, finalShare: 0.1)
        #expect((0..<3).map { cosine.rate(at: $0) } == [0.5, 1, 1.5])
        #expect(cosine.rate(at: 3) == 2)
        #expect(abs(cosine.rate(at: 8) - 1.1) < Self.preciseRounding)
        #expect(abs(cosine.rate(at: 13) - 0.2) < Self.preciseRounding && cosine.rate(at: 1_000) == cosine.rate(at: 13))
        let linear = Schedule(peak: 1, decay: .linear, totalSteps: 4)
        #expect((0...5).map { linear.rate(at: $0) } == [1, 0.75, 0.5, 0.25, 0, 0])
        #expect(Schedule(peak: 1, decay: .constant, warmUpSteps: 1, totalSteps: 2).rate(at: 9) == 1)
    }
}
