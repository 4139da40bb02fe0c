import CastorNumerics
import Comparison
import Evaluation
import TestSupport
import Testing
import Vectors

/// What must hold for any vectors.
@Suite struct PropertyTests {
    private func recorded(_ vectors: Matrix, _ folder: String, _ name: String) throws -> RecordedVectors {
        let path = "\(folder)/\(name)"
        try Folders.write(Array(VectorLines.text(vectors).utf8), path)
        return try RecordedVectors(path: path)
    }

    private func compare(
        _ a: Matrix, _ b: Matrix, _ change: (inout Comparer.Options) -> Void = { _ in }
    ) throws -> Comparison {
        try Folders.withTemporary { folder in
            var options = Comparer.Options()
            change(&options)
            return try Comparer(options, pool: pool)(recorded(a, folder, "a"), recorded(b, folder, "b")).comparison
        }
    }

    @Test func identicalFilesAgreeInEverything() throws {
        // More than twice as many items as values, or half of them would leave a rotation open.
        let a = randomUnits(320, 140, seed: 1)
        let comparison = try compare(a, a)
        #expect(comparison.sizes == [140, 128] && comparison.joined == 320)
        for size in comparison.groups[0].sizes {
            for value in [size.spearman, size.pearson, size.cka] { expectClose(value?.value, 1, Precision.exact) }
            #expect((size.overlap + size.firstFound).allSatisfy { $0.value == 1 && $0.low == 1 })
            expectClose(size.rankBiasedOverlap.value, 1, Precision.exact)
        }
        expectClose(comparison.calibration.differenceAfter, 0, 1e-3)
        expectClose(comparison.maps.first { $0.kind == .procrustes }?.cosine, 1, 1e-4)
        #expect(comparison.maps.first { $0.kind == .procrustes }?.overlapAt10 == 1)
        #expect(comparison.differences.isEmpty)
    }

    /// A rotation and a scale change no similarity, and Procrustes finds the rotation from half of the items.
    @Test func rotationAndScaleChangeNothing() throws {
        let a = randomUnits(300, 24, seed: 2)
        let b = rotated(a, seed: 3)
        for index in 0..<b.count { b.pointer[index] *= 7.5 }
        let comparison = try compare(a, b) { $0.sizes = [24] }
        let size = comparison.groups[0].sizes[0]
        for value in [size.spearman, size.pearson, size.cka] { expectClose(value?.value, 1, 1e-4) }
        #expect(size.overlap[2].value > 0.999)
        #expect(comparison.candidate.checks.notUnit == 300 && comparison.reference.checks.notUnit == 0)
        let map = try #require(comparison.maps.first { $0.kind == .procrustes })
        #expect(map.recallAt1 == 1 && map.overlapAt10 > 0.99 && map.judged == 150)
        expectClose(map.cosine, 1, 1e-4)
    }

    @Test func shuffledVectorsAgreeByChance() throws {
        let a = randomUnits(400, 16, seed: 4)
        var random = SeededRandom(seed: 5)
        let b = gatherRows(a, Array(0..<400).shuffled(using: &random))
        let comparison = try compare(a, b) { $0.sizes = [16] }
        let group = comparison.groups[0]
        expectClose(group.sizes[0].spearman?.value, 0, 0.02)
        expectClose(group.sizes[0].overlap[2].value, group.chance[2], 0.02)
        expectClose(group.chance[2], 10.0 / 399, Precision.exact)
        for map in comparison.maps { #expect(map.overlapAt10 < 0.2 && map.recallAt1 < 0.05, "\(map)") }
    }

    @Test func moreNoiseMeansLessAgreement() throws {
        let a = randomUnits(200, 32, seed: 6)
        var last = 1.01
        for share in [0.1, 0.4, 1.0, 3.0] as [Float] {
            let size = try compare(a, disturbed(a, by: share, seed: 7)) { $0.sizes = [32] }.groups[0].sizes[0]
            let spearman = try #require(size.spearman)
            #expect(spearman.value < last)
            let (low, high) = (try #require(spearman.low), try #require(spearman.high))
            #expect(low < spearman.value && spearman.value < high && high - low < 0.3)
            last = spearman.value
        }
    }

    /// Many blocks, an odd number of rows, any number of threads: what one block says.
    @Test(arguments: [1, 2, 3]) func blocksDoNotShow(threads: Int) throws {
        let items = SimilarityStructure.Items(
            reference: randomUnits(301, 20, seed: 8), candidate: randomUnits(301, 12, seed: 9))
        let structure = SimilarityStructure(items, among: nil, details: true, pool: WorkerPool(threads: threads))
        var (u, v): ([Double], [Double]) = ([], [])
        for i in 0..<301 {
            for j in i + 1..<301 {
                func dot(_ m: Matrix) -> Double {
                    (0..<m.columns).reduce(0.0) { $0 + Double(m.row(i)[$1]) * Double(m.row(j)[$1]) }
                }
                u.append(dot(items.reference))
                v.append(dot(items.candidate))
            }
        }
        expectClose(structure.pearson, try #require(Correlation.pearson(u, v)), Precision.similarity)
        expectClose(structure.spearman, try #require(Correlation.spearman(u, v)), Precision.similarity)
        let nearest = nearestNeighbors(of: items.reference, among: items.reference, k: 11, pool: pool)
        for row in 0..<301 {
            #expect(structure.referenceNeighbors[row] == nearest[row].map(\.index).filter { $0 != row })
        }
        // The pair with the largest difference of ranks.
        let (ranksU, ranksV) = (Correlation.averageRanks(u), Correlation.averageRanks(v))
        let worst = u.indices.max { abs(ranksU[$0] - ranksV[$0]) < abs(ranksU[$1] - ranksV[$1]) }!
        let first = try #require(structure.extremes.first)
        expectClose(first.reference, u[worst], Precision.similarity)
        expectClose(first.candidate, v[worst], Precision.similarity)
        #expect(structure.sample.count > 10_000)
    }

    /// Cosines that differ by little more than rounding: the same file still is the same.
    @Test func collapsedVectorsAgreeWithThemselves() throws {
        let a = disturbed(
            gatherRows(randomUnits(1, 128, seed: 20), Array(repeating: 0, count: 90)), by: 0.003, seed: 21)
        let size = try compare(a, a) {
            $0.sizes = [128]
            $0.fitsMaps = false
        }.groups[0].sizes[0]
        expectClose(size.spearman?.value, 1, Precision.exact)
        #expect(size.overlap.allSatisfy { $0.value == 1 })
    }

    @Test func vectorsThatDoNotVaryHaveNoCorrelation() throws {
        let a = randomUnits(20, 8, seed: 10)
        let b = gatherRows(a, Array(repeating: 0, count: 20))
        let comparison = try compare(a, b) { $0.sizes = [8] }
        #expect(comparison.groups[0].sizes[0].spearman == nil && comparison.groups[0].sizes[0].cka == nil)
        #expect(comparison.candidate.checks.duplicates == 19)
        #expect(comparison.candidate.checks.firstDuplicate == ["k0", "k1"])
    }

    @Test func kindsOfContentsAreComparedPairByPair() throws {
        try Folders.withTemporary { folder in
            let a = randomUnits(60, 16, seed: 11)
            let b = disturbed(a, by: 0.5, seed: 12)
            func file(_ m: Matrix, _ name: String) throws -> RecordedVectors {
                let text = VectorLines.text(m) { $0 < 25 ? "TEXT" : $0 < 55 ? "IMAGE" : "AUDIO" }
                try Folders.write(Array(text.utf8), "\(folder)/\(name)")
                return try RecordedVectors(path: "\(folder)/\(name)")
            }
            var options = Comparer.Options()
            options.fitsMaps = false
            let comparison = try Comparer(options, pool: pool)(file(a, "a"), file(b, "b")).comparison
            // Five sounds are too few for a group of their own.
            #expect(
                comparison.groups.map { "\($0.queries)>\($0.candidates) \($0.queryCount) \($0.candidateCount)" } == [
                    "all>all 60 60", "image>image 30 30", "image>text 30 25", "text>image 25 30", "text>text 25 25",
                ])
            #expect(comparison.groups[2].sizes[0].cka == nil && comparison.groups[1].sizes[0].cka != nil)
            expectClose(
                comparison.groups[2].sizes[0].spearman?.value,
                try #require(comparison.groups[3].sizes[0].spearman?.value),
                1e-6)
            #expect(comparison.maps.isEmpty)
        }
    }

    @Test func judgmentsTellWhichIsBetter() throws {
        try Folders.withTemporary { folder in
            // Queries near their documents in the reference, less near in the candidate.
            let documents = randomUnits(60, 32, seed: 13)
            let reference = Matrix(rows: 100, columns: 32)
            reference[0..<60].pointer.update(from: documents.pointer, count: documents.count)
            let near = disturbed(documents[0..<40], by: 0.5, seed: 14)
            reference[60..<100].pointer.update(from: near.pointer, count: near.count)
            let candidate = disturbed(reference, by: 1.6, seed: 15)
            let qrels =
                "query-id\tcorpus-id\tscore\n" + (0..<40).map { "k\(60 + $0)\tk\($0)\t1\n" }.joined()
                + "nobody\tk1\t1\n"
            try Folders.write(Array(qrels.utf8), "\(folder)/qrels.tsv")
            let judgments = try Judgments(path: "\(folder)/qrels.tsv")
            let judged = try #require(
                try compare(reference, candidate) {
                    $0.judgments = judgments
                    $0.sizes = [32]
                }.judged)
            #expect(judged.queries == 40 && judged.documents == 60 && judged.unusable == 1)
            let gain = try #require(judged.measures.first { $0.name == "nDCG@10" })
            #expect(gain.reference > gain.candidate + 0.1 && gain.probability < 0.01)
            #expect(try #require(gain.difference.high) < 0)
            let same = try #require(try compare(reference, reference) { $0.judgments = judgments }.judged)
            #expect(same.measures.allSatisfy { $0.difference.value == 0 && $0.probability == 1 })
        }
    }

    /// Whatever a file of judgments says: graded, 0, negative, of keys that are not there, of queries with nothing relevant.
    @Test func judgedMeasuresAreShares() throws {
        try Folders.withTemporary { folder in
            let (reference, candidate) = (randomUnits(40, 8, seed: 30), randomUnits(40, 8, seed: 31))
            var random = SeededRandom(seed: 32)
            for _ in 0..<12 {
                var pairs: Set<[Int]> = []
                var lines = "query-id\tcorpus-id\tscore\nk0\tk20\t3\n"
                for _ in 0..<Int.random(in: 0...120, using: &random) {
                    let pair = [Int.random(in: 0...9, using: &random), Int.random(in: 0...49, using: &random)]
                    guard pair != [0, 20], pairs.insert(pair).inserted else { continue }
                    lines += "k\(pair[0])\tk\(pair[1])\t\(Int.random(in: -2...4, using: &random))\n"
                }
                try Folders.write(Array(lines.utf8), "\(folder)/q")
                let judgments = try Judgments(path: "\(folder)/q")
                let judged = try #require(
                    try compare(reference, candidate) {
                        $0.judgments = judgments
                        $0.sizes = [8]
                        $0.fitsMaps = false
                    }.judged)
                #expect(judged.queries == Set(judgments.all.map(\.query)).count)
                for measure in judged.measures {
                    let values = [measure.reference, measure.candidate, measure.probability]
                    #expect(values.allSatisfy { (0...1).contains($0) }, "\(measure)")
                    expectClose(measure.difference.value, measure.candidate - measure.reference, Precision.exact)
                }
            }
            // The same bytes are the same key; letters that only look alike are two.
            try Folders.write(Array("q\te\u{301}\t1\nq\t\u{e9}\t1\n".utf8), "\(folder)/q")
            #expect(try Judgments(path: "\(folder)/q").all.count == 2)
        }
    }

    @Test func rankBiasedOverlapByHand() {
        expectClose(RankBiasedOverlap.extrapolated([1, 2, 3], [1, 2, 3]), 1, Precision.exact)
        #expect(RankBiasedOverlap.extrapolated([1, 2], [3, 4]) == 0)
        // Agreement 0, 1: 1 p^2 + (1 - p) / p * (1 p^2).
        expectClose(RankBiasedOverlap.extrapolated([1, 2], [2, 1], p: 0.5), 0.25 + 0.25, Precision.exact)
    }
}
