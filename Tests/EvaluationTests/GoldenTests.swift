import CastorNumerics
import Evaluation
import TestSupport
import Testing
import Vectors

/// Agreement with pytrec_eval, scipy and scikit-learn.
@Suite struct GoldenTests {
    private static let names = ["nDCG@10", "recall@10", "recall@100", "MRR@10", "MRR", "MAP", "R@1", "R@5", "R@10"]

    @Test(arguments: GoldenMetrics.shared.retrieval.indices) func retrieval(index: Int) throws {
        try expectAgreement(GoldenMetrics.shared.retrieval[index])
    }

    @Test(arguments: GoldenMetrics.shared.judgments.indices) func judgments(index: Int) throws {
        try expectAgreement(GoldenMetrics.shared.judgments[index])
    }

    /// Of every query, and of their mean.
    private func expectAgreement(_ golden: GoldenMetrics.Retrieval) throws {
        // Rows by descending id: equal scores then rank as in trec_eval.
        let order = golden.ids.indices.sorted { golden.ids[$1].utf8.lexicographicallyPrecedes(golden.ids[$0].utf8) }
        let rowOfID = Dictionary(uniqueKeysWithValues: order.enumerated().map { (golden.ids[$0.element], $0.offset) })
        let relevance = golden.queries.indices.map { query in
            Relevance(
                (golden.qrels["q\(query)"] ?? [:]).filter { $0.value > 0 }.sorted { $0.key < $1.key }
                    .map { .init(candidate: rowOfID[$0.key], grade: $0.value) })
        }
        let ranks = ranksOfRelevant(
            queries: matrix(golden.queries), candidates: gatherRows(matrix(golden.documents), order),
            relevance: relevance, pool: pool)
        func expect(_ scores: RetrievalScores, _ ranks: [[RankedJudgment]], _ expected: [Double], _ what: String) {
            let actual =
                [scores.ndcg] + scores.recall
                + [scores.reciprocalRankAtCutoff, scores.reciprocalRank, scores.averagePrecision]
                + HitRate.cutoffs.map { HitRate.at($0, ranks) ?? -1 }
            #expect(actual.count == expected.count && Self.names.count == expected.count)
            for (metric, pair) in zip(Self.names, zip(actual, expected)) {
                expectClose(pair.0, pair.1, Precision.metric, "\(golden.name), \(what), \(metric)")
            }
        }
        for (query, judgments) in ranks.enumerated() {
            guard let expected = golden.expected["q\(query)"] else {
                #expect(RetrievalScores(judgments) == nil)
                continue
            }
            expect(try #require(RetrievalScores(judgments)), [judgments], expected, "query \(query)")
        }
        let count = Double(golden.expected.count)
        guard count > 0 else {
            #expect(RetrievalScores.mean(ranks) == nil && HitRate.at(1, ranks) == nil)
            return
        }
        let sums = golden.expected.values.reduce([Double](repeating: 0, count: Self.names.count)) { sums, row in
            zip(sums, row).map { $0 + $1 }
        }
        expect(try #require(RetrievalScores.mean(ranks)), ranks, sums.map { $0 / count }, "mean")
    }

    @Test(arguments: GoldenMetrics.shared.correlation.indices) func correlation(index: Int) {
        let golden = GoldenMetrics.shared.correlation[index]
        expectClose(Correlation.pearson(golden.x, golden.y), golden.pearson)
        expectClose(Correlation.spearman(golden.x, golden.y), golden.spearman)
    }

    @Test(arguments: GoldenMetrics.shared.logistic.indices) func logisticRegression(index: Int) {
        let golden = GoldenMetrics.shared.logistic[index]
        let probe = LogisticRegression(
            features: matrix(golden.train), labels: golden.labels, classes: golden.classes, c: golden.c,
            tolerance: 1e-7, pool: pool)
        let largest = golden.weights.joined().map(abs).max()!
        let tolerance = Tolerance("the probe's weights", Precision.probe * largest)
        expectClose(probe.weights.values, golden.weights.flatMap { $0 }, tolerance, golden.name)
        let mean = probe.intercepts.reduce(0, +) / Float(golden.classes)
        expectClose(probe.intercepts.map { $0 - mean }, golden.intercepts, tolerance, golden.name)
        #expect(probe.predict(matrix(golden.test), pool: pool) == golden.predicted, "\(golden.name)")
    }

    @Test func neighbors() {
        let golden = GoldenMetrics.shared.neighbors
        let (train, test) = (matrix(golden.train), matrix(golden.test))
        let predicted = classifyByNeighbors(
            normalizedPrefix(test, test.columns), train: normalizedPrefix(train, train.columns), labels: golden.labels,
            k: 5, pool: pool)
        #expect(predicted == golden.predicted)
    }

    @Test(arguments: GoldenMetrics.shared.classification.indices) func classification(index: Int) throws {
        let golden = GoldenMetrics.shared.classification[index]
        let scores = try #require(ClassificationScores(predicted: golden.predicted, actual: golden.actual))
        expectClose(scores.accuracy, golden.accuracy)
        expectClose(scores.macroF1, golden.macroF1)
    }

    @Test(arguments: GoldenMetrics.shared.bitext.indices) func bitext(index: Int) throws {
        let golden = GoldenMetrics.shared.bitext[index]
        let scores = try #require(BitextScores(predictions: golden.predicted))
        expectClose(scores.accuracy, golden.accuracy)
        expectClose(scores.f1, golden.f1)
    }

    @Test(arguments: GoldenMetrics.shared.partitions.indices) func vMeasure(index: Int) throws {
        let golden = GoldenMetrics.shared.partitions[index]
        let measure = try #require(VMeasure(clusters: golden.clusters, classes: golden.classes))
        expectClose(measure.homogeneity, golden.homogeneity)
        expectClose(measure.completeness, golden.completeness)
        expectClose(measure.value, golden.vMeasure)
    }

    @Test func lloyd() {
        let golden = GoldenMetrics.shared.lloyd
        let run = KMeans(matrix(golden.vectors), centers: matrix(golden.start), maxIterations: 100, pool: pool)
        #expect(run.assignments == golden.assignments)
        expectClose(run.inertia, golden.inertia, Precision.inertia)
        expectClose(run.centers.values, golden.centers.flatMap { $0 }, .rounding)
    }
}
