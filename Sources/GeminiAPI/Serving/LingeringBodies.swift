package import NIOCore
package import NIOHTTPTypes

/// Ends connections whose clients have their answer and still send a body, which is read and dropped: an answer before a body's end is an error that
/// the client should hear, but it need not be heard for ever.
package final class LingeringBodies: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = HTTPRequestPart
    package typealias OutboundIn = HTTPResponsePart

    private let time: TimeAmount
    private var isBodyOpen = false
    /// A client may send its next request before it has the answer to the last.
    private var (requests, answers) = (0, 0)
    private var timer: Scheduled<Void>?

    /// - Parameter seconds: for the rest of a body
    package init(seconds: Int) {
        time = .seconds(Int64(seconds))
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            requests += 1
            isBodyOpen = true
        case .body: break
        case .end:
            isBodyOpen = false
            timer?.cancel()
            timer = nil
        }
        context.fireChannelRead(data)
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            answers += 1
            if answers == requests, isBodyOpen {
                let channel = context.channel
                timer = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
            }
        }
        context.write(data, promise: promise)
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }
}
