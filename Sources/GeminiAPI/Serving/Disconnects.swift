import NIOCore
import Synchronization

/// Tells a request that its client is gone, so that its work can be dropped.
///
/// A client that closes its side while it waits for an answer is taken to be gone.
final class Disconnects: Sendable {
    private let watchers = Mutex<[ObjectIdentifier: @Sendable () -> Void]>([:])

    /// At most one watcher a connection: requests of one connection follow each other.
    func watch(_ channel: any Channel, _ onGone: @escaping @Sendable () -> Void) {
        watchers.withLock { $0[ObjectIdentifier(channel)] = onGone }
    }

    func forget(_ channel: any Channel) {
        watchers.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    fileprivate func gone(_ channel: any Channel) {
        watchers.withLock { $0.removeValue(forKey: ObjectIdentifier(channel)) }?()
    }

    /// For each connection's pipeline.
    final class Handler: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = Any

        private let disconnects: Disconnects

        init(_ disconnects: Disconnects) {
            self.disconnects = disconnects
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .inputClosed? = event as? ChannelEvent { disconnects.gone(context.channel) }
            context.fireUserInboundEventTriggered(event)
        }

        func channelInactive(context: ChannelHandlerContext) {
            disconnects.gone(context.channel)
            context.fireChannelInactive()
        }
    }
}
