import CastorNumerics
import Encoder
import Glibc
import TestSupport
import Testing

/// Vectors of castor-nano's weights with a lexical part of two sketches behind 600 values of the projection.
@Suite struct LexicalPartTests {
    private static let pool = WorkerPool(threads: 2)
    private static let part = LexicalPart(
        widths: [900, 1572], weights: [0.7, 0.3], share: 0.4, prompts: [[21, 22], [21, 22, 23]])
    private static let projected = 3072 - 900 - 1572

    private func rows(_ batch: [[EncoderInput.Segment]], rarity: (Int) -> Float = { Float($0 % 5) + 1 }) throws
        -> [[Float]]
    {
        let model = try Model(path: Folders.nano, pool: Self.pool)
        var configuration = model.configuration
        configuration.text.lexical = Self.part
        let store = ParameterStore(configuration.tensorShapes)
        for tensor in try ParameterStore(of: model).tensors {
            let own = store[tensor.name]
            own.pointer.update(from: tensor.values.pointer, count: min(own.count, tensor.values.count))
        }
        let counts = store[Configuration.lexicalRarityName]
        for id in 0..<counts.count { counts.pointer[id] = rarity(id) }
        let found = try EncoderPass(configuration: configuration, pool: Self.pool)
            .forward(batch.map { EncoderInput($0) }, ModelWeights(configuration, store), PassMemory(.nothing)).rows
        return (0..<found.rows).map { Array(UnsafeBufferPointer(start: found.row($0), count: found.columns)) }
    }

    private func lexical(_ row: [Float]) -> [Double] { row[Self.projected...].map(Double.init) }
    private func squares(_ values: some Sequence<Double>) -> Double { values.reduce(0) { $0 + $1 * $1 } }
    private func cosine(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } / (squares(a) * squares(b)).squareRoot()
    }

    @Test func itHasItsShareOfTheSquaredLength() throws {
        for row in try rows([[.text([5, 9, 9, 300])], [.text([7]), .pageText([8, 400])]]) {
            let whole = squares(row.map(Double.init))
            #expect(abs(squares(lexical(row)) / whole - 0.4) < 1e-6)
        }
    }

    @Test func whatHasNoTextHasNone() throws {
        let sound = EncoderInput.Segment.audio(patches: Matrix(rows: 2, columns: 8 * 80))
        let found = try rows([[sound], [.text([4]), sound], [sound]])
        #expect(lexical(found[0]).allSatisfy { $0 == 0 } && lexical(found[2]).allSatisfy { $0 == 0 })
        #expect(squares(lexical(found[1])) > 0)
        // Nor has a text all of whose pieces count nothing, or one that is a prompt alone.
        #expect(lexical(try rows([[.text([4, 5])]]) { _ in 0 }[0]).allSatisfy { $0 == 0 })
        #expect(lexical(try rows([[.text([21, 22])]])[0]).allSatisfy { $0 == 0 })
    }

    @Test func orderCountsForNothingAndCompanyToo() throws {
        let found = try rows([
            [.text([5, 9, 300])], [.text([300, 5, 9])], [.text([5]), .text([9, 300])], [.text([1])],
        ])
        let alone = try rows([[.text([300, 5, 9])]])
        #expect(cosine(lexical(found[0]), lexical(found[1])) > 1 - 1e-12)
        #expect(cosine(lexical(found[0]), lexical(found[2])) > 1 - 1e-12)
        #expect(cosine(lexical(found[1]), lexical(alone[0])) > 1 - 1e-12)
    }

    @Test func longestPromptAtTheBeginningIsNotCounted() throws {
        let found = try rows([
            [.text([50, 60])], [.text([21, 22, 50, 60])], [.text([21, 22, 23, 50, 60])], [.text([50, 60, 21, 22])],
            [.text([21, 50, 60])],
        ]).map(lexical)
        #expect(cosine(found[0], found[1]) > 1 - 1e-12 && cosine(found[0], found[2]) > 1 - 1e-12)
        #expect(cosine(found[0], found[3]) < 0.99 && cosine(found[0], found[4]) < 0.99)
    }

    /// What a product of sketches stands for: the cosine of the counts, their roots, times what they count; in the first sketch, too.
    @Test func productsAreNearlyThoseOfTheCounts() throws {
        var random = SeededRandom(seed: 7)
        var (off, offFirst) = ([Double](), [Double]())
        for _ in 0..<40 {
            func text() -> [Int32] { (0..<40).map { _ in Int32.random(in: 100..<400, using: &random) } }
            let shared = text()
            let texts = [shared + text(), shared + text()]
            let found = try rows(texts.map { [.text($0)] }).map(lexical)
            let counts = texts.map { text in
                var values = [Double](repeating: 0, count: 1000)
                for id in text { values[Int(id)] += 1 }
                return values.enumerated().map { $1.squareRoot() * Double($0 % 5 + 1) }
            }
            let exact = cosine(counts[0], counts[1])
            off.append(cosine(found[0], found[1]) - exact)
            offFirst.append(cosine(Array(found[0][..<900]), Array(found[1][..<900])) - exact)
        }
        // One over the root of as many values, and what two sketches together leave of it: six times that never happens.
        #expect(off.allSatisfy { abs($0) < 6 / 1600.0.squareRoot() }, "\(off)")
        #expect(offFirst.allSatisfy { abs($0) < 6 / 900.0.squareRoot() }, "\(offFirst)")
        #expect(abs(off.reduce(0, +) / 40) < 0.02)
    }
}
