import HummingbirdCore
import Logging
import NIOCore

/// What is no HTTP/1 is told from a connection's first bytes, before the parser can only close it.
///
/// HTTP/2 without TLS, which gRPC and some proxies speak, gets an answer in it that says what is spoken here.
/// A TLS handshake at a plain port gets a line in the log, since its client could read nothing.
final class OtherProtocols: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let logger: Logger
    private var held = ByteBuffer()
    private var refusal: HTTP2Refusal?

    init(_ logger: Logger) {
        self.logger = logger
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        guard refusal == nil else { return refuse(bytes.readableBytesView, context) }
        held.writeBuffer(&bytes)
        let first = held.readableBytesView
        if first.starts(with: HTTP2Refusal.preface) {
            logger.notice("a client speaks HTTP/2 without TLS; this server speaks HTTP/1.1")
            refusal = HTTP2Refusal()
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: HTTP2Refusal.greeting)), promise: nil)
            refuse(first.dropFirst(HTTP2Refusal.preface.count), context)
            held.clear()
            return
        }
        // Not yet all of it.
        if HTTP2Refusal.preface.starts(with: first) { return }
        if first.starts(with: [0x16, 0x03]) {
            logger.notice("a client speaks TLS; this port is plain HTTP")
        }
        pass(context)
    }

    private func refuse(_ bytes: ByteBufferView, _ context: ChannelHandlerContext) {
        guard var refusal, !refusal.isOver else { return }
        let reply = refusal.receive(bytes)
        self.refusal = refusal
        if !reply.isEmpty { context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: reply)), promise: nil) }
        if refusal.isOver { context.close(mode: .output, promise: nil) }
    }

    /// The rest of the connection is the parser's.
    private func pass(_ context: ChannelHandlerContext) {
        let bytes = held
        held.clear()
        context.fireChannelRead(wrapInboundOut(bytes))
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}

/// A channel with ``OtherProtocols`` before everything else.
struct GuardedChannel: ServerChildChannel {
    let base: HTTP1Channel

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(OtherProtocols(logger))
        }.flatMap {
            base.setup(channel: channel, logger: logger)
        }
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
