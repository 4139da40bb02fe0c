import CastorNumerics
import Comparison
import FoundationEssentials
import Report
import TestSupport
import Testing

/// Recorded numbers at the ends of what f32 holds.
@Suite struct ExtremeValueTests {
    private func compare(_ vectors: Matrix) throws -> Comparison {
        try Folders.withTemporary { folder in
            try Folders.write(Array(VectorLines.text(vectors).utf8), "\(folder)/v.jsonl")
            var options = Comparer.Options()
            options.sizes = [vectors.columns, 4]
            let recorded = try RecordedVectors(path: "\(folder)/v.jsonl")
            return try Comparer(options, pool: WorkerPool(threads: 2))(recorded, recorded).comparison
        }
    }

    /// Lengths are those of the numbers, and the result is JSON, which knows no infinity.
    @Test(arguments: [1e30, 3e38, 1e-30, 8 * .leastNonzeroMagnitude] as [Float]) func valuesOfAnySizeAreCompared(
        scale: Float
    ) throws {
        let vectors = randomUnits(12, 8, seed: 3)
        for index in 0..<vectors.count { vectors.pointer[index] *= scale }
        let comparison = try compare(vectors)
        #expect(throws: Never.self) { try JSONEncoder().encode(comparison) }
        let checks = comparison.reference.checks
        #expect(checks.leastNorm > 0 && checks.greatestNorm.isFinite && checks.notUnit == 12)
        #expect(scale < 1e-40 || abs(checks.greatestNorm / Double(scale) - 1) < 1e-5, "\(checks)")
    }

    /// A prefix next to nothing, of vectors whose length lies behind it.
    @Test func prefixesNextToNothingAreCompared() throws {
        let vectors = randomUnits(12, 8, seed: 4)
        for row in 0..<12 { for column in 0..<4 { vectors.row(row)[column] *= .leastNormalMagnitude / 256 } }
        let comparison = try compare(vectors)
        #expect(throws: Never.self) { try JSONEncoder().encode(comparison) }
        #expect(comparison.groups[0].sizes[0].spearman.map { $0.value > 0.999 } == true)
    }

    @Test func figuresOfAnySizeAreWritten() {
        #expect(
            Figures.fixed(1.25, 1) == "1.3" && Figures.fixed(-0.04, 1) == "0.0" && Figures.fixed(1_234, 0) == "1234")
        #expect(Figures.fixed(9.3e14, 4) == "930000000000000.0" && Figures.fixed(8e11, 4) == "800000000000.0000")
        for value in [9.2e14, 1e15, 1e19, 1e300, .greatestFiniteMagnitude, .infinity, -.infinity, .nan] as [Double] {
            #expect(!Figures.fixed(value, 4).isEmpty && !Figures.fixed(-value, 0).isEmpty)
            #expect(!Figures.short(value).isEmpty && !Figures.short(1 / value).isEmpty)
            #expect(!Figures.duration(value).isEmpty && !Figures.percent(value).isEmpty)
        }
    }
}
