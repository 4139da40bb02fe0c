import CastorNumerics
import Evaluation
import TestSupport
import Testing
import Vectors

@Suite struct RetrievalTests {
    private func ranked(_ ranks: [Int?], grades: [Int]? = nil) -> [RankedJudgment] {
        ranks.enumerated().map { RankedJudgment(rank: $0.element, grade: grades?[$0.offset] ?? 1) }
    }

    @Test func byHand() throws {
        // Two of three relevant documents, at ranks 2 and 12.
        let scores = try #require(RetrievalScores(ranked([12, nil, 2])))
        expectClose(scores.recall[0], 1.0 / 3)
        expectClose(scores.recall[1], 2.0 / 3)
        expectClose(scores.reciprocalRank, 1.0 / 2)
        expectClose(scores.averagePrecision, (1.0 / 2 + 2.0 / 12) / 3)
        // log2 3 = 1.58496; the ideal has ranks 1, 2 and 3.
        expectClose(scores.ndcg, 0.630929753571 / (1 + 0.630929753571 + 0.5), 1e-9)
    }

    @Test func gradesAreLinearGains() throws {
        // Grade 3 at rank 2 and grade 1 at rank 1; ideally the other way round.
        let scores = try #require(RetrievalScores(ranked([2, 1], grades: [3, 1])))
        expectClose(scores.ndcg, (1 + 3 * 0.630929753571) / (3 + 0.630929753571), 1e-9)
        expectClose(scores.averagePrecision, 1)
    }

    @Test func beyondTheCutoff() throws {
        let scores = try #require(RetrievalScores(ranked([11])))
        #expect(scores.ndcg == 0 && scores.reciprocalRankAtCutoff == 0 && scores.recall == [0, 1])
        expectClose(scores.reciprocalRank, 1.0 / 11)
    }

    @Test func perfectRetrievalIsOne() throws {
        let documents = randomUnits(300, 24, seed: 1)
        let ranks = ranksOfRelevant(
            queries: documents[0..<40], candidates: documents,
            relevance: (0..<40).map { Relevance([.init(candidate: $0)]) }, pool: pool)
        let scores = try #require(RetrievalScores.mean(ranks))
        #expect(
            scores.ndcg == 1 && scores.recall == [1, 1] && scores.reciprocalRank == 1 && scores.averagePrecision == 1)
        #expect(HitRate.at(1, ranks) == 1)
    }

    @Test func queriesWithoutJudgmentsDoNotCount() {
        #expect(RetrievalScores([]) == nil)
        #expect(RetrievalScores.mean([[], []] as [[RankedJudgment]]) == nil)
        #expect(RetrievalScores.mean([[], ranked([1])])?.reciprocalRank == 1)
        #expect(HitRate.at(1, [[]]) == nil)
        #expect(HitRate.at(1, [[], ranked([1]), ranked([2, 4])]) == 0.5)
    }

    @Test func documentsWithoutVectorsAreNeverFound() throws {
        let ranks = ranksOfRelevant(
            queries: matrix([[1, 0]]), candidates: matrix([[1, 0], [0, 1]]),
            relevance: [Relevance([.init(candidate: nil, grade: 2), .init(candidate: 1)])], pool: pool)
        #expect(ranks == [[RankedJudgment(rank: nil, grade: 2), RankedJudgment(rank: 2, grade: 1)]])
        let none = ranksOfRelevant(
            queries: matrix([[1, 0]]), candidates: Matrix(rows: 0, columns: 2),
            relevance: [Relevance([.init(candidate: nil)])], pool: pool)
        #expect(none == [[RankedJudgment(rank: nil, grade: 1)]])
    }

    @Test func ofEqualScoresTheLowerRowComesFirst() {
        let candidates = matrix(Array(repeating: [0, 1], count: 7))
        let ranks = ranksOfRelevant(
            queries: matrix([[0, 1]]), candidates: candidates,
            relevance: [Relevance((0..<7).map { .init(candidate: $0) })], pool: pool)
        #expect(ranks[0].map(\.rank) == [1, 2, 3, 4, 5, 6, 7])
        #expect(
            nearestNeighbors(of: matrix([[0, 1]]), among: candidates, k: 3, pool: pool)[0].map(\.index) == [0, 1, 2])
    }

    /// Against counting: a relevant candidate comes after all others of its score.
    @Test func ofEqualScoresTheRelevantComesLast() {
        let values: [[Float]] = [[1, 0], [0, 1], [1, 0], [0, 1], [1, 0], [0.6, 0.8], [0, 1]]
        let relevant = [0, 2, 5, 6]
        let ranks = ranksOfRelevant(
            queries: matrix([[0, 1], [1, 0]]), candidates: matrix(values),
            relevance: [Relevance(relevant.map { .init(candidate: $0) }), Relevance([.init(candidate: nil)])],
            ties: .relevantLast, pool: pool)
        // Scores 0 1 0 1 0 0.8 1: rows 1 and 3 come before 6; then 5; then 4 before 0 and 2.
        #expect(ranks[0].map(\.rank) == [6, 7, 4, 3])
        #expect(ranks[1].map(\.rank) == [nil])
        let alike = ranksOfRelevant(
            queries: matrix([[0, 1]]), candidates: matrix(Array(repeating: [0, 1], count: 9)),
            relevance: [Relevance([.init(candidate: 0), .init(candidate: 4)])], ties: .relevantLast, pool: pool)
        #expect(alike[0].map(\.rank) == [8, 9])
    }

    /// Plain BLAS fails this: rows at the edge of a matrix are summed in another order.
    @Test(arguments: [1, 3, 64, 259]) func duplicatesTieExactly(queries: Int) {
        let one = randomUnits(1, 384, seed: 5)
        let candidates = gatherRows(one, Array(repeating: 0, count: 203))
        forEachSimilarityRow(randomUnits(queries, 384, seed: 6), candidates, pool: pool) { query, scores in
            #expect(scores.allSatisfy { $0 == scores[0] }, "query \(query)")
        }
    }

    @Test func randomVectorsRankByChance() throws {
        let (queries, documents) = (randomUnits(2_000, 16, seed: 2), randomUnits(60, 16, seed: 3))
        let relevance = (0..<2_000).map { query in
            Relevance([
                .init(candidate: query % 60, grade: 2), .init(candidate: (query + 7) % 60), .init(candidate: nil),
            ])
        }
        let ranks = ranksOfRelevant(queries: queries, candidates: documents, relevance: relevance, pool: pool)
        let scores = try #require(RetrievalScores.mean(ranks))
        let chance = try #require(RetrievalScores.chance(grades: [2, 1], missing: [1], candidates: 60))
        // Three standard errors of a share of 2,000 are below 0.035.
        let bound = 0.035
        expectClose(scores.ndcg, chance.ndcg, bound, "nDCG@10")
        expectClose(scores.recall[0], chance.recall[0], bound, "recall@10")
        expectClose(scores.recall[1], chance.recall[1], 1e-12, "recall@100")
        expectClose(scores.reciprocalRankAtCutoff, chance.reciprocalRankAtCutoff, bound, "MRR@10")
        expectClose(scores.reciprocalRank, chance.reciprocalRank, bound, "MRR")
        expectClose(scores.averagePrecision, chance.averagePrecision, bound, "MAP")
        for k in HitRate.cutoffs {
            expectClose(
                HitRate.at(k, ranks), try #require(HitRate.chance(at: k, relevant: [2], candidates: 60)), bound,
                "R@\(k)")
        }
    }

    @Test func chanceOfOneAmongTen() throws {
        let chance = try #require(RetrievalScores.chance(grades: [1], candidates: 10))
        let harmonic = (1...10).reduce(0.0) { $0 + 1 / Double($1) }
        expectClose(chance.reciprocalRank, harmonic / 10)
        expectClose(chance.averagePrecision, harmonic / 10)
        expectClose(chance.recall[0], 1)
        expectClose(HitRate.chance(at: 3, relevant: [1], candidates: 10), 0.3)
        expectClose(HitRate.chance(at: 2, relevant: [2], candidates: 4), 1 - 2.0 / 4 * 1 / 3)
        #expect(HitRate.chance(at: 5, relevant: [1], candidates: 3) == 1)
        #expect(HitRate.chance(at: 5, relevant: [0], candidates: 3) == nil)
    }

    @Test func rotationAndOrderChangeNothing() {
        let (queries, documents) = (randomUnits(50, 32, seed: 8), randomUnits(200, 32, seed: 9))
        func ranks(_ queries: Matrix, _ documents: Matrix, _ place: (Int) -> Int) -> [[RankedJudgment]] {
            ranksOfRelevant(
                queries: queries, candidates: documents,
                relevance: (0..<50).map { Relevance([.init(candidate: place($0)), .init(candidate: place($0 + 60))]) },
                pool: pool)
        }
        let expected = ranks(queries, documents) { $0 }
        #expect(ranks(rotated(queries, seed: 10), rotated(documents, seed: 10)) { $0 } == expected)
        let order = shuffled(200, seed: 11)
        #expect(ranks(queries, gatherRows(documents, order)) { order.firstIndex(of: $0)! } == expected)
    }

    @Test(arguments: [1, 5, 40, 1_000]) func nearestAgreesWithSorting(k: Int) {
        let (queries, candidates) = (randomUnits(9, 12, seed: 12), randomUnits(333, 12, seed: 13))
        let lists = nearestNeighbors(of: queries, among: candidates, k: k, pool: pool)
        for query in 0..<9 {
            let scores = Plain.multiply(queries[query..<query + 1], candidates, transposed: true).values
            let expected = scores.indices.sorted { scores[$0] > scores[$1] }.prefix(k)
            #expect(lists[query].map(\.index) == Array(expected))
        }
    }

    @Test func aPrefixIsNormalised() {
        let vectors = randomUnits(5, 64, seed: 14)
        for size in [1, 7, 64] {
            let prefix = normalizedPrefix(vectors, size)
            for row in 0..<5 {
                let norm = (0..<size).reduce(0.0) { $0 + Double(prefix.row(row)[$1]) * Double(prefix.row(row)[$1]) }
                expectClose([Float(norm.squareRoot())], [1], .unitNorm)
            }
        }
        #expect(normalizedPrefix(matrix([[0, 0, 1]]), 2).values == [0, 0])
    }
}
