package import Castor
import Glibc
package import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

/// The server as a whole.
package struct Server: Sendable {
    package let core: ServerCore
    package let table: RouteTable

    package init(embedder: Embedder, options: ServerOptions, logger: Logger) {
        core = ServerCore(embedder: embedder, options: options, logger: logger)
        table = Self.routes
    }

    /// Every route.
    package static let routes: RouteTable = {
        var table = RouteTable()
        EmbedRoutes.add(to: &table)
        CountTokensRoutes.add(to: &table)
        ModelRoutes.add(to: &table)
        OpenAIRoutes.add(to: &table)
        VertexRoutes.add(to: &table)
        FileRoutes.add(to: &table)
        BatchRoutes.add(to: &table)
        OperationRoutes.add(to: &table)
        return table
    }()

    /// For Hummingbird to run, or to test in process.
    package func application(
        onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) throws -> some ApplicationProtocol {
        let options = core.options
        var headers = HTTP1Channel.Configuration.DecoderConfiguration()
        headers.maxHeaderFieldSize = options.limits.maxHeaderBytes
        headers.maxHeaderListSize = options.limits.maxHeaderBytes
        headers.maxHeaderFieldCount = 100
        let disconnects = core.disconnects
        let idleSeconds = options.limits.idleSeconds
        let configuration = HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                Disconnects.Handler(disconnects), ContinueHandler(), LingeringBodies(seconds: idleSeconds),
            ], idleTimeout: .seconds(Int64(idleSeconds)), httpDecoderConfiguration: headers)
        let http = HTTPServerBuilder { responder in
            GuardedChannel(base: HTTP1Channel(responder: responder, configuration: configuration))
        }
        return Application(
            responder: APIResponder(server: core, table: table),
            server: try TLSFiles(options)?.wrap(http) ?? http,
            configuration: ApplicationConfiguration(
                address: .hostname(options.host, port: options.port), serverName: "castor",
                availableConnectionsDelegate: MaximumAvailableConnections(options.limits.maxConnections)),
            services: [CoreService(core: core)],
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? options.port) },
            logger: core.logger)
    }

    /// Listens until SIGTERM or SIGINT, then lets requests end.
    package func run(onListening: @escaping @Sendable (_ port: Int) async -> Void) async throws {
        OpenFiles.raiseLimit()
        let application = try application(onListening: onListening)
        var configuration = ServiceGroupConfiguration(
            services: [application], gracefulShutdownSignals: [.sigterm, .sigint], logger: core.logger)
        configuration.maximumGracefulShutdownDuration = .seconds(core.options.limits.drainSeconds)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as IOError {
            throw StartupFailure(error, core.options)
        }
    }
}

/// The scheduler's threads live as long as the server listens.
private struct CoreService: Service {
    let core: ServerCore

    func run() async throws {
        core.start()
        await cancelWhenGracefulShutdown {
            while !core.scheduler.hasStarted, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
        }
        if let reason = core.scheduler.startupFailure {
            await core.stop()
            throw StartupFailure(description: reason)
        }
        let background = Task { await StateWork(server: core).run() }
        try? await gracefulShutdown()
        background.cancel()
        await background.value
        await core.stop()
    }
}

/// Why the server does not listen.
struct StartupFailure: Error, CustomStringConvertible {
    let description: String

    init(description: String) {
        self.description = description
    }

    /// What a person can do about a port or an address that cannot be had.
    init(_ error: IOError, _ options: ServerOptions) {
        description =
            switch error.errnoCode {
            case EADDRINUSE: "port \(options.port) of \(options.host) is in use; choose another with --port"
            case EACCES, EPERM:
                "port \(options.port) is for privileged programs alone; choose one above 1023 with --port"
            case EADDRNOTAVAIL: "\(options.host) is no address of this machine; choose another with --host"
            default: error.description
            }
    }
}
