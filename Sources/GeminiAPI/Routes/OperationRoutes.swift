import Castor
import HTTPTypes
import Hummingbird
import NIOCore

/// For those who run the server.
enum OperationRoutes {
    static func add(to table: inout RouteTable) {
        table.on(.get, "/livez", versions: [.none], face: .operation, access: .open) { _ in plain("ok\n") }
        // The names that other embedding servers' health checks have.
        for path in ["/readyz", "/healthz", "/health"] {
            table.on(.get, path, versions: [.none], face: .operation, access: .open) { call in
                call.server.scheduler.isReady
                    ? plain("ok\n") : plain("the model is being loaded\n", status: .serviceUnavailable)
            }
        }
        table.on(.get, "/", versions: [.none], face: .operation, access: .open) { call in
            let isBrowser = call.headers[.accept]?.lowercased().contains("text/html") ?? false
            if call.server.options.index != nil, isBrowser { return SearchPage.index() }
            return plain(welcome(call.server))
        }
        table.on(.get, "/metrics", versions: [.none], face: .operation) { call in
            let scheduler = call.server.scheduler
            return plain(
                call.server.metrics.text(
                    waiting: Priority.allCases.map { ($0, scheduler.waitingContents($0)) },
                    isReady: scheduler.isReady),
                type: "text/plain; version=0.0.4; charset=utf-8")
        }
        table.on(.get, "/openapi.json", versions: [.none], face: .operation, access: .open) { call in
            Response(jsonBytes: OpenAPIDocument.json(Server.routes, version: call.server.options.programVersion))
        }
    }

    /// For somebody who opened the address that the program prints.
    private static func welcome(_ server: ServerCore) -> String {
        let embedder = server.scheduler.embedder
        return """
            Castor \(server.options.programVersion) embeds \(media(embedder)), as the hosted Gemini Embedding service does. Model: \(embedder.info.name).

            POST /v1beta/models/gemini-embedding-2:embedContent          one vector for one content
            POST /v1beta/models/gemini-embedding-2:batchEmbedContents    one vector for each request
            GET  /v1beta/models                                          names of the model
            POST /v1beta/openai/embeddings                               OpenAI's protocol
            POST /v1/publishers/google/models/{model}:predict            Vertex's
            GET  /readyz                                                 whether the model is loaded
            GET  /openapi.json                                           every route, with its bodies
            \(server.options.index == nil ? "" : search)
            """
    }

    private static let search = """
        POST /search/v1/query                                        what is alike in the index
        GET  /                                                       the same as a page, for browsers

        """

    /// What the model takes, as in `text, pictures and PDF`.
    private static func media(_ embedder: Embedder) -> String {
        let names: [(Usage.Modality, String)] = [
            (.text, "text"), (.image, "pictures"), (.audio, "sound"), (.video, "video"), (.document, "PDF"),
        ]
        let taken = names.filter { embedder.media.contains($0.0) }.map(\.1)
        guard let last = taken.last, taken.count > 1 else { return taken.first ?? "nothing" }
        return "\(taken.dropLast().joined(separator: ", ")) and \(last)"
    }

    private static func plain(
        _ text: String, status: HTTPResponse.Status = .ok, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(status: status, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
