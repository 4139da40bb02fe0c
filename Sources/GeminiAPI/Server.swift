package import Castor
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
        SearchRoutes.add(to: &table)
        ProblemRoutes.add(to: &table)
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
        headers.maxHeaderFieldCount = DamagedRequests.maxHeaderFields
        let (disconnects, logger) = (core.disconnects, core.logger)
        let idleSeconds = options.limits.idleSeconds
        let configuration = HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                DamagedRequests(maxHeaderBytes: options.limits.maxHeaderBytes, logger: logger),
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

    /// To be asked before there is a server: whether the machine has room for it.
    package static func checkRoom(for embedder: Embedder, _ options: ServerOptions) throws(StartupFailure) {
        // It loads the libraries of media, some 100 MB of address space, as the server will.
        _ = embedder.info
        try ThreadRoom.check(options)
    }

    /// Listens until SIGTERM or SIGINT, then lets requests end. Those that have not ended when the time is up, or when a second signal comes,
    /// are answered with 503.
    package func run(onListening: @escaping @Sendable (_ port: Int) async -> Void) async throws {
        OpenFiles.raiseLimit()
        let application = try application(onListening: onListening)
        var configuration = ServiceGroupConfiguration(
            services: [application, DrainService(core: core)], gracefulShutdownSignals: [.sigterm, .sigint],
            logger: core.logger)
        configuration.maximumGracefulShutdownDuration = .seconds(
            core.options.limits.drainSeconds + Self.secondsToAnswer)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as IOError {
            throw StartupFailure(error, core.options)
        } catch is SocketAddressError.UnknownHost {
            throw StartupFailure(unknownHost: core.options.host)
        }
    }

    /// For clients to take the last answers.
    private static let secondsToAnswer = 5
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
            throw reason
        }
        let background = Task { await StateWork(server: core).run() }
        try? await gracefulShutdown()
        background.cancel()
        await background.value
        await core.stop()
    }
}

/// Ends the requests that take longer than the server waits for them. Told of the end before the server is, it does not hold it up.
private struct DrainService: Service {
    let core: ServerCore

    func run() async throws {
        guard (try? await gracefulShutdown()) != nil else { return }
        // Caught from now on, before the server stops to listen.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        Task {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await Task.sleep(for: .seconds(core.options.limits.drainSeconds)) }
                group.addTask { for await _ in signals { break } }
                await group.next()
                core.endRequests()
                group.cancelAll()
            }
        }
    }
}
