import GeminiAPI
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization

/// A request and its whole answer.
typealias Exchange = @Sendable (HTTPRequest, [UInt8]?) async throws -> Reply

extension Server {
    /// Hands requests to the router, as a connection would, piece by piece.
    func withExchangeInProcess<Value: Sendable>(
        _ logger: Logger, _ body: @escaping @Sendable (@escaping Exchange) async throws -> Value
    ) async throws -> Value {
        let responder = APIResponder(server: core, table: table)
        return try await Self.running(try application().services, logger) {
            try await body { request, bytes in
                let channel = NIOAsyncTestingChannel()
                let pieces = AsyncStream { continuation in
                    for piece in Pieces(bytes ?? []) { continuation.yield(piece) }
                    continuation.finish()
                }
                let request = Request(head: request, body: RequestBody(asyncSequence: pieces))
                let response = try await responder.respond(
                    to: request, context: APIContext(source: .init(channel: channel, logger: logger)))
                let collected = Mutex<[UInt8]>([])
                try await response.body.write(
                    CollectingWriter(collected: { piece in
                        collected.withLock { $0 += piece.readableBytesView }
                    }))
                return Reply(
                    status: response.status.code, headers: response.headers, body: collected.withLock { $0 })
            }
        }
    }

    /// Listens at a free port and sends requests over TCP.
    func withExchangeOverSocket<Value: Sendable>(
        _ logger: Logger, _ body: @escaping @Sendable (@escaping Exchange) async throws -> Value
    ) async throws -> Value {
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let application = try application { port.yield($0) }
        // A server that cannot listen ends the wait for its port.
        return try await Self.running([application], logger, onEnd: { port.finish() }) {
            guard let port = await ports.first(where: { _ in true }) else { throw SocketClient.Closed() }
            let client = SocketClient(port: port)
            do {
                let value = try await body { try await client.exchange($0, $1) }
                await client.close()
                return value
            } catch {
                await client.close()
                throw error
            }
        }
    }

    private static func running<Value: Sendable>(
        _ services: [any Service], _ logger: Logger, onEnd: @escaping @Sendable () -> Void = {},
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        // A group that is shut down before it runs never ends.
        let (started, isStarted) = AsyncStream.makeStream(of: Void.self)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services + [LastService(isStarted: isStarted)], logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                // Services that cannot start end the wait for them.
                defer {
                    isStarted.finish()
                    onEnd()
                }
                try await group.run()
            }
            for await _ in started {}
            let result: Result<Value, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return try result.get()
        }
    }
}

/// Says that a group runs.
private struct LastService: Service {
    let isStarted: AsyncStream<Void>.Continuation

    func run() async throws {
        isStarted.finish()
        try? await gracefulShutdown()
    }
}

/// 32 KiB at a time.
private struct Pieces: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func next() -> ByteBuffer? {
        guard !rest.isEmpty else { return nil }
        defer { rest = rest.dropFirst(32 << 10) }
        return ByteBuffer(bytes: rest.prefix(32 << 10))
    }
}

private struct CollectingWriter: ResponseBodyWriter {
    let collected: (ByteBuffer) -> Void

    mutating func write(_ buffer: ByteBuffer) async throws { collected(buffer) }
    consuming func finish(_ trailers: HTTPFields?) async throws {}
}

/// An HTTP/1.1 client whose connections are kept for later requests.
private final class SocketClient: Sendable {
    struct Closed: Error {}

    private let port: Int
    private let idle = Mutex<[any Channel]>([])

    init(port: Int) { self.port = port }

    func exchange(_ request: HTTPRequest, _ body: [UInt8]?) async throws -> Reply {
        let channel = try await connection()
        let promise = channel.eventLoop.makePromise(of: Reply.self)
        try await channel.pipeline.addHandler(ReplyHandler(promise), name: "reply")
        channel.write(HTTPRequestPart.head(request), promise: nil)
        for piece in Pieces(body ?? []) { channel.write(HTTPRequestPart.body(piece), promise: nil) }
        // An early answer to a body that is too large ends the writing, not the exchange.
        channel.writeAndFlush(HTTPRequestPart.end(nil), promise: nil)
        let reply = try await promise.futureResult.get()
        if reply.headers[.connection]?.lowercased() == "close" {
            try? await channel.close()
        } else {
            try? await channel.pipeline.removeHandler(name: "reply")
            idle.withLock { $0.append(channel) }
        }
        return reply
    }

    func close() async {
        for channel in idle.withLock({ $0 }) { try? await channel.close() }
    }

    private func connection() async throws -> any Channel {
        let kept = idle.withLock { idle in
            idle.removeAll { !$0.isActive }
            return idle.popLast()
        }
        if let kept { return kept }
        return try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(HTTP1ToHTTPClientCodec())
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }

    /// Gathers one answer.
    private final class ReplyHandler: ChannelInboundHandler, RemovableChannelHandler, Sendable {
        typealias InboundIn = HTTPResponsePart

        private struct State {
            var head: HTTPResponse?
            var body: [UInt8] = []
            var isDone = false
        }

        private let promise: EventLoopPromise<Reply>
        private let state = Mutex(State())

        init(_ promise: EventLoopPromise<Reply>) { self.promise = promise }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let reply: Reply? = state.withLock { state in
                switch unwrapInboundIn(data) {
                case .head(let head): if head.status.kind != .informational { state.head = head }
                case .body(let bytes): state.body += bytes.readableBytesView
                case .end:
                    guard let head = state.head, !state.isDone else { return nil }
                    state.isDone = true
                    return Reply(status: head.status.code, headers: head.headerFields, body: state.body)
                }
                return nil
            }
            if let reply { promise.succeed(reply) }
        }

        func channelInactive(context: ChannelHandlerContext) { fail(Closed()) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error) }

        func handlerRemoved(context: ChannelHandlerContext) { fail(Closed()) }

        private func fail(_ error: any Error) {
            let isFirst = state.withLock { state in
                defer { state.isDone = true }
                return !state.isDone
            }
            if isFirst { promise.fail(error) }
        }
    }
}
