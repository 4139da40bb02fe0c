import CastorNumerics
import Encoder
import TestSupport
import Testing
import Training

/// The test model and contents for it.
enum Nano {
    static func model(_ pool: WorkerPool) throws -> Model {
        try Model(path: Folders.nano, pool: pool)
    }

    /// Pictures and sounds of random numbers, texts of random ids: what the encoder sees of a content.
    static func contents(_ kinds: [[Kind]], seed: UInt64) -> [EncoderInput] {
        var random = SeededGenerator(seed: seed)
        return kinds.map { kinds in EncoderInput(kinds.map { $0.segment(&random) }) }
    }

    enum Kind {
        case text(Int)
        case image(rows: Int, columns: Int)
        case audio(Int)
        case video(frames: Int, rows: Int, columns: Int)
        case page(rows: Int, columns: Int)
        case pageText(Int)

        func segment(_ random: inout SeededGenerator) -> EncoderInput.Segment {
            switch self {
            case .text(let count): .text((0..<count).map { _ in Int32(random.next(below: 1_000)) })
            case .image(let rows, let columns):
                .image(
                    patches: .random(rows: rows * columns, columns: 768, &random),
                    grid: ImageGrid(width: columns, height: rows, maxPatches: rows * columns))
            case .audio(let count): .audio(patches: .random(rows: count, columns: 640, &random))
            case .video(let frames, let rows, let columns):
                .video(
                    frames: Self.pictures(frames, rows, columns, side: 2, &random),
                    times: (0..<frames).map { Double($0) * 1.25 })
            case .page(let rows, let columns): .page(Self.pictures(1, rows, columns, side: 3, &random))
            case .pageText(let count): .pageText((0..<count).map { _ in Int32(random.next(below: 1_000)) })
            }
        }

        private static func pictures(
            _ count: Int, _ rows: Int, _ columns: Int, side: Int, _ random: inout SeededGenerator
        ) -> PooledPictures {
            PooledPictures(
                patches: .random(rows: count * rows * columns, columns: 768, &random),
                grid: ImageGrid(width: columns, height: rows, maxPatches: rows * columns), pooledSide: side)
        }
    }

    /// Queries and positives with every kind of part, alone and interleaved.
    static func mixedBatch(seed: UInt64 = 7, negatives: Bool = true) -> PairBatch {
        let queries: [[Kind]] = [
            [.text(5)], [.text(1), .image(rows: 2, columns: 3)], [.audio(4), .text(3)],
            [.image(rows: 1, columns: 2), .audio(2), .text(7), .image(rows: 2, columns: 2)],
            [.text(2), .video(frames: 3, rows: 3, columns: 4)],
        ]
        let positives: [[Kind]] = [
            [.image(rows: 3, columns: 2)], [.text(9)], [.text(4), .text(2)], [.audio(3), .image(rows: 1, columns: 1)],
            [.page(rows: 5, columns: 4), .pageText(6), .page(rows: 2, columns: 1)],
        ]
        let others: [[Kind]] = [[.text(6)], [.audio(2)], [.text(2), .audio(1), .text(2)]]
        let hard = contents(others, seed: seed &+ 2)
        return PairBatch(
            queries: contents(queries, seed: seed), positives: contents(positives, seed: seed &+ 1),
            negatives: negatives ? [[hard[0]], [], [hard[1], hard[2]], [], []] : [])
    }
}

extension Matrix {
    static func random(rows: Int, columns: Int, _ random: inout SeededGenerator, scale: Double = 1) -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        for index in 0..<matrix.count { matrix.pointer[index] = Float(random.nextNormal() * scale) }
        return matrix
    }
}

/// Largest |a - b|, relative to the largest |b|.
func relativeDifference(_ a: Matrix, _ b: Matrix) -> Double {
    var (difference, size) = (0.0, 0.0)
    for index in 0..<b.count {
        difference = max(difference, abs(Double(a.pointer[index]) - Double(b.pointer[index])))
        size = max(size, abs(Double(b.pointer[index])))
    }
    return size > 0 ? difference / size : difference
}

func expectClose(
    _ a: Matrix, _ b: Matrix, within tolerance: Double, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    var (worst, place) = (-1.0, 0)
    var size = 0.0
    for index in 0..<b.count {
        let difference = abs(Double(a.pointer[index]) - Double(b.pointer[index]))
        size = max(size, abs(Double(b.pointer[index])))
        if !(difference <= worst) { (worst, place) = (difference, index) }
    }
    #expect(
        a.count == b.count && worst <= tolerance * max(size, .leastNormalMagnitude),
        "\(what): \(a.pointer[place]) for \(b.pointer[place]) at \(place); largest value \(size)",
        sourceLocation: sourceLocation)
}
