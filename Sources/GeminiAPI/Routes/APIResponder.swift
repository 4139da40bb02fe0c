import HTTPTypes
package import Hummingbird
import Logging

/// The outermost layer: what holds for every request, whatever its route.
package struct APIResponder: HTTPResponder {
    package typealias Context = APIContext

    private let server: ServerCore
    private let router: RouterResponder<APIContext>
    private let hosts: HostCheck
    private let cors: CORS
    private let compression: ReplyCompression
    private let unknownPath: UnknownPath

    package init(server: ServerCore, table: RouteTable) {
        self.server = server
        hosts = HostCheck(server.options)
        cors = CORS(origins: server.options.corsOrigins)
        compression = ReplyCompression(replies: server.options.compressedReplies)
        unknownPath = UnknownPath(table)
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        for route in table.routes {
            router.on(
                RouterPath(route.template), method: route.method, responder: Endpoint(route: route, server: server))
        }
        self.router = router.buildResponder()
    }

    package func respond(to request: Request, context: APIContext) async throws -> Response {
        let start = Nanoseconds.now
        let request = request.withPlainColons
        var response: Response
        let isMeant = Result { () throws(APIError) in
            try HostCheck.refuseSeveral(request)
            try hosts.check(request, at: context.channel.localAddress)
            try hosts.checkOrigin(request)
        }
        if case .failure(let error) = isMeant {
            response = Self.answer(error, to: request, logger: server.logger)
        } else if let preflight = cors.preflight(request) {
            response = preflight
        } else {
            do {
                response = try await router.respond(to: request, context: context)
                // Hummingbird has answered already, in its own form.
                if context.endpointPath == "NotFound" { response = unknownPath.answer(request) }
                response = try await compression.apply(to: response, for: request, on: context.channel, server)
            } catch {
                response = Self.answer(error, to: request, logger: server.logger)
            }
            cors.mark(&response, for: request)
            if request.method == .head { response = response.createHeadResponse() }
        }
        let seconds = Double(Nanoseconds.now - start) / 1e9
        let route = context.endpointPath ?? "none"
        let method = HTTPRequest.Method.known.contains(request.method) ? request.method.rawValue : "other"
        server.metrics.request(method: method, route: route, status: response.status.code, seconds: seconds)
        server.logger.info(
            "request",
            metadata: [
                "id": "\(context.id)", "method": "\(method)", "route": "\(route)",
                "status": "\(response.status.code)", "ms": "\((seconds * 10_000).rounded() / 10)",
            ])
        return response
    }

    private static func answer(_ error: any Error, to request: Request, logger: Logger) -> Response {
        let apiError: APIError
        switch error {
        case let error as APIError: apiError = error
        case is CancellationError: apiError = .cancelled
        default:
            // Types only: a description may quote what a client sent.
            logger.error("unexpected error", metadata: ["type": "\(type(of: error))"])
            apiError = APIError(.internal, "Internal error encountered.")
        }
        return Response(apiError, inList: request.uri.path.isOpenAI)
    }
}

/// One route at work.
struct Endpoint: HTTPResponder {
    typealias Context = APIContext

    let route: RouteTable.Route
    let server: ServerCore

    func respond(to request: Request, context: APIContext) async throws -> Response {
        let lease = BodyLease(server.bodies)
        defer { lease.release() }
        do {
            if route.access == .key { try server.keys.check(request) }
            let deadline = Deadline(seconds: try seconds(of: request), on: context.channel.eventLoop)
            let call = APIRequest(
                request: request, context: context, route: route, server: server, lease: lease, deadline: deadline)
            return try await server.supervised(on: context.channel, deadline) { [handler = route.handler] in
                try await handler(call)
            }
        } catch let error as APIError {
            return Response(error, inList: route.face == .openAI)
        }
    }

    /// What the client grants, if that is less than the server does.
    private func seconds(of request: Request) throws(APIError) -> Int? {
        let limit = route.hasTimeLimit ? server.options.limits.requestSeconds : nil
        guard let wanted = request.headers[.serverTimeout] else { return limit }
        guard let seconds = Double(wanted), seconds.isFinite, seconds >= 0 else {
            throw .invalid("X-Server-Timeout must be a number of seconds, not \(wanted.shortened).")
        }
        return min(max(1, Int(min(seconds, 1e6).rounded(.up))), limit ?? Int.max)
    }
}

extension String {
    /// Whether a path belongs to the OpenAI face, whose errors come in a list.
    var isOpenAI: Bool { contains("/openai/") || hasSuffix("/v1/embeddings") }
}

extension HTTPRequest.Method {
    /// Others are counted together: a client could make up any number.
    fileprivate static let known: Set<HTTPRequest.Method> = [.get, .head, .post, .put, .patch, .delete, .options]
}

extension Request {
    /// Some clients escape the colon before a method's name.
    fileprivate var withPlainColons: Request {
        guard let path = head.path, path.contains("%3") else { return self }
        let end = path.firstIndex(of: "?") ?? path.endIndex
        let plain = String(path[..<end]).replacing("%3A", with: ":").replacing("%3a", with: ":")
        var head = self.head
        head.path = plain + String(path[end...])
        return Request(head: head, body: body)
    }
}
