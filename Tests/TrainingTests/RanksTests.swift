import CastorNumerics
import Encoder
import Foundation
import TestSupport
import Testing
import Training

/// Several processes train as one does. Here they are threads; `tools/ranks/check.py` has real ones.
@Suite struct RanksTests {
    /// Of sums in f32 in another order, through three steps.
    private static let rounding = 1e-5

    @Test(arguments: [1, 2, 3, 7]) func stretchesAreAllContentsOnce(count: Int) {
        for tokens in [[5], [1, 1, 1, 1, 1, 1], [100, 1, 1, 1], [1, 1, 1, 100], [3, 0, 9, 2, 2, 8, 1, 4]] {
            let stretches = GradientEngine.stretches(tokens, count: count)
            #expect(stretches.count == count)
            #expect(stretches.flatMap { Array($0) } == Array(tokens.indices), "\(tokens), \(count): \(stretches)")
        }
        let even = GradientEngine.stretches([Int](repeating: 4, count: 21), count: count)
        #expect(even.allSatisfy { $0.count == 21 / count || $0.count == 21 / count + 1 }, "\(even)")
    }

    private func steps(_ ranks: any Ranks) throws -> (losses: [Double], parameters: ParameterStore) {
        let pool = WorkerPool(threads: 1)
        let model = try Nano.model(pool)
        var objective = Objective(levels: [.init(size: 3072), .init(size: 256)])
        objective.contrastive?.learnsTemperature = true
        let parameters = try ParameterStore(of: model, extra: objective.parameterShapes)
        objective.initialize(parameters)
        var options = Trainer.Options(schedule: Schedule(peak: 1e-3, warmUpSteps: 2, totalSteps: 20))
        options.averageDecay = 0.9
        options.engine.maxChunkTokens = 40
        let trainer = try Trainer(
            .castor(model.configuration), parameters, objective, options, pool, ranks: ranks)
        var losses: [Double] = []
        for seed in 1...3 {
            losses.append(try trainer.step([Nano.mixedBatch(seed: UInt64(seed)), Nano.mixedBatch(seed: 9)]).loss.total)
        }
        return (losses, parameters)
    }

    @Test(arguments: [2, 3, 40]) func stepsEqualThoseOfOne(count: Int) throws {
        let alone = try steps(LoneRank())
        let all = try ThreadRanks.run(count) { try steps($0) }
        for (index, found) in all.enumerated() {
            for (a, b) in zip(alone.losses, found.losses) { #expect(abs(a - b) <= Self.rounding * abs(a)) }
            for tensor in alone.parameters.tensors {
                expectClose(
                    found.parameters[tensor.name], tensor.values, within: Self.rounding, "\(tensor.name) of \(index)")
                // They may differ from one alone in their last digits, never from each other.
                expectClose(
                    found.parameters[tensor.name], all[0].parameters[tensor.name], within: 0,
                    "\(tensor.name) of \(index) and of the first")
            }
        }
    }

    /// The first one's files are those of one alone but for last digits, and nobody else writes any; what three began one ends.
    @Test func aRunOfThreeAndOfOneAfterIt() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder)
            try SmallRun.run(SmallRun.plan(folder), "\(folder)/one")
            func run(_ ranks: any Ranks, resume: Bool, stop: Int) throws {
                let recipe = try Recipe(path: "\(folder)/recipe.json")
                let pool = WorkerPool(threads: 1)
                var plan = try RunPlan(recipe, ranks: ranks, pool: pool)
                plan.checkpointInterval = 4
                let output = "\(folder)/three"
                let made = ranks.isFirst ? try RunFolder(path: output) : RunFolder(lookedAt: output)
                let run = TrainingRun(plan, made, pool, isResumed: resume, version: "test")
                let steps = Counter()
                let isLast = ranks.index == ranks.count - 1
                do {
                    // Only one of them is told to stop.
                    try run(isInterrupted: { isLast && steps.count == stop }) { steps.note($0) }
                } catch {
                    #expect(error == .interrupted(step: resume ? 9 : 7))
                }
            }
            _ = try ThreadRanks.run(3) { try run($0, resume: false, stop: 7) }
            #expect(try SmallRun.history("\(folder)/three").steps.count == 7)
            _ = try ThreadRanks.run(2) { try run($0, resume: true, stop: 2) }
            #expect(try SmallRun.history("\(folder)/three").steps.count == 9)
            try run(LoneRank(), resume: true, stop: -1)
            let (one, three) = (try SmallRun.history("\(folder)/one"), try SmallRun.history("\(folder)/three"))
            #expect(three.ending != nil && three.steps.count == one.steps.count)
            for (a, b) in zip(one.steps, three.steps) {
                #expect(abs(a.loss - b.loss) <= 1e-3 * a.loss, "\(a.step): \(a.loss), \(b.loss)")
            }
            #expect(one.evaluations.map(\.step) == three.evaluations.map(\.step))
        }
    }
}

/// Steps of a run.
private final class Counter {
    private(set) var count = 0

    func note(_ event: RunEvent) {
        if case .step = event { count += 1 }
    }
}

/// Ranks that are threads of one process and meet at every call.
private final class ThreadRanks: Ranks, @unchecked Sendable {
    /// What they have in common.
    private final class Meeting: @unchecked Sendable {
        let count: Int
        private let condition = NSCondition()
        private var arrived = 0
        private var round = 0
        private var given: [Int: [UInt8]] = [:]
        private var taken: [Int: [UInt8]] = [:]

        init(_ count: Int) { self.count = count }

        /// Gives bytes, and takes those of all, in the order of the ranks.
        func exchange(_ index: Int, _ bytes: [UInt8]) -> [[UInt8]] {
            condition.lock()
            defer { condition.unlock() }
            given[index] = bytes
            arrived += 1
            if arrived == count {
                (taken, given, arrived, round) = (given, [:], 0, round + 1)
                condition.broadcast()
            } else {
                let own = round
                while round == own { condition.wait() }
            }
            return (0..<count).map { taken[$0]! }
        }
    }

    let index: Int
    let count: Int
    private let meeting: Meeting

    private init(_ index: Int, _ meeting: Meeting) {
        (self.index, count, self.meeting) = (index, meeting.count, meeting)
    }

    static func run<Value>(_ count: Int, _ body: @escaping (any Ranks) throws -> Value) throws -> [Value] {
        let meeting = Meeting(count)
        nonisolated(unsafe) var results: [Int: Result<Value, any Error>] = [:]
        nonisolated(unsafe) let body = body
        let lock = NSLock()
        let threads = (0..<count).map { index in
            let thread = Thread {
                let result = Result { try body(ThreadRanks(index, meeting)) }
                lock.withLock { results[index] = result }
            }
            thread.stackSize = 8 << 20
            thread.start()
            return thread
        }
        while threads.contains(where: { !$0.isFinished }) { usleep(1_000) }
        return try (0..<count).map { try results[$0]!.get() }
    }

    private func bytes(_ values: UnsafeBufferPointer<Float>) -> [UInt8] { Array(UnsafeRawBufferPointer(values)) }

    func gather(_ rows: Matrix, _ stretches: [Range<Int>]) {
        let own = stretches[index]
        let start = rows.pointer + own.lowerBound * rows.columns
        let all = meeting.exchange(index, bytes(UnsafeBufferPointer(start: start, count: own.count * rows.columns)))
        for (stretch, bytes) in zip(stretches, all) {
            bytes.withUnsafeBytes {
                UnsafeMutableRawPointer(rows.pointer + stretch.lowerBound * rows.columns).copyMemory(
                    from: $0.baseAddress ?? UnsafeRawPointer(rows.pointer), byteCount: $0.count)
            }
        }
    }

    func sum(_ values: UnsafeMutableBufferPointer<Float>) {
        let all = meeting.exchange(index, bytes(UnsafeBufferPointer(values)))
        for place in values.indices { values[place] = 0 }
        for bytes in all {
            bytes.withUnsafeBytes {
                for (place, value) in $0.bindMemory(to: Float.self).enumerated() { values[place] += value }
            }
        }
    }

    func largest(_ value: Int) -> Int {
        meeting.exchange(index, withUnsafeBytes(of: value) { Array($0) })
            .map { $0.withUnsafeBytes { $0.loadUnaligned(as: Int.self) } }.max()!
    }

    func first(_ bytes: [UInt8]) -> [UInt8] { meeting.exchange(index, bytes)[0] }
}
