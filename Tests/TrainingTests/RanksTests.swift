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

    @Test func roundsAreAllRowsOnce() {
        for stretches in [[0..<5], [0..<0, 0..<7], [0..<3, 3..<3, 3..<40], [0..<10, 10..<20, 20..<29]] {
            for mostValues in [1, 12, 30, 1_000] {
                let rounds = GatherRounds.of(stretches, columns: 4, mostValues: mostValues)
                #expect(rounds.allSatisfy { $0.count == stretches.count })
                for (index, stretch) in stretches.enumerated() {
                    #expect(rounds.flatMap { Array($0[index]) } == Array(stretch), "\(stretches), \(mostValues)")
                }
                // A row of each process at least.
                let most = max(mostValues, 4 * stretches.count)
                #expect(rounds.allSatisfy { $0.reduce(0) { $0 + $1.count * 4 } <= most })
            }
        }
        #expect(GatherRounds.of([0..<0, 0..<0], columns: 4).isEmpty)
        #expect(GatherRounds.of([0..<512, 512..<1_024], columns: 3_072).count == 1)
    }

    /// 12 billion values, where MPI counts to 2 billion.
    @Test func roundsOfAVeryLargeBatch() {
        let stretches = (0..<4).map { $0 * 1_000_000..<($0 + 1) * 1_000_000 }
        let rounds = GatherRounds.of(stretches, columns: 3_072)
        #expect(rounds.count == 46)
        #expect(rounds.allSatisfy { $0.reduce(0) { $0 + $1.count * 3_072 } <= Int(Int32.max) / 4 })
        #expect(rounds.last!.map(\.upperBound) == stretches.map(\.upperBound))
    }

    @Test func whoHasSomethingElseIsNamed() throws {
        let facts = [SharedFact("the recipe", "a"), SharedFact("data set x", "b"), SharedFact("the weights", "c")]
        func error(_ own: @escaping (Int) -> [SharedFact]) throws -> [RunError?] {
            try ThreadRanks.run(3) { ranks in
                do { try ranks.expectSame(own(ranks.index)) } catch let error as RunError { return error }
                return nil
            }
        }
        #expect(try error { _ in facts } == [nil, nil, nil])
        // The earliest difference is the cause of the others, whoever else has a later one.
        let found = try error { index in
            index == 0
                ? facts
                : [facts[0], SharedFact("data set x", index == 1 ? "other" : "b"), SharedFact("the weights", "d")]
        }
        #expect(found == Array(repeating: .differs(process: 2, count: 3, what: "data set x"), count: 3))
        #expect(
            try error { $0 == 2 ? facts + [SharedFact("more", "")] : facts }
                == Array(repeating: .differs(process: 3, count: 3, what: "the weights"), count: 3))
        #expect(
            try error { $0 == 1 ? Array(facts.prefix(2)) : facts }
                == Array(repeating: .differs(process: 2, count: 3, what: "the weights"), count: 3))
        // The first itself is never the odd one.
        #expect(
            try error { $0 == 0 ? Array(facts.prefix(2)) : facts }
                == Array(repeating: .differs(process: 3, count: 3, what: "data set x"), count: 3))
    }

    @Test func samplesAreToldApart() throws {
        let (a, b) = (Nano.mixedBatch(seed: 1), Nano.mixedBatch(seed: 2))
        #expect(SharedFact.samples(step: 1, [a, b]) == .samples(step: 1, [a, b]))
        #expect(SharedFact.samples(step: 1, [a, b]) != .samples(step: 1, [b, a]))
        var fewer = a
        fewer.negatives = []
        #expect(SharedFact.samples(step: 1, [fewer]) != .samples(step: 1, [a]))
    }

    /// All stop before a step, and the folder of the first tells of none.
    @Test func anotherCastorRefuses() throws {
        try Folders.withTemporary { folder in
            try SmallRun.prepare(folder)
            let errors = try ThreadRanks.run(2) { ranks -> RunError? in
                let plan = try RunPlan(
                    Recipe(path: "\(folder)/recipe.json"), ranks: ranks, pool: WorkerPool(threads: 1))
                let output = "\(folder)/out"
                let made = ranks.isFirst ? try RunFolder(path: output) : RunFolder(lookedAt: output)
                let run = TrainingRun(
                    plan, made, WorkerPool(threads: 1), isResumed: false, version: "\(ranks.index)")
                do throws(RunError) { try run(isInterrupted: { false }) } catch { return error }
                return nil
            }
            #expect(
                errors == Array(repeating: .differs(process: 2, count: 2, what: "the version of castor"), count: 2))
            #expect(try SmallRun.history("\(folder)/out").steps.isEmpty)
        }
    }

    private static let bigramRows = 20_000

    private func steps(_ ranks: any Ranks, bigrams: Bool = false) throws -> (
        losses: [Double], parameters: ParameterStore
    ) {
        let pool = WorkerPool(threads: 1)
        let model = try Nano.model(pool)
        var configuration = model.configuration
        if bigrams { (configuration.text.bigramRows, configuration.text.bigramWidth) = (Self.bigramRows, 8) }
        var objective = Objective(levels: [.init(size: 3072), .init(size: 256)])
        objective.contrastive?.learnsTemperature = true
        let parameters =
            try bigrams
            ? ParameterStore(untrained: configuration, seed: 5, extra: objective.parameterShapes)
            : ParameterStore(of: model, extra: objective.parameterShapes)
        objective.initialize(parameters)
        var options = Trainer.Options(schedule: Schedule(peak: 1e-3, warmUpSteps: 2, totalSteps: 20))
        options.averageDecay = 0.9
        options.engine.maxChunkTokens = 40
        // A table that begins at zero has gradients of nearly nothing, whose last digits Adam would make as large as any.
        if bigrams { options.optimizer.epsilon = 1e-3 }
        let trainer = try Trainer(
            .castor(configuration), parameters, objective, options, pool, ranks: ranks)
        var losses: [Double] = []
        for seed in 1...3 {
            losses.append(try trainer.step([Nano.mixedBatch(seed: UInt64(seed)), Nano.mixedBatch(seed: 9)]).loss.total)
        }
        return (losses, parameters)
    }

    @Test(arguments: [2, 3, 40], [false, true]) func stepsEqualThoseOfOne(count: Int, bigrams: Bool) throws {
        let alone = try steps(LoneRank(), bigrams: bigrams)
        let all = try ThreadRanks.run(count) { ranks in
            let result = try steps(ranks, bigrams: bigrams)
            // Of a table the batch's rows, not all.
            #expect((ranks as! ThreadRanks).largestSum < Self.bigramRows * 8)
            return result
        }
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
    private(set) var largestSum = 0
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
        largestSum = max(largestSum, values.count)
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
