import Castor
import Dispatch
import GeminiAPI
import HTTPTypes
import TestSupport
import Testing

/// Joining, order, refusal and cancellation, without HTTP.
@Suite struct SchedulerTests {
    private static func with(
        _ configure: (inout Scheduler.Options) -> Void = { _ in }, starts: Bool = true,
        _ body: (Scheduler) async throws -> Void
    ) async throws {
        var options = Scheduler.Options()
        configure(&options)
        let scheduler = Scheduler(embedder: TestServer.embedder, options: options, metrics: Metrics())
        if starts { scheduler.start() }
        defer { scheduler.stop() }
        try await body(scheduler)
    }

    private static func item(_ text: String) -> EmbedItem { EmbedItem(content: Content(text)) }

    /// Until something that other threads do has happened.
    private static func wait(until isTrue: () -> Bool) async throws {
        try await Standstill.wait { isTrue() }
    }

    @Test func manyCallersEachGetTheirOwnVectors() async throws {
        try await Self.with { scheduler in
            try await withThrowingTaskGroup(of: (String, [Float]).self) { group in
                for caller in 0..<200 {
                    group.addTask {
                        let text = "caller \(caller)"
                        let result = try await scheduler.embed(
                            [Self.item(text)], priority: caller % 3 == 0 ? .background : .interactive)
                        return (text, try result.embeddings[0].get().values)
                    }
                }
                for try await (text, values) in group {
                    expectClose(values, try TestServer.vector(Content(text)), .batchInvariance, text)
                }
            }
            #expect(Priority.allCases.allSatisfy { scheduler.waitingContents($0) == 0 })
        }
    }

    @Test func aContentThatFailsTakesNoOtherWithIt() async throws {
        try await Self.with { scheduler in
            let items = [Self.item("a"), EmbedItem(content: Content([])), Self.item("b")]
            let result = try await scheduler.embed(items)
            #expect(throws: EmbedError.noParts) { try result.embeddings[1].get() }
            for index in [0, 2] { _ = try result.embeddings[index].get() }
        }
    }

    @Test func aFullQueueRefusesWithATimeToComeBack() async throws {
        // The threads are not started: what is queued stays.
        try await Self.with({ $0.maxWaitingContents = 100 }, starts: false) { scheduler in
            let first = Task { try await scheduler.embed((0..<60).map { Self.item("\($0)") }) }
            try await Self.wait { scheduler.waitingContents(.interactive) == 60 }
            do {
                _ = try await scheduler.embed((0..<41).map { Self.item("\($0)") })
                Issue.record("the queue took more than its limit")
            } catch let error as APIError {
                #expect(error.status == .resourceExhausted)
                #expect(error.headers[.retryAfter] != nil)
                #expect(error.details.contains { if case .retryInfo(let seconds) = $0 { seconds >= 1 } else { false } })
            }
            // The other priority has a queue of its own.
            let background = Task { try await scheduler.embed([Self.item("b")], priority: .background) }
            try await Self.wait { scheduler.waitingContents(.background) == 1 }
            scheduler.start()
            #expect(try await first.value.embeddings.count == 60)
            #expect(try await background.value.embeddings.count == 1)
        }
    }

    /// Words that come behind six long texts are answered while all are there; without the thread for that, not before one of them is done.
    ///
    /// On a busy machine a long one may be done first; in fifty rounds once it is not.
    @Test(arguments: [true, false]) func shortTextsOvertakeLongOnes(overtakes: Bool) async throws {
        try await Self.with({ if !overtakes { $0.maxOvertakingTokens = 0 } }) { scheduler in
            let long = String(repeating: "the cat sleeps ", count: 4_000)
            var hasOvertaken = false
            for round in 0..<(overtakes ? 50 : 2) where !hasOvertaken {
                let order = Order()
                let tasks = (0..<6).map { number in
                    Task {
                        defer { order.note("\(number)") }
                        return try await scheduler.embed([Self.item("\(round) \(number) \(long)")])
                    }
                }
                // Who asks too seldom may find all six done.
                try await Self.wait { scheduler.isComputingLong || order.names.count == 6 }
                let result = try await scheduler.embed([Self.item("a few words")])
                hasOvertaken = scheduler.waitingContents(.interactive) == 6
                expectClose(
                    try result.embeddings[0].get().values, try TestServer.vector(Content("a few words")),
                    .batchInvariance)
                for task in tasks { #expect(try await task.value.embeddings.count == 1) }
            }
            #expect(hasOvertaken == overtakes)
        }
    }

    /// A task that was cancelled before its call was never counted, and is not counted off.
    @Test func aCallOfACancelledTaskIsRefusedAndNotCounted() async throws {
        try await Self.with(starts: false) { scheduler in
            for _ in 0..<3 {
                let task = Task {
                    while !Task.isCancelled { await Task.yield() }
                    return try await scheduler.embed([Self.item("too late")])
                }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
            }
            #expect(scheduler.waitingContents(.interactive) == 0)
        }
    }

    /// A cancelling thread holds the lock of its task and wants the scheduler's; whoever delivers must not hold the scheduler's while it wants the task's.
    @Test func cancellingWhileResultsAreDeliveredBlocksNobody() async throws {
        // A deadlock would take the threads on which tests run.
        try await Standstill.guarding("callers and scheduler wait for each other") {
            try await Self.with { scheduler in try await Self.cancelManyTimes(scheduler) }
        }
    }

    private static func cancelManyTimes(_ scheduler: Scheduler) async throws {
        for round in 0..<60 {
            let tasks = (0..<32).map { number in
                Task { try await scheduler.embed([Self.item("\(round) \(number)")]) }
            }
            _ = try? await tasks[round % 32].value
            await withCheckedContinuation { continuation in
                DispatchQueue.global().async {
                    for task in tasks { task.cancel() }
                    continuation.resume()
                }
            }
            for task in tasks { _ = try? await task.value }
        }
        #expect(scheduler.waitingContents(.interactive) == 0)
        let last = try await scheduler.embed([Self.item("still here")])
        #expect(last.embeddings.count == 1)
    }

    @Test func aCancelledCallersWorkIsDropped() async throws {
        try await Self.with(starts: false) { scheduler in
            let gone = Task { try await scheduler.embed((0..<50).map { Self.item("\($0)") }) }
            try await Self.wait { scheduler.waitingContents(.interactive) == 50 }
            gone.cancel()
            await #expect(throws: CancellationError.self) { try await gone.value }
            #expect(scheduler.waitingContents(.interactive) == 0)
            scheduler.start()
            #expect(try await scheduler.embed([Self.item("a")]).embeddings.count == 1)
        }
    }

    @Test func interactiveWorkOvertakesBackgroundWork() async throws {
        try await Self.with(starts: false) { scheduler in
            let order = Order()
            let background = Task {
                _ = try await scheduler.embed((0..<300).map { Self.item("text \($0)") }, priority: .background)
                order.note("background")
            }
            try await Self.wait { scheduler.waitingContents(.background) == 300 }
            let interactive = Task {
                _ = try await scheduler.embed([Self.item("now")])
                order.note("interactive")
            }
            try await Self.wait { scheduler.waitingContents(.interactive) == 1 }
            scheduler.start()
            try await interactive.value
            try await background.value
            #expect(order.names == ["interactive", "background"])
        }
    }

    @Test func constantLoadDoesNotHoldUpBackgroundWorkForGood() async throws {
        // A batch holds one content, so that there are as many turns as contents.
        try await Self.with({ $0.maxBatchTokens = 1 }, starts: false) { scheduler in
            let order = Order()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<1_500 {
                    group.addTask {
                        _ = try await scheduler.embed([Self.item("\(number)")])
                        order.note("interactive")
                    }
                }
                try await Self.wait { scheduler.waitingContents(.interactive) == 1_500 }
                group.addTask {
                    _ = try await scheduler.embed([Self.item("job")], priority: .background)
                    order.note("background")
                }
                try await Self.wait { scheduler.waitingContents(.background) == 1 }
                scheduler.start()
                try await group.waitForAll()
            }
            let place = try #require(order.names.firstIndex(of: "background"))
            #expect(place >= 1 && place < 750, "the job was number \(place) of 1,501")
        }
    }

    @Test func oneTurnInSixteenIsForBackgroundWork() {
        var turns = PriorityTurns()
        var taken = ""
        for _ in 0..<64 {
            let priority = turns.order[0]
            turns.took(priority)
            taken += priority == .interactive ? "i" : "b"
        }
        #expect(taken == String(repeating: String(repeating: "i", count: 15) + "b", count: 4))
        // What had no competition is not made up for with more than one turn.
        for _ in 0..<1_000 { turns.took(.interactive) }
        #expect(turns.order == [.background, .interactive])
        turns.took(.background)
        #expect(turns.order == [.interactive, .background])
    }

    @Test func aLargeCallDoesNotHoldUpASmallOne() async throws {
        try await Self.with({ $0.maxBatchTokens = 64 }, starts: false) { scheduler in
            let order = Order()
            let large = Task {
                _ = try await scheduler.embed((0..<100).map { Self.item("a longer text of number \($0)") })
                order.note("large")
            }
            try await Self.wait { scheduler.waitingContents(.interactive) == 100 }
            let small = Task {
                _ = try await scheduler.embed([Self.item("small")])
                order.note("small")
            }
            try await Self.wait { scheduler.waitingContents(.interactive) == 101 }
            scheduler.start()
            try await small.value
            try await large.value
            #expect(order.names == ["small", "large"])
        }
    }

    @Test func stoppingFailsWhatWaits() async throws {
        try await Self.with(starts: false) { scheduler in
            let waiting = Task { try await scheduler.embed([Self.item("a")]) }
            try await Self.wait { scheduler.waitingContents(.interactive) == 1 }
            scheduler.stop()
            await #expect(throws: APIError.draining) { try await waiting.value }
            await #expect(throws: APIError.draining) { try await scheduler.embed([Self.item("b")]) }
        }
    }
}
