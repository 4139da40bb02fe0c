import CastorNumerics
import Comparison
import Evaluation
import FoundationEssentials
import TestSupport
import Testing
import Vectors

/// Agreement with numpy, scipy and scikit-learn (tools/comparison/make_golden.py).
@Suite struct GoldenTests {
    private static let golden = Golden.shared

    private func unit(_ rows: [[Float]]) -> Matrix {
        normalizedPrefix(Matrix(rows: rows.count, columns: rows[0].count, values: rows.flatMap { $0 }), rows[0].count)
    }

    @Test(arguments: golden.comparisons.indices) func structure(index: Int) throws {
        let golden = Self.golden.comparisons[index]
        let all = SimilarityStructure.Items(reference: unit(golden.reference), candidate: unit(golden.candidate))
        let structure: SimilarityStructure
        if let queries = golden.queries {
            func part(_ range: Range<Int>) -> SimilarityStructure.Items {
                .init(reference: all.reference[range], candidate: all.candidate[range])
            }
            structure = SimilarityStructure(part(0..<queries), among: part(queries..<all.count), pool: pool)
        } else {
            structure = SimilarityStructure(all, among: nil, pool: pool)
        }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        expectClose(structure.spearman, golden.spearman, Precision.similarity, "\(golden.name): Spearman")
        expectClose(structure.pearson, golden.pearson, Precision.similarity, "\(golden.name): Pearson")
        for (place, k) in SimilarityStructure.cutoffs.enumerated() {
            expectClose(mean(structure.overlaps(at: k)), golden.overlap[place], Precision.exact, "overlap@\(k)")
            expectClose(mean(structure.firstFound(at: k)), golden.firstFound[place], Precision.exact, "first@\(k)")
        }
        expectClose(mean(structure.rankBiasedOverlaps), golden.rankBiasedOverlap, Precision.exact, "RBO")
        expectClose(
            LinearCKA.value(all.reference, all.candidate, pool: pool), golden.alignment, Precision.alignment, "CKA")
    }

    @Test(arguments: golden.comparisons.indices) func maps(index: Int) throws {
        let golden = Self.golden.comparisons[index]
        let (x, y) = (unit(golden.candidate), unit(golden.reference))
        if let rotation = golden.procrustes {
            let map = try LinearMap(.procrustes, from: x, to: y, pool: pool)
            expectMap(map.weights.values, rotation.flatMap { $0 }, "\(golden.name): Procrustes")
        }
        let map = try LinearMap.ridge(from: x, to: y, penalty: golden.ridge.penalty, pool: pool)
        expectMap(map.weights.values, golden.ridge.weights.flatMap { $0 }, "\(golden.name): ridge")
        expectMap(map.offset.values, golden.ridge.offset, "\(golden.name): offset")
    }

    private func expectMap(_ actual: [Float], _ expected: [Float], _ what: String) {
        #expect(actual.count == expected.count)
        let worst = zip(actual, expected).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst <= Precision.map, "\(what) is off by \(worst)")
    }

    /// Exact probabilities by all sign changes; ours are drawn by lot, 10,000 times.
    @Test(arguments: golden.tests.indices) func pairedTest(index: Int) {
        let golden = Self.golden.tests[index]
        let drawn = JudgedRetrieval.probability(golden.differences, seed: 3)
        let deviation = (golden.probability * (1 - golden.probability) / 10_000).squareRoot()
        expectClose(drawn, golden.probability, 5 * deviation + 2e-4)
    }

    @Test func quantiles() {
        let golden = Self.golden.quantiles
        let map = QuantileMap(zip(golden.from, golden.to).map { (from: $0, to: $1) })
        for (place, value) in golden.quantilesFrom.enumerated() {
            expectClose(map.from[place], value, Precision.exact)
            expectClose(map.to[place], golden.quantilesTo[place], Precision.exact)
        }
        for (score, expected) in zip(golden.scores, golden.mapped) {
            expectClose(map(score), expected, Precision.exact)
        }
    }
}

private struct Golden: Decodable {
    struct Ridge: Decodable {
        let weights: [[Float]]
        let offset: [Float]
        let penalty: Double
    }

    struct Case: Decodable {
        let name: String
        let reference: [[Float]]
        let candidate: [[Float]]
        let queries: Int?
        let spearman: Double
        let pearson: Double
        let overlap: [Double]
        let firstFound: [Double]
        let rankBiasedOverlap: Double
        let alignment: Double
        let ridge: Ridge
        let procrustes: [[Float]]?
    }

    struct PairedTest: Decodable {
        let differences: [Double]
        let probability: Double
    }

    struct Quantiles: Decodable {
        let from: [Double]
        let to: [Double]
        let quantilesFrom: [Double]
        let quantilesTo: [Double]
        let scores: [Double]
        let mapped: [Double]
    }

    let comparisons: [Case]
    let tests: [PairedTest]
    let quantiles: Quantiles

    static let shared: Golden = {
        let path = #filePath.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/Fixtures/golden.json"
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(Golden.self, from: Data(contentsOf: URL(filePath: path)))
        } catch {
            preconditionFailure("\(path): \(error)")
        }
    }()
}
