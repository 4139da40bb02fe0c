import CastorNumerics
import Comparison
import Evaluation
import TestSupport
import Testing
import Vectors

@Suite struct MapTests {
    private func keys(_ count: Int) -> [String] { (0..<count).map { "key \($0)" } }

    /// A space that is a linear image of the other, larger or smaller, with some noise.
    private func image(_ x: Matrix, to size: Int, noise: Float) -> Matrix {
        let weights = randomUnits(x.columns, size, seed: 40)
        let y = Matrix(rows: x.rows, columns: size)
        pool.gemm(Block(x), .no, Block(weights), .no, into: Block(y))
        return disturbed(normalizedPrefix(y, size), by: noise, seed: 41)
    }

    @Test(arguments: [8, 40]) func aLinearImageIsFound(size: Int) throws {
        let x = randomUnits(600, 20, seed: 1)
        let y = image(x, to: size, noise: 0.05)
        let judgement = try MapJudgement(.ridge, keys: keys(600), from: x, to: y, pool: pool)
        #expect(judgement.fitted == 300 && judgement.judged == 300)
        #expect(judgement.cosine > 0.98 && judgement.overlapAt10 > 0.6, "\(judgement)")
        #expect(judgement.overlapAt10 > 5 * judgement.chanceAt10)
    }

    /// A rotation has orthonormal rows or columns, whatever the sizes.
    @Test(arguments: [(12, 12), (12, 7), (7, 12)]) func procrustesIsOrthonormal(from: Int, to: Int) throws {
        let weights = try LinearMap(
            .procrustes, from: randomUnits(90, from, seed: 2), to: randomUnits(90, to, seed: 3), pool: pool
        ).weights
        let rank = min(from, to)
        let gram = Matrix(rows: rank, columns: rank)
        if from <= to {
            gemm(Block(weights), .no, Block(weights), .yes, into: Block(gram))
        } else {
            gemm(Block(weights), .yes, Block(weights), .no, into: Block(gram))
        }
        let identity = (0..<rank * rank).map { Float($0 % (rank + 1) == 0 ? 1 : 0) }
        expectClose(gram.values, identity, .parity, "W W'")
    }

    /// Fewer items than values: still finite, and honest about what it is worth.
    @Test(arguments: LinearMap.Kind.allCases) func fewItemsAreEnoughToFit(kind: LinearMap.Kind) throws {
        let (x, y) = (randomUnits(12, 64, seed: 4), randomUnits(12, 48, seed: 5))
        let judgement = try MapJudgement(kind, keys: keys(12), from: x, to: y, pool: pool)
        #expect(judgement.cosine.isFinite && judgement.judged == 6)
        let map = try LinearMap(kind, from: x, to: y, pool: pool)
        #expect(map(x, pool: pool).values.allSatisfy { $0.isFinite })
    }

    @Test func halvesDependOnTheKeysAlone() {
        let (fit, judge) = MapJudgement.halves(keys(101))
        #expect(fit.count == 50 && judge.count == 51 && Set(fit + judge).count == 101)
        let reversed = MapJudgement.halves(keys(101).reversed())
        #expect(Set(reversed.fit.map { 100 - $0 }) == Set(fit))
    }

    @Test func aMapIsReadAsItWasWritten() throws {
        try Folders.withTemporary { folder in
            let (x, y) = (randomUnits(50, 10, seed: 6), randomUnits(50, 6, seed: 7))
            let map = try LinearMap(.ridge, from: x, to: y, pool: pool)
            let path = "\(folder)/map.safetensors"
            try MapFile(map: map, direction: "a to b", judgement: nil).write(to: path)
            let read = try MapFile(path: path)
            #expect(read.direction == "a to b" && read.map.kind == .ridge && read.map.penalty == map.penalty)
            #expect(read.map(x, pool: pool).values == map(x, pool: pool).values)
            let whole = try Folders.read(path)
            for length in [0, 9, whole.count / 2, whole.count - 1] {
                try Folders.write(Array(whole.prefix(length)), path)
                #expect(throws: ComparisonError.self) { try MapFile(path: path) }
            }
            #expect(throws: ComparisonError.self) { try MapFile(path: "\(Folders.nano)/model.safetensors") }
            // The right names and shapes, of bytes.
            let header =
                #"{"__metadata__":{"format":"castor-map-1","kind":"ridge"},"#
                + #""weights":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]},"offset":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}"#
            let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
            try Folders.write(length + Array(header.utf8) + [0, 0, 0, 0, 0, 0], path)
            #expect(throws: ComparisonError.self) { try MapFile(path: path) }
        }
    }
}
