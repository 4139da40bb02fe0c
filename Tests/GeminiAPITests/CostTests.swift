import Castor
import GeminiAPI
import HTTPTypes
import Media
import ServerState
import Synchronization
import TestSupport
import Testing

/// What one request may cost beside others: files that it names, tokens that it counts, work that nobody waits for.
@Suite struct CostTests {
    private static let path = "/v1beta/models/gemini-embedding-2:countTokens"

    private static func withFiles(
        maxBufferedBytes: Int, _ body: @escaping @Sendable (Client) async throws -> Void
    ) async throws {
        try await FileRouteTests.withFiles(configure: { $0.limits.maxBufferedBytes = maxBufferedBytes }, body)
    }

    private static func parts(_ part: String, _ count: Int) -> String {
        "[\(Array(repeating: part, count: count).joined(separator: ","))]"
    }

    // MARK: - Files

    /// A text of 100 kB that 1,000 parts name is there once: more than once would be more than all requests may hold.
    @Test func aFileIsChargedOnceHoweverManyPartsNameIt() async throws {
        let text = Array(String(repeating: "word ", count: 20_000).utf8)
        try await Self.withFiles(maxBufferedBytes: 400_000) { client in
            _ = try await FileRouteTests.upload(client, text, mimeType: "text/plain", name: "t")
            _ = try await FileRouteTests.upload(client, text, mimeType: "text/plain", name: "u")
            _ = try await FileRouteTests.upload(client, text, mimeType: "text/plain", name: "v")
            let named = #"{"fileData":{"fileUri":"files/t"}}"#
            let reply = try await client.embed(#"{"content":{"parts":\#(Self.parts(named, 1_000))}}"#)
            #expect(reply.status == 200, "\(reply.text)")
            #expect(reply.headers[HTTPField.Name("x-castor-truncated")!] == "0")
            // Three of them, and what is made of them, are too many.
            let three = ["t", "u", "v"].map { #"{"fileData":{"fileUri":"files/\#($0)"}}"# }.joined(separator: ",")
            try await client.embed(#"{"content":{"parts":[\#(three)]}}"#).expectError(
                400, "INVALID_ARGUMENT",
                "The files that the request names have more than 400000 bytes together, which is the limit.")
            // Given back.
            #expect(try await client.embed(#"{"content":{"parts":\#(Self.parts(named, 2))}}"#).status == 200)
        }
    }

    /// Whatever others hold: a single file has its limit from the upload.
    @Test func oneFileAlwaysFits() async throws {
        let text = Array(String(repeating: "word ", count: 20_000).utf8)
        try await Self.withFiles(maxBufferedBytes: 150_000) { client in
            _ = try await FileRouteTests.upload(client, text, mimeType: "text/plain", name: "t")
            #expect(
                try await client.embed(#"{"content":{"parts":[{"fileData":{"fileUri":"files/t"}}]}}"#).status == 200)
        }
    }

    // MARK: - Counting

    @Test func countingHasTheLimitsOfEmbedding() async throws {
        let image = #"{"inlineData":{"mimeType":"image/jpeg","data":"\#(EmbedTests.image)"}}"#
        try await TestServer.with { client in
            try await client.post(Self.path, #"{"contents":[{"parts":\#(Self.parts(image, 7))}]}"#).expectError(
                400, "INVALID_ARGUMENT")
            let six = try await client.post(Self.path, #"{"contents":[{"parts":\#(Self.parts(image, 6))}]}"#)
            #expect(try six.json["totalTokens"].int == 6 * 258)
            let contents = Self.parts(#"{"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}"#, 101)
            try await client.post(Self.path, #"{"contents":\#(contents)}"#).expectError(
                400, "INVALID_ARGUMENT",
                "* CountTokensRequest.contents: at most 100 contents with media can be counted at once, not 101.\n")
            // Those of one content are counted while they are read.
            let parts = Self.parts(#"{"text":"a"}"#, 4_097)
            try await client.post(Self.path, #"{"contents":[{"parts":\#(parts)},{"parts":\#(parts)}]}"#).expectError(
                400, "INVALID_ARGUMENT",
                "* CountTokensRequest.contents: at most 8192 parts can be counted at once, not 8194.\n")
            let turns = Self.parts(#"{"parts":[{"text":"a"}]}"#, 500)
            let one = try await client.post(Self.path, #"{"contents":[{"parts":[{"text":"a"}]}]}"#)
            #expect(
                try await client.post(Self.path, #"{"contents":\#(turns)}"#).json["totalTokens"].int
                    == 500 * one.json["totalTokens"].int)
        }
    }

    /// Sixty-four calls wait or are at work; the next one is sent away, until one has ended.
    @Test func countingAdmitsSoManyCalls() async throws {
        let queue = CountingQueue()
        queue.start()
        let calls = Calls()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<CountingQueue.maxCalls {
                group.addTask { try await queue.admit { await calls.stay() } }
            }
            try await Standstill.wait { calls.count == CountingQueue.maxCalls }
            do {
                try await queue.admit {}
                Issue.record("one more was admitted")
            } catch let error as APIError {
                #expect(error.status == .resourceExhausted)
            }
            try await queue.admit(isFree: true) {}
            calls.end()
            try await group.waitForAll()
        }
        #expect(try await queue.admit { try await queue.next { _ in 7 } } == 7)
        await queue.stop()
    }

    /// Calls that have been let in and do not end.
    private final class Calls: Sendable {
        private let waiting = Mutex<[CheckedContinuation<Void, Never>]>([])

        var count: Int { waiting.withLock { $0.count } }

        func stay() async {
            await withCheckedContinuation { continuation in waiting.withLock { $0.append(continuation) } }
        }

        func end() {
            for continuation in waiting.withLock({ $0 }) { continuation.resume() }
        }
    }

    /// The work that runs hears of it, and the next call has the thread.
    @Test func whatNobodyWaitsForIsStopped() async throws {
        let queue = CountingQueue()
        queue.start()
        let isRunning = Mutex(false)
        let task = Task {
            try await queue.next { cancellation in
                isRunning.withLock { $0 = true }
                while !cancellation.isCancelled {}
                throw EmbedError.cancelled
            }
        }
        try await Standstill.wait { isRunning.withLock { $0 } }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await queue.next { _ in 7 } == 7)
        await queue.stop()
    }

    // MARK: - Preparing

    /// A document that would be rendered for a day takes the only thread that prepares; its caller goes, and the next one is served.
    @Test func aDecoderStopsWhenItsCallerGoes() async throws {
        var options = Embedder.Options()
        options.limits.maxDocumentSeconds = 100_000
        let embedder = try Embedder(modelPath: Folders.nano, options: options)
        var queue = Scheduler.Options()
        queue.preparationThreads = 1
        queue.quickThreads = 0
        queue.spareThreads = 0
        let scheduler = Scheduler(embedder: embedder, options: queue, metrics: Metrics())
        scheduler.start()
        defer { scheduler.stop() }
        let document = EmbedItem(content: [.data(EndlessDocument.bytes, mimeType: "application/pdf")])
        let gone = Task { try await scheduler.embed([document]) }
        try await Standstill.wait { scheduler.waitingContents(.interactive) == 1 }
        gone.cancel()
        await #expect(throws: CancellationError.self) { try await gone.value }
        // Long, so that it needs the thread.
        let next = EmbedItem(content: Content(String(repeating: "word ", count: 2_000)))
        #expect(try await scheduler.embed([next]).embeddings.count == 1)
    }

    /// Documents that would be rendered for a day take all threads that may take them; what is not one is served by the others.
    @Test(arguments: ["application/pdf", nil]) func documentsHoldNobodyElseUp(mimeType: String?) async throws {
        var options = Embedder.Options()
        options.limits.maxDocumentSeconds = 100_000
        let embedder = try Embedder(modelPath: Folders.nano, options: options)
        let scheduler = Scheduler(embedder: embedder, metrics: Metrics())
        scheduler.start()
        defer { scheduler.stop() }
        let document = EmbedItem(content: [.data(EndlessDocument.bytes, mimeType: mimeType)])
        let count = 2 * scheduler.options.threadCount
        let endless = (0..<count).map { _ in Task { try await scheduler.embed([document]) } }
        try await Standstill.wait { scheduler.waitingContents(.interactive) == count }
        let picture = try Folders.read("\(Folders.fixtures)/media/scene.jpg")
        for part in [Part.text(String(repeating: "word ", count: 2_000)), .data(picture, mimeType: "image/jpeg")] {
            for _ in 0..<20 {
                #expect(try await scheduler.embed([EmbedItem(content: [part])]).embeddings.count == 1)
            }
        }
        for task in endless { task.cancel() }
        for task in endless { await #expect(throws: CancellationError.self) { try await task.value } }
    }

    /// Documents that would be rendered for a day take the threads that take documents; one that is done in a moment is served beside them.
    @Test func documentsThatStandAreOvertaken() async throws {
        var options = Embedder.Options()
        options.limits.maxDocumentSeconds = 100_000
        let embedder = try Embedder(modelPath: Folders.nano, options: options)
        let scheduler = Scheduler(embedder: embedder, metrics: Metrics())
        scheduler.start()
        defer { scheduler.stop() }
        let count = scheduler.options.preparationThreads + scheduler.options.spareThreads - 1
        let document = EmbedItem(content: [.data(EndlessDocument.bytes, mimeType: "application/pdf")])
        let endless = (0..<count).map { _ in Task { try await scheduler.embed([document]) } }
        try await Standstill.wait { scheduler.waitingContents(.interactive) == count }
        let pages = try Folders.read("\(Folders.fixtures)/media/two-pages.pdf")
        for _ in 0..<5 {
            let item = EmbedItem(content: [.data(pages, mimeType: "application/pdf")])
            #expect(try await scheduler.embed([item]).embeddings.count == 1)
        }
        for task in endless { task.cancel() }
        for task in endless { await #expect(throws: CancellationError.self) { try await task.value } }
    }

    /// Pictures of a hundred million pixels leave a thread to others, as documents do.
    @Test func costIsGuessedFromHeaders() throws {
        func png(_ width: UInt8, _ height: UInt8) -> [UInt8] {
            [
                0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, width, 0, 0,
                0, height, 0,
            ]
        }
        let picture = try Folders.read("\(Folders.fixtures)/media/scene.jpg")
        for (part, isSlow) in [
            (Part.text("x"), false), (.data(picture, mimeType: "image/jpeg"), false),
            (.data(picture, mimeType: nil), false),
            (.data(png(4, 4), mimeType: "image/png"), false), (.data(png(40, 40), mimeType: "image/png"), true),
            (.data(png(40, 40), mimeType: nil), true), (.data([], mimeType: "image/png"), false),
            (.data([UInt8](repeating: 0, count: 5 << 20), mimeType: "image/heic"), true),
            (.data(EndlessDocument.bytes, mimeType: nil), true),
        ] {
            #expect(EmbedItem(content: [.text("x"), part]).mayBeSlow == isSlow)
        }
    }

    /// Pages hold many times as much as pictures for a token: they fill the room by their bytes.
    @Test func readyContentsAreCountedInBytes() throws {
        let clip = try Folders.read("\(Folders.fixtures)/media/clip.mp4")
        let content = try TestServer.embedder.prepare([.data(clip, mimeType: nil)], EmbedOptions())
        // Four frames of 24 patches of 16 x 16 pixels, and 4 tokens each.
        #expect(content.tokenCount == 16 && content.byteCount >= 4 * 20 * 3 * 16 * 16 * 4)
        var load = ReadyLoad()
        var count = 0
        while !load.isFull {
            load.add(content)
            count += 1
        }
        #expect(load.byteCount >= 64 << 20 && load.byteCount < (64 << 20) + content.byteCount)
        #expect(load.tokenCount < 16_384)
        for _ in 0..<count { load.remove(content) }
        #expect(load.tokenCount == 0 && load.byteCount == 0 && !load.isFull)
    }
}
