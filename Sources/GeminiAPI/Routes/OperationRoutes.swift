import HTTPTypes
import Hummingbird
import NIOCore

/// For those who run the server.
enum OperationRoutes {
    static func add(to table: inout RouteTable) {
        table.on(.get, "/livez", versions: [.none], face: .operation, access: .open) { _ in plain("ok\n") }
        table.on(.get, "/readyz", versions: [.none], face: .operation, access: .open) { call in
            call.server.scheduler.isReady
                ? plain("ok\n") : plain("the model is being loaded\n", status: .serviceUnavailable)
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

    private static func plain(
        _ text: String, status: HTTPResponse.Status = .ok, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(status: status, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
