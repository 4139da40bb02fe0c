package import CastorNumerics
import Evaluation

/// How alike two spaces order the same items: every pair's cosine in the reference beside that in the candidate, and each query's
/// nearest neighbours in both.
///
/// Exact over all pairs, whatever their number: ``SimilarityPasses`` computes similarities a tile at a time, twice. Only rank correlation
/// is rounded, to ``SimilarityRanks``.
package struct SimilarityStructure: Sendable {
    /// Neighbours that are looked at.
    package static let depth = 10
    package static let cutoffs = [1, 5, 10]

    /// Over all pairs; nil where one side does not vary.
    package let pearson: Double?
    package let spearman: Double?
    /// Of each query, best first: indices into the candidates.
    package let referenceNeighbors: [[Int]]
    package let candidateNeighbors: [[Int]]
    /// Pairs whose order differs most, and a sample of all; empty unless asked for.
    package let extremes: [PairOfScores]
    package let sample: [PairOfScores]

    /// Cosines of one pair of items, with their ranks among all pairs, 0 (least alike) to 1.
    package struct PairOfScores: Sendable, Equatable {
        package var first: Int
        package var second: Int
        package var reference: Double
        package var candidate: Double
        package var referenceRank: Double
        package var candidateRank: Double

        var difference: Double { abs(referenceRank - candidateRank) }
    }

    /// Rows of both spaces: unit length, row i of one and row i of the other are the same item.
    package struct Items: Sendable {
        package let reference: Matrix
        package let candidate: Matrix

        package init(reference: Matrix, candidate: Matrix) {
            precondition(reference.rows == candidate.rows)
            (self.reference, self.candidate) = (reference, candidate)
        }

        package var count: Int { reference.rows }
    }

    /// How many values of each vector are looked at.
    package struct Size: Sendable, Equatable {
        package var reference: Int
        package var candidate: Int

        package init(reference: Int, candidate: Int) {
            (self.reference, self.candidate) = (reference, candidate)
        }
    }

    /// Of all values.
    ///
    /// - Parameters:
    ///   - others: what is looked for; nil for the queries themselves, each among all others, when a pair counts once
    ///   - details: whether extremes and a sample of pairs are kept
    package init(_ queries: Items, among others: Items?, details: Bool = false, pool: WorkerPool) {
        let size = Size(reference: queries.reference.columns, candidate: queries.candidate.columns)
        self = Self.measured(queries, among: others, sizes: [size], details: details, pool: pool)[0]
    }

    /// Of several sizes at once: a smaller one costs no products of its own.
    ///
    /// - Parameters:
    ///   - sizes: each smaller than the one before on both sides; details are kept of the first
    package static func measured(
        _ queries: Items, among others: Items?, sizes: [Size], details: Bool = false, pool: WorkerPool
    ) -> [SimilarityStructure] {
        let passes = SimilarityPasses(queries: queries, others: others, sizes: sizes, pool: pool)
        let counted = passes.count()
        let correlated = passes.correlate(counted.map(\.ranks), details: details)
        return zip(counted, correlated).map { first, second in
            SimilarityStructure(
                pearson: first.pearson, spearman: second.spearman, referenceNeighbors: first.referenceNeighbors,
                candidateNeighbors: first.candidateNeighbors, extremes: second.extremes, sample: second.sample)
        }
    }

    private init(
        pearson: Double?, spearman: Double?, referenceNeighbors: [[Int]], candidateNeighbors: [[Int]],
        extremes: [PairOfScores], sample: [PairOfScores]
    ) {
        (self.pearson, self.spearman) = (pearson, spearman)
        (self.referenceNeighbors, self.candidateNeighbors) = (referenceNeighbors, candidateNeighbors)
        (self.extremes, self.sample) = (extremes, sample)
    }
}

extension SimilarityStructure {
    /// Of each query, the share of the reference's first k neighbours that are among the candidate's first k.
    package func overlaps(at k: Int) -> [Double] {
        zip(referenceNeighbors, candidateNeighbors).map { reference, candidate in
            let count = min(k, reference.count)
            guard count > 0 else { return 0 }
            return Double(Set(reference.prefix(count)).intersection(candidate.prefix(count)).count) / Double(count)
        }
    }

    /// Of each query, 1 where the reference's nearest is among the candidate's first k.
    package func firstFound(at k: Int) -> [Double] {
        zip(referenceNeighbors, candidateNeighbors).map { reference, candidate in
            reference.first.map { candidate.prefix(k).contains($0) } ?? false ? 1 : 0
        }
    }

    package var rankBiasedOverlaps: [Double] {
        zip(referenceNeighbors, candidateNeighbors).map {
            $0.isEmpty ? 0 : RankBiasedOverlap.extrapolated($0, $1)
        }
    }
}
