package import Hummingbird
package import NIOCore

/// Hummingbird's context of one request, with the connection.
package struct APIContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    package let channel: any Channel

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}
