/// How a candidate's vectors relate to a reference's, as `castor compare` measures it. Definitions are in docs/compare.md.
package struct Comparison: Sendable, Equatable, Codable {
    /// One of the two files.
    package struct Side: Sendable, Equatable, Codable {
        package var path: String
        /// Usable rows.
        package var rows: Int
        package var dimensions: Int
        package var problems: [RecordedVectors.Count]
        package var checks: VectorChecks
    }

    /// Vectors cut to a size and divided by their length.
    package struct SizeResult: Sendable, Equatable, Codable {
        package var size: Int
        /// Of the similarity structures, over all pairs; nil where one side does not vary.
        package var spearman: Estimate?
        package var pearson: Estimate?
        /// nil for pairs of two modalities: it compares the same items.
        package var cka: Estimate?
        /// Mean shares of common neighbours, at 1, 5, 10.
        package var overlap: [Estimate]
        /// Share of queries whose first neighbour in the reference is among the candidate's first 1, 5, 10.
        package var firstFound: [Estimate]
        package var rankBiasedOverlap: Estimate
    }

    /// Queries of one modality among candidates of one.
    package struct Group: Sendable, Equatable, Codable {
        package var queries: String
        package var candidates: String
        package var queryCount: Int
        package var candidateCount: Int
        /// Overlap at 1, 5, 10 of rankings by lot.
        package var chance: [Double]
        package var sizes: [SizeResult]
    }

    /// Candidate's scores as the reference's.
    package struct Calibration: Sendable, Equatable, Codable {
        package var map: QuantileMap
        /// Mean absolute difference of the two scores on pairs that the map was not made from, without and with it.
        package var differenceBefore: Double
        package var differenceAfter: Double
        package var pairs: Int
    }

    /// Two items that the systems place differently.
    package struct DifferentPair: Sendable, Equatable, Codable {
        package var first: String
        package var second: String
        package var reference: Double
        package var candidate: Double
        /// Share of all pairs that are less alike.
        package var referenceRank: Double
        package var candidateRank: Double
    }

    package var reference: Side
    package var candidate: Side
    package var joined: Int
    package var missing: Int
    package var firstMissing: String?
    package var extra: Int
    package var firstExtra: String?
    /// Largest first; each at most what both files have. The first stands for all values of both.
    package var sizes: [Int]
    /// The first holds all items.
    package var groups: [Group]
    package var calibration: Calibration
    /// Candidate to reference.
    package var maps: [MapJudgement]
    package var differences: [DifferentPair]
    package var judged: JudgedRetrieval?
    package var seconds: Double
}
