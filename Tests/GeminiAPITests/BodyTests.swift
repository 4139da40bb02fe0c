import GeminiAPI
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Synchronization
import TestSupport
import Testing

/// Bodies on their way: what they hold, and how long they may take.
@Suite struct BodyTests {
    /// Connections that announce more than all may hold, and send next to nothing, keep nobody out.
    @Test func anAnnouncedLengthHoldsNothing() async throws {
        try await TestServer.with {
            $0.limits.maxBufferedBytes = 1_000_000
        } _: { client in
            let slow = (0..<4).map { _ in SlowRequest(client, announcing: 400_000) }
            for request in slow {
                request.send("{")
                await request.isWaitingForMore(times: 2)
            }
            #expect(try await client.embed(Self.request(bytes: 500_000)).status == 200)
            for request in slow { try await request.end().expectError(400, "INVALID_ARGUMENT") }
        }
    }

    /// What came is counted, and is free again when its request has ended.
    @Test func whatCameIsHeld() async throws {
        try await TestServer.with {
            $0.limits.maxBufferedBytes = 1_000_000
        } _: { client in
            let slow = SlowRequest(client, announcing: 900_000)
            for count in 2...8 {
                slow.send(String(repeating: " ", count: 100_000))
                await slow.isWaitingForMore(times: count)
            }
            // Refused before a byte of it came.
            let refused = SlowRequest(client, announcing: 500_000)
            try await refused.reply.expectError(429, "RESOURCE_EXHAUSTED")
            #expect(refused.timesAsked == 0)
            // The same without a length, while it comes.
            let chunked = SlowRequest(client, announcing: nil)
            for _ in 0..<5 { chunked.send(String(repeating: " ", count: 100_000)) }
            try await chunked.reply.expectError(429, "RESOURCE_EXHAUSTED")
            #expect(try await client.embed(Self.request(bytes: 100_000)).status == 200)
            try await slow.end().expectError(400, "INVALID_ARGUMENT")
            #expect(try await client.embed(Self.request(bytes: 900_000)).status == 200)
        }
    }

    /// One request has room whatever all may hold, in pieces too.
    @Test func theOnlyBodyHasRoom() async throws {
        try await TestServer.with {
            $0.limits.maxBufferedBytes = 1_000
        } _: { client in
            let reply = try await client.embed(Self.request(bytes: 300_000))
            #expect(reply.status == 200)
        }
    }

    /// A body may take longer than its request.
    @Test func theTimeBeginsWhenTheBodyIsThere() async throws {
        try await TestServer.with {
            $0.limits.requestSeconds = 5
        } _: { client in
            for announced in [ErrorTests.hello.utf8.count, nil] {
                let slow = SlowRequest(client, announcing: announced)
                slow.send(String(ErrorTests.hello.prefix(10)))
                await slow.isWaitingForMore(times: 2)
                await slow.channel.testingEventLoop.advanceTime(by: .seconds(1_000))
                slow.send(String(ErrorTests.hello.dropFirst(10)))
                let reply = try await slow.end()
                #expect(reply.status == 200)
            }
        }
    }

    @Test func aDeadlinePausesAndBeginsAnew() async {
        let loop = NIOAsyncTestingEventLoop()
        let calls = Atomic<Int>(0)
        let deadline = Deadline(seconds: 5, on: loop)
        deadline.start { calls.add(1, ordering: .relaxed) }
        await loop.advanceTime(by: .seconds(4))
        deadline.pause()
        await loop.advanceTime(by: .seconds(100))
        deadline.resume()
        await loop.advanceTime(by: .seconds(4))
        #expect(calls.load(ordering: .relaxed) == 0 && !deadline.isLate)
        await loop.advanceTime(by: .seconds(1))
        #expect(calls.load(ordering: .relaxed) == 1 && deadline.isLate)

        let early = Deadline(seconds: 5, on: loop)
        early.pause()
        early.start { calls.add(1, ordering: .relaxed) }
        await loop.advanceTime(by: .seconds(100))
        early.resume()
        early.end()
        let none = Deadline(seconds: nil, on: loop)
        none.start { calls.add(1, ordering: .relaxed) }
        await loop.advanceTime(by: .seconds(100))
        #expect(calls.load(ordering: .relaxed) == 1 && !early.isLate && !none.isLate)
        await loop.shutdownGracefully()
    }

    /// A window of no length: every piece must be as large as what a window must bring.
    @Test func whoSendsTooSlowlyIsToldSo() async throws {
        try await TestServer.with {
            $0.limits.idleSeconds = 0
        } _: { client in
            let slow = SlowRequest(client, announcing: 10_000)
            slow.send(String(repeating: " ", count: 5_000))
            slow.send(" ")
            let reply = try await slow.reply
            try reply.expectError(400, "INVALID_ARGUMENT", "The request's body came too slowly.")
            // Its last bytes may be few.
            #expect(try await client.embed(ErrorTests.hello).status == 200)
        }
    }

    /// Pieces as bytes and seconds; whether the last of them is fast enough, and all before it are.
    private func isFast(isHeld: Bool, _ pieces: [(bytes: Int, seconds: UInt64)]) -> Bool {
        var pace = ArrivalPace(seconds: 60, isHeld: isHeld)
        let answers = pieces.map { pace.take($0.bytes, after: $0.seconds * 1_000_000_000) }
        #expect(answers.dropLast().allSatisfy { $0 })
        return answers.last ?? true
    }

    @Test func thePaceOfBodies() {
        let slow = Array(repeating: (bytes: 70, seconds: UInt64(1)), count: 59)
        let enough = [(bytes: 4_096 - 59 * 70, seconds: UInt64(1))]
        for isHeld in [true, false] {
            #expect(isFast(isHeld: isHeld, slow + enough + slow + enough))
            #expect(!isFast(isHeld: isHeld, slow + enough + slow + [(4_095 - 59 * 70, 1)]))
        }
        // 100 MB that came at once must go on with 1 MB a minute; on its way to the disk, with as little as others.
        let large: [(bytes: Int, seconds: UInt64)] = [(100_000_000, 0), (0, 60)]
        #expect(isFast(isHeld: true, large + [(1_000_000, 60)]))
        #expect(!isFast(isHeld: true, large + [(999_999, 60)]))
        #expect(isFast(isHeld: false, large + [(4_096, 60)]))
        #expect(!isFast(isHeld: false, large + [(4_095, 60)]))
    }

    /// Who has an answer and does not end its body is let go, after a while; who ends it keeps its connection.
    @Test func bodiesThatNobodyReadsEnd() throws {
        for isEnded in [true, false] {
            let channel = EmbeddedChannel(handler: LingeringBodies(seconds: 60))
            try channel.connect(to: SocketAddress(unixDomainSocketPath: "/test")).wait()
            let head = HTTPRequest(method: .post, scheme: "http", authority: "h", path: "/")
            // One whose body ended before the answer, and the next right behind it.
            try channel.writeInbound(HTTPRequestPart.head(head))
            try channel.writeInbound(HTTPRequestPart.end(nil))
            try channel.writeInbound(HTTPRequestPart.head(head))
            try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .ok)))
            try channel.writeOutbound(HTTPResponsePart.end(nil))
            channel.embeddedEventLoop.advanceTime(by: .seconds(1_000))
            #expect(channel.isActive)
            try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .badRequest)))
            try channel.writeOutbound(HTTPResponsePart.end(nil))
            channel.embeddedEventLoop.advanceTime(by: .seconds(59))
            if isEnded { try channel.writeInbound(HTTPRequestPart.end(nil)) }
            #expect(channel.isActive)
            channel.embeddedEventLoop.advanceTime(by: .seconds(1))
            #expect(channel.isActive == isEnded)
            _ = try? channel.finish()
        }
    }

    private static func request(bytes: Int) -> String {
        #"{"content":{"parts":[{"text":"a"}]},"#
            + String(repeating: " ", count: bytes) + #""outputDimensionality":4}"#
    }
}

/// A request whose body a test sends piece by piece, in process.
private final class SlowRequest: Sendable {
    let channel = NIOAsyncTestingChannel()
    private let pieces: AsyncStream<ByteBuffer>.Continuation
    private let asked = Atomic<Int>(0)
    private let isAnswered = Atomic<Bool>(false)
    private let task: Mutex<Task<Reply, any Error>?> = Mutex(nil)

    init(_ client: Client, announcing length: Int?) {
        let (stream, pieces) = AsyncStream.makeStream(of: ByteBuffer.self)
        self.pieces = pieces
        var request = HTTPRequest(
            method: .post, scheme: "http", authority: "localhost", path: "/v1/models/gemini-embedding-2:embedContent")
        request.headerFields[.contentLength] = length.map(String.init)
        let head = request
        let server = client.server
        let running = Task { [self] in
            let body = AsyncStream { [self] in
                asked.add(1, ordering: .relaxed)
                for await piece in stream { return piece }
                return ByteBuffer?.none
            }
            defer { isAnswered.store(true, ordering: .relaxed) }
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let response = try await APIResponder(server: server.core, table: server.table).respond(
                to: Request(head: head, body: RequestBody(asyncSequence: body)),
                context: APIContext(source: .init(channel: channel, logger: logger)))
            let writer = Bytes()
            try await response.body.write(Writer(bytes: writer))
            return Reply(
                status: response.status.code, headers: response.headers, body: writer.all.withLock { $0 })
        }
        task.withLock { $0 = running }
    }

    var timesAsked: Int { asked.load(ordering: .relaxed) }

    func send(_ text: String) { pieces.yield(ByteBuffer(string: text)) }

    /// Until the handler has asked for so many pieces: it has taken in all that it was sent before.
    func isWaitingForMore(times: Int) async {
        while timesAsked < times {
            guard !isAnswered.load(ordering: .relaxed) else {
                Issue.record("answered before its body was there")
                return
            }
            await Task.yield()
        }
    }

    func end() async throws -> Reply {
        pieces.finish()
        return try await reply
    }

    var reply: Reply {
        get async throws { try await task.withLock { $0 }!.value }
    }

    private final class Bytes: Sendable {
        let all = Mutex<[UInt8]>([])
    }

    private struct Writer: ResponseBodyWriter {
        let bytes: Bytes

        mutating func write(_ buffer: ByteBuffer) async throws { bytes.all.withLock { $0 += buffer.readableBytesView } }
        consuming func finish(_ trailers: HTTPFields?) async throws {}
    }
}
