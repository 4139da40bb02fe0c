import CastorNumerics
import Evaluation
import TestSupport
import Testing
import Vectors

@Suite struct MetricTests {
    // MARK: - Correlation

    @Test func ranksShareTheirMean() {
        #expect(Correlation.averageRanks([3, 1, 3, 2]) == [3.5, 1, 3.5, 2])
        #expect(Correlation.averageRanks([7, 7, 7]) == [2, 2, 2])
        #expect(Correlation.averageRanks([]).isEmpty)
    }

    @Test func correlationByHand() {
        expectClose(Correlation.pearson([1, 2, 3], [2, 4, 6]), 1)
        expectClose(Correlation.pearson([1, 2, 3], [3, 2, 1]), -1)
        // d = 0, 1, 1: 1 - 6 * 2 / (3 * 8)
        expectClose(Correlation.spearman([1, 2, 3], [10, 30, 20]), 0.5)
        expectClose(Correlation.spearman([1, 2, 3, 4], [1, 10, 100, 1_000]), 1)
    }

    @Test func correlationWithAConstantIsUndefined() {
        #expect(Correlation.pearson([1, 1, 1], [1, 2, 3]) == nil)
        #expect(Correlation.spearman([1, 2, 3], [4, 4, 4]) == nil)
        #expect(Correlation.pearson([1], [1]) == nil)
    }

    /// Squares beyond what f64 holds.
    @Test func correlationOfHugeValuesIsUndefined() {
        #expect(Correlation.pearson([1e200, -1e200, 0], [1, 2, 3]) == nil)
        expectClose(Correlation.spearman([1e200, -1e200, 0], [3, 1, 2]), 1)
    }

    /// Grades may be as large as whole numbers are; their sum need not be one.
    @Test func chanceOfHugeGradesIsAShare() throws {
        let chance = try #require(RetrievalScores.chance(grades: [.max, .max, 1], candidates: 10))
        #expect(chance.ndcg > 0 && chance.ndcg <= 1)
    }

    // MARK: - Bitext

    @Test func bitextByHand() throws {
        // 0 and 1 find theirs, 2 finds 1's: precision of 1 is 1/2.
        let scores = try #require(BitextScores(predictions: [0, 1, 1]))
        expectClose(scores.accuracy, 2.0 / 3)
        expectClose(scores.f1, (1 + 2.0 / 3) / 3)
        #expect(BitextScores(predictions: []) == nil)
    }

    @Test func bitextIsOneForEqualSidesAndChanceForRandomOnes() throws {
        let sentences = randomUnits(400, 24, seed: 1)
        let same = try #require(BitextScores(queries: sentences, candidates: sentences, pool: pool))
        #expect(same.accuracy == 1 && same.f1 == 1)
        let random = try #require(
            BitextScores(queries: sentences, candidates: randomUnits(400, 24, seed: 2), pool: pool))
        #expect(random.accuracy < 0.02)
    }

    /// A model that says the same for everything must not look good.
    @Test func collapsedVectorsAreChance() throws {
        let same = matrix(Array(repeating: [1, 0], count: 50))
        #expect(try #require(BitextScores(queries: same, candidates: same, pool: pool)).accuracy == 1.0 / 50)
        let ranks = ranksOfRelevant(
            queries: same, candidates: same, relevance: (0..<50).map { Relevance([.init(candidate: $0)]) }, pool: pool)
        #expect(HitRate.at(10, ranks) == 10.0 / 50)
    }

    // MARK: - Classification

    @Test func classificationByHand() throws {
        let scores = try #require(ClassificationScores(predicted: [0, 0, 1, 2], actual: [0, 1, 1, 1]))
        expectClose(scores.accuracy, 0.5)
        // Class 0: 2/3; class 1: 2/4; class 2: 0.
        expectClose(scores.macroF1, (2.0 / 3 + 0.5 + 0) / 3)
        #expect(ClassificationScores(predicted: [], actual: []) == nil)
        #expect(shareOfLargestClass([1, 2, 2, 5]) == 0.5)
    }

    @Test func theProbeSeparatesWhatCanBeSeparated() {
        let centers = randomUnits(6, 20, seed: 3)
        let labels = (0..<240).map { $0 % 6 }
        let noise = randomUnits(240, 20, seed: 4)
        let features = gatherRows(centers, labels)
        for row in 0..<240 { for index in 0..<20 { features.row(row)[index] += 0.2 * noise.row(row)[index] } }
        let probe = LogisticRegression(features: features, labels: labels, classes: 6, c: 10, pool: pool)
        #expect(probe.converged)
        #expect(probe.predict(features, pool: pool) == labels)
        #expect(classifyByNeighbors(features, train: features, labels: labels, k: 5, pool: pool) == labels)
    }

    @Test func theProbeIsDeterministicAndIgnoresAShift() {
        let features = randomUnits(200, 16, seed: 5)
        var random = SeededRandom(seed: 6)
        let labels = (0..<200).map { _ in Int.random(in: 0..<3, using: &random) }
        func fit(_ features: Matrix) -> LogisticRegression {
            LogisticRegression(features: features, labels: labels, classes: 3, tolerance: 1e-7, pool: pool)
        }
        let first = fit(features)
        let again = fit(features)
        #expect(first.weights.values == again.weights.values && first.intercepts == again.intercepts)
        let shifted = features.copy()
        for row in 0..<200 { for index in 0..<16 { shifted.row(row)[index] += 3 } }
        expectClose(fit(shifted).weights.values, first.weights.values, Tolerance("a shifted probe", Precision.probe))
    }

    /// Random labels cannot be told from test vectors: accuracy is near 1/2.
    @Test func theProbeIsChanceOnNoise() throws {
        var random = SeededRandom(seed: 7)
        let labels = (0..<1_000).map { _ in Int.random(in: 0..<2, using: &random) }
        let truth = (0..<1_000).map { _ in Int.random(in: 0..<2, using: &random) }
        let probe = LogisticRegression(
            features: randomUnits(1_000, 16, seed: 8), labels: labels, classes: 2, pool: pool)
        let scores = try #require(
            ClassificationScores(predicted: probe.predict(randomUnits(1_000, 16, seed: 9), pool: pool), actual: truth))
        expectClose(scores.accuracy, 0.5, 0.06)
    }

    @Test func oneClassAlone() {
        let probe = LogisticRegression(
            features: randomUnits(5, 4, seed: 10), labels: [0, 0, 0, 0, 0], classes: 1, pool: pool)
        #expect(probe.predict(randomUnits(3, 4, seed: 11), pool: pool) == [0, 0, 0])
    }

    @Test func equalVotesGoToTheLowestClass() {
        let train = matrix([[1, 0], [0, 1]])
        #expect(classifyByNeighbors(matrix([[0.6, 0.8]]), train: train, labels: [4, 9], k: 2, pool: pool) == [4])
        #expect(classifyByNeighbors(matrix([[0.6, 0.8]]), train: train, labels: [9, 4], k: 1, pool: pool) == [4])
    }

    // MARK: - Zero-shot

    @Test func templatesAreAveraged() {
        let classes = ZeroShot.classVectors(matrix([[1, 0], [0, 1], [0, -1], [0, -1]]), templates: 2)
        let half = Float(0.5).squareRoot()
        expectClose(classes.values, [half, half, 0, -1], .rounding)
        let ranks = ZeroShot.ranks(items: matrix([[1, 0], [0, -1]]), classes: classes, labels: [0, 0], pool: pool)
        #expect(ranks.map { $0[0].rank } == [1, 2])
    }

    // MARK: - Clustering

    @Test func vMeasureByHand() throws {
        #expect(try #require(VMeasure(clusters: [5, 5, 9, 9], classes: [0, 0, 1, 1])).value == 1)
        #expect(try #require(VMeasure(clusters: [0, 0, 0, 0], classes: [0, 0, 1, 1])).value == 0)
        // Each class split in two clusters: homogeneous, half complete.
        let split = try #require(VMeasure(clusters: [0, 1, 2, 3], classes: [0, 0, 1, 1]))
        expectClose(split.homogeneity, 1)
        expectClose(split.completeness, 0.5)
        expectClose(split.value, 2.0 / 3)
        #expect(VMeasure(clusters: [], classes: []) == nil)
        #expect(try #require(VMeasure(clusters: [1, 2], classes: [3, 3])).homogeneity == 1)
    }

    @Test func kMeansFindsSeparateClusters() throws {
        let centers = matrix([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
        let labels = (0..<90).map { $0 % 3 }
        let vectors = gatherRows(centers, labels)
        let noise = randomUnits(90, 3, seed: 12)
        for row in 0..<90 { for index in 0..<3 { vectors.row(row)[index] += 0.1 * noise.row(row)[index] } }
        let result = KMeans(vectors, k: 3, pool: pool)
        #expect(try #require(VMeasure(clusters: result.assignments, classes: labels)).value == 1)
        let again = KMeans(vectors, k: 3, pool: pool)
        #expect(again.assignments == result.assignments && again.inertia == result.inertia)
    }

    @Test func moreCentersThanDifferentVectors() {
        let vectors = matrix([[1, 0], [1, 0], [0, 1], [0, 1]])
        #expect(KMeans(vectors, k: 4, pool: pool).inertia == 0)
        #expect(KMeans(vectors, k: 1, pool: pool).assignments == [0, 0, 0, 0])
    }

    // MARK: - Sampling

    @Test func samplesAreEvenlySpread() {
        #expect(evenlySpread(nil, of: 3) == [0, 1, 2])
        #expect(evenlySpread(5, of: 3) == [0, 1, 2])
        #expect(evenlySpread(3, of: 9) == [0, 3, 6])
        #expect(evenlySpread(0, of: 9).isEmpty)
    }
}
