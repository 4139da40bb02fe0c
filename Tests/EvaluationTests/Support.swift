import CastorNumerics
import Evaluation
import FoundationEssentials
import TestSupport
import Testing

/// How far results in double precision may lie from the expected ones.
enum Precision {
    /// Sums of at most some hundred terms, in another order.
    static let metric = 1e-9
    /// A minimum found with f32 products, against one found in f64.
    static let probe: Float = 1e-4
    /// Sums of squares in f32.
    static let inertia = 1e-4
}

/// Within what a metric may be off.
func expectClose(_ actual: Double?, _ expected: Double, sourceLocation: SourceLocation = #_sourceLocation) {
    expectClose(actual, expected, Precision.metric, sourceLocation: sourceLocation)
}

/// `[n, d]`
func matrix(_ rows: [[Float]]) -> Matrix {
    Matrix(rows: rows.count, columns: rows.first?.count ?? 0, values: rows.flatMap { $0 })
}

/// Each row once, in another order.
func shuffled(_ count: Int, seed: UInt64) -> [Int] {
    var random = SeededRandom(seed: seed)
    return Array(0..<count).shuffled(using: &random)
}

/// `Fixtures/golden.json`, written by tools/evaluation/make_golden.py.
struct GoldenMetrics: Decodable {
    struct Retrieval: Decodable {
        let name: String
        let queries: [[Float]]
        let documents: [[Float]]
        let ids: [String]
        let qrels: [String: [String: Int]]
        /// nDCG@10, recall@10, recall@100, MRR@10, MRR, MAP, R@1, R@5, R@10 of each query of which something is relevant.
        let expected: [String: [Double]]
    }

    struct Correlation: Decodable {
        let x: [Double]
        let y: [Double]
        let pearson: Double
        let spearman: Double
    }

    struct Logistic: Decodable {
        let name: String
        let c: Double
        let classes: Int
        let train: [[Float]]
        let labels: [Int]
        let test: [[Float]]
        let weights: [[Float]]
        let intercepts: [Float]
        let predicted: [Int]
    }

    struct Neighbors: Decodable {
        let train: [[Float]]
        let labels: [Int]
        let test: [[Float]]
        let predicted: [Int]
    }

    struct Classification: Decodable {
        let actual: [Int]
        let predicted: [Int]
        let accuracy: Double
        let macroF1: Double
    }

    struct Bitext: Decodable {
        let predicted: [Int]
        let accuracy: Double
        let f1: Double
    }

    struct Partition: Decodable {
        let classes: [Int]
        let clusters: [Int]
        let homogeneity: Double
        let completeness: Double
        let vMeasure: Double
    }

    struct Lloyd: Decodable {
        let vectors: [[Float]]
        let start: [[Float]]
        let assignments: [Int]
        let inertia: Double
        let centers: [[Float]]
    }

    let retrieval: [Retrieval]
    let correlation: [Correlation]
    let logistic: [Logistic]
    let neighbors: Neighbors
    let classification: [Classification]
    let bitext: [Bitext]
    let partitions: [Partition]
    let lloyd: Lloyd
    /// Random ones.
    let judgments: [Retrieval]

    static let shared: GoldenMetrics = {
        let path = #filePath.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/Fixtures/golden.json"
        do { return try JSONDecoder().decode(GoldenMetrics.self, from: Data(Folders.read(path))) } catch {
            fatalError("\(path): \(error)")
        }
    }()
}
