package import CastorNumerics
import Evaluation
import Glibc
import Vectors

/// Measures everything that a ``Comparison`` holds.
package struct Comparer {
    package struct Options: Sendable {
        /// Vector sizes; nil for those of the default model that both files have.
        package var sizes: [Int]?
        package var judgments: Judgments?
        /// Of bootstrap and randomisation.
        package var seed: UInt64 = 1
        /// Whether maps are fitted: the slowest part for few items of many values.
        package var fitsMaps = true

        package init() {}
    }

    package static let standardSizes = [3072, 1536, 768, 512, 256, 128]
    package static let shownDifferences = 20
    /// Modalities with fewer items are only part of the whole.
    static let fewestOfGroup = 10
    /// Times that an item may stand in the list of differences.
    private static let mostOfItem = 2

    private let options: Options
    private let pool: WorkerPool
    private let progress: (String) -> Void

    /// - Parameter progress: told what is being computed
    package init(_ options: Options, pool: WorkerPool, progress: @escaping (String) -> Void = { _ in }) {
        (self.options, self.pool, self.progress) = (options, pool, progress)
    }

    /// What a report needs beside the numbers.
    package struct Result: Sendable {
        package var comparison: Comparison
        /// Cosines of a sample of pairs: reference, candidate.
        package var sample: [(reference: Double, candidate: Double)]
    }

    /// Takes the files over, so that they are not in memory twice.
    package func callAsFunction(_ reference: consuming RecordedVectors, _ candidate: consuming RecordedVectors)
        throws(ComparisonError) -> Result
    {
        let start = Self.now
        let sides = (reference: side(reference), candidate: side(candidate))
        let joined = try JoinedVectors(reference, candidate)
        let sizes = try self.sizes(joined)
        let whole = SimilarityStructure.Items(reference: joined.reference, candidate: joined.candidate)

        let all = Array(0..<joined.keys.count)
        let detailed = Detailed()
        var groups = [group("all", "all", whole, nil, sizes, keeping: detailed)]
        let byModality = Dictionary(grouping: all) { joined.modalities[$0] }.filter {
            $0.value.count >= Self.fewestOfGroup
        }
        if byModality.count > 1 || (byModality.first.map { $0.value.count < all.count } ?? false) {
            let names = byModality.keys.sorted()
            for a in names {
                for b in names {
                    let rows = byModality[a]!
                    groups.append(
                        group(
                            a, b, rows.count == all.count ? whole : whole.rows(rows),
                            a == b ? nil : whole.rows(byModality[b]!), sizes))
                }
            }
        }

        var maps: [MapJudgement] = []
        if options.fitsMaps {
            for kind in LinearMap.Kind.allCases {
                progress("map: \(kind.rawValue)")
                maps.append(
                    try MapJudgement(
                        kind, keys: joined.keys, from: whole.candidate, to: whole.reference, pool: pool))
            }
        }
        let comparison = Comparison(
            reference: sides.reference, candidate: sides.candidate, joined: joined.keys.count,
            missing: joined.missing.count, firstMissing: joined.missing.first, extra: joined.extra.count,
            firstExtra: joined.extra.first, sizes: sizes, groups: groups, calibration: calibration(detailed.sample),
            maps: maps, differences: differences(detailed.extremes, joined.keys),
            judged: options.judgments.flatMap {
                JudgedRetrieval($0, keys: joined.keys, whole, seed: options.seed, pool: pool)
            },
            seconds: Self.now - start)
        return Result(comparison: comparison, sample: detailed.sample.map { ($0.reference, $0.candidate) })
    }

    private static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    private func sizes(_ joined: JoinedVectors) throws(ComparisonError) -> [Int] {
        let largest = min(joined.reference.columns, joined.candidate.columns)
        if let wanted = options.sizes {
            for size in wanted where !(1...largest).contains(size) { throw .size(size, limit: largest) }
            return Set(wanted).sorted(by: >)
        }
        return [largest] + Self.standardSizes.filter { $0 < largest }
    }

    // MARK: - Groups

    /// Of the whole: its most different pairs and a sample of all.
    private final class Detailed {
        var extremes: [SimilarityStructure.PairOfScores] = []
        var sample: [SimilarityStructure.PairOfScores] = []
    }

    private func group(
        _ name: String, _ other: String, _ queries: SimilarityStructure.Items, _ others: SimilarityStructure.Items?,
        _ sizes: [Int], keeping detailed: Detailed? = nil
    ) -> Comparison.Group {
        progress(other == name ? name : "\(name) to \(other)")
        let both = sizes.indices.map { index in
            // The largest of the default sizes stands for all values, whatever each side has.
            options.sizes == nil && index == 0
                ? SimilarityStructure.Size(reference: queries.reference.columns, candidate: queries.candidate.columns)
                : SimilarityStructure.Size(reference: sizes[index], candidate: sizes[index])
        }
        let structures = SimilarityStructure.measured(
            queries, among: others, sizes: both, details: detailed != nil, pool: pool)
        detailed?.extremes = structures[0].extremes
        detailed?.sample = structures[0].sample
        let candidates = others?.count ?? queries.count - 1
        return Comparison.Group(
            queries: name, candidates: other, queryCount: queries.count, candidateCount: others?.count ?? queries.count,
            chance: SimilarityStructure.cutoffs.map { min(1, Double($0) / Double(max(candidates, 1))) },
            sizes: sizes.indices.map { index in
                progress("\(name)\(other == name ? "" : " to \(other)"), intervals and CKA at \(sizes[index]) values")
                return sizeResult(sizes[index], structures[index], both[index], queries, others)
            })
    }

    private func sizeResult(
        _ size: Int, _ structure: SimilarityStructure, _ both: SimilarityStructure.Size,
        _ queries: SimilarityStructure.Items, _ others: SimilarityStructure.Items?
    ) -> Comparison.SizeResult {
        let draws = StructureBootstrap.draws(queries, among: others, size: both, seed: options.seed, pool: pool)
        func estimate(_ value: Double?, _ draws: [Double], _ drawn: Int, _ range: ClosedRange<Double>) -> Estimate? {
            value.map { Bootstrap.scaled($0, draws: draws, drawn: drawn, of: queries.count, in: range) }
        }
        return Comparison.SizeResult(
            size: size, spearman: estimate(structure.spearman, draws.spearman, draws.drawn, -1...1),
            pearson: estimate(structure.pearson, draws.pearson, draws.drawn, -1...1),
            cka: others == nil
                ? estimate(
                    LinearCKA.value(queries.reference, queries.candidate, size: both, pool: pool), draws.cka,
                    draws.drawn, 0...1)
                : nil,
            overlap: SimilarityStructure.cutoffs.map {
                Bootstrap.mean(structure.overlaps(at: $0), seed: options.seed)
            },
            firstFound: SimilarityStructure.cutoffs.map {
                Bootstrap.mean(structure.firstFound(at: $0), seed: options.seed)
            },
            rankBiasedOverlap: Bootstrap.mean(structure.rankBiasedOverlaps, seed: options.seed))
    }

    // MARK: - Pairs

    private func side(_ file: RecordedVectors) -> Comparison.Side {
        Comparison.Side(
            path: file.path, rows: file.keys.count, dimensions: file.dimensions, problems: file.problems,
            checks: VectorChecks(file.vectors, keys: file.keys))
    }

    /// Every other pair of the sample makes the map, the rest judge it.
    private func calibration(_ sample: [SimilarityStructure.PairOfScores]) -> Comparison.Calibration {
        let pairs = sample.map { (from: $0.candidate, to: $0.reference) }
        let fit = pairs.indices.filter { $0 % 2 == 0 }.map { pairs[$0] }
        let judge = pairs.indices.filter { $0 % 2 == 1 }.map { pairs[$0] }
        let map = QuantileMap(fit.isEmpty ? [(0, 0)] : fit)
        func mean(_ score: (Double) -> Double) -> Double {
            judge.isEmpty ? 0 : judge.reduce(0.0) { $0 + abs(score($1.from) - $1.to) } / Double(judge.count)
        }
        return Comparison.Calibration(
            map: map, differenceBefore: mean { $0 }, differenceAfter: mean { map($0) }, pairs: judge.count)
    }

    private func differences(
        _ extremes: [SimilarityStructure.PairOfScores], _ keys: [String]
    ) -> [Comparison.DifferentPair] {
        var seen: [Int: Int] = [:]
        var result: [Comparison.DifferentPair] = []
        for pair in extremes where result.count < Self.shownDifferences {
            guard seen[pair.first, default: 0] < Self.mostOfItem, seen[pair.second, default: 0] < Self.mostOfItem else {
                continue
            }
            seen[pair.first, default: 0] += 1
            seen[pair.second, default: 0] += 1
            result.append(
                Comparison.DifferentPair(
                    first: keys[pair.first], second: keys[pair.second], reference: pair.reference,
                    candidate: pair.candidate, referenceRank: pair.referenceRank, candidateRank: pair.candidateRank))
        }
        return result
    }
}

extension SimilarityStructure.Items {
    func rows(_ indices: [Int]) -> SimilarityStructure.Items {
        SimilarityStructure.Items(
            reference: gatherRows(reference, indices), candidate: gatherRows(candidate, indices))
    }
}
