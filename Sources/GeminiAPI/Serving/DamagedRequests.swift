import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Answers what the parser refuses, with the reason: a client could only guess at a connection that closes.
final class DamagedRequests: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    static let maxHeaderFields = 100

    private let maxHeaderBytes: Int
    private let logger: Logger
    /// Requests whose answer is not complete.
    private var pending = 0
    /// Nothing that still comes is looked at.
    private var isOver = false

    init(maxHeaderBytes: Int, logger: Logger) {
        self.maxHeaderBytes = maxHeaderBytes
        self.logger = logger
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        if case .head = unwrapInboundIn(data) { pending += 1 }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { pending -= 1 }
        context.write(data, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isOver else { return }
        guard let reason = error as? HTTPParserError, pending == 0 else { return context.fireErrorCaught(error) }
        isOver = true
        logger.notice("a request that is no HTTP", metadata: ["reason": "\(reason)"])
        let body = message(reason).body(inList: false)
        let head = HTTPResponse(
            status: .badRequest,
            headerFields: [
                .contentType: "application/json; charset=UTF-8", .contentLength: "\(body.count)", .connection: "close",
            ])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(ByteBuffer(bytes: body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        // Not all of it: a client that still sends would be cut off from the answer.
        context.close(mode: .output, promise: nil)
    }

    private func message(_ error: HTTPParserError) -> APIError {
        guard case .headerOverflow = error else { return .invalid("The request is no valid HTTP/1.1: \(error).") }
        return .invalid(
            "The request's headers are too large: at most \(maxHeaderBytes) bytes in \(Self.maxHeaderFields) fields are read."
        )
    }
}
