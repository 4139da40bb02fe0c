import CastorNumerics
import Dispatch
import Synchronization
import Testing

@Suite struct WorkerPoolTests {
    @Test(arguments: [1, 2, 3, 8]) func everyPieceRunsOnce(threads: Int) {
        let pool = WorkerPool(threads: threads)
        for count in [0, 1, 2, 7, 100, 1_000] {
            let counts = Counts(count)
            pool.run(count) { index, worker in
                #expect(worker.index < threads)
                counts.add(index)
            }
            #expect(counts.values.allSatisfy { $0 == 1 })
        }
    }

    /// The closure of a `run` may not be held by a helper afterwards; it was, once in about a hundred runs.
    @Test func manyShortRuns() {
        let pool = WorkerPool(threads: 2)
        let total = Atomic<Int>(0)
        for _ in 0..<20_000 { pool.run(2) { _, _ in total.add(1, ordering: .relaxed) } }
        #expect(total.load(ordering: .relaxed) == 40_000)
    }

    @Test func manyCallers() {
        let pool = WorkerPool(threads: 3)
        let total = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 16) { _ in
            for _ in 0..<200 { pool.run(5) { index, _ in total.add(index, ordering: .relaxed) } }
        }
        #expect(total.load(ordering: .relaxed) == 16 * 200 * 10)
    }

    @Test func waitingEndsWithWhatIsWaitedFor() {
        var questions = 0
        spin(nanoseconds: .max) {
            questions += 1
            return questions < 50
        }
        #expect(questions == 50)
        // No longer than it may, and at least once.
        questions = 0
        spin(nanoseconds: 1) {
            questions += 1
            return true
        }
        #expect(questions > 1)
        spin(nanoseconds: .max) { false }
    }

    @Test func rangesCoverEverythingInOrder() {
        let pool = WorkerPool(threads: 3)
        for count in [0, 1, 5, 63, 64, 1_000] {
            for minimum in [1, 16, 2_000] {
                let ranges = pool.ranges(count, minimum: minimum, perWorker: 2)
                #expect(ranges.flatMap(Array.init) == Array(0..<count))
                #expect(ranges.count <= 6)
                #expect(ranges.count == 1 || ranges.allSatisfy { $0.count >= minimum })
            }
        }
    }

    /// What is left of a matrix may be a block of it; its memory stays as long.
    @Test func aBlockKeepsItsMemory() {
        func make() -> (whole: Block, part: Block, memory: Weak) {
            let matrix = Matrix(rows: 4, columns: 4)
            return (Block(matrix), Block(matrix).rows(1..<3).columns(2..<4), Weak(buffer: matrix.buffer))
        }
        func part() -> (Block, Weak) {
            let made = make()
            return (made.part, made.memory)
        }
        let (block, memory) = part()
        #expect(memory.buffer != nil)
        #expect(block.pointer[0] == 0 && memory.buffer?.count == 16)
        #expect({ part().1 }().buffer == nil)
    }

    @Test func scratchIsReusedAndGrows() {
        let scratch = Scratch()
        let first = scratch.take(rows: 4, columns: 4).pointer
        #expect(scratch.take(rows: 2, columns: 8).pointer == first)
        let bytes = scratch.byteCount
        #expect(scratch.take(rows: 100, columns: 100).count == 10_000)
        #expect(scratch.byteCount > bytes)
    }
}

private struct Weak {
    weak var buffer: FloatBuffer?
}

private final class Counts: Sendable {
    private let counts: Mutex<[Int]>

    init(_ count: Int) { counts = Mutex(Array(repeating: 0, count: count)) }

    func add(_ index: Int) { counts.withLock { $0[index] += 1 } }
    var values: [Int] { counts.withLock { $0 } }
}
