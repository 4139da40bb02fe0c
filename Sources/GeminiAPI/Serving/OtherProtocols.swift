import HummingbirdCore
import Logging
import NIOCore

/// What is no HTTP/1 is told from a connection's first bytes, before the parser can only close it.
///
/// HTTP/2 without TLS, which gRPC and some proxies speak, gets an answer of HTTP/1.1: gRPC's libraries show that there is such a server, and people who look read why.
/// A TLS handshake at a plain port gets a line in the log, since its client could read nothing.
final class OtherProtocols: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private static let answer: String = {
        let text =
            "Castor speaks HTTP/1.1. Use it without prior knowledge of HTTP/2, and Google's older libraries with transport=\"rest\" in the place of gRPC.\n"
        return "HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: text/plain; charset=utf-8\r\n"
            + "Content-Length: \(text.utf8.count)\r\nConnection: close\r\n\r\n\(text)"
    }()

    private let logger: Logger
    private var held = ByteBuffer()

    init(_ logger: Logger) {
        self.logger = logger
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        held.writeBuffer(&bytes)
        let first = held.readableBytesView
        if first.starts(with: Self.preface) {
            logger.notice("a client speaks HTTP/2 without TLS; this server speaks HTTP/1.1")
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: Self.answer)), promise: nil)
            context.close(mode: .output, promise: nil)
            held.clear()
            return
        }
        // Not yet all of it.
        if Self.preface.starts(with: first) { return }
        if first.starts(with: [0x16, 0x03]) {
            logger.notice("a client speaks TLS; this port is plain HTTP")
        }
        pass(context)
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
