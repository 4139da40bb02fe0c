import GeminiAPI
import HTTPTypes
import Hummingbird
import NIOCore
import Testing

/// Whom a server without keys answers: not a page on the web that gave its own name this machine's address.
@Suite struct HostCheckTests {
    private static func get(_ client: Client, _ path: String, host: String?) async throws -> Reply {
        try await client.exchange(HTTPRequest(method: .get, scheme: "http", authority: host, path: path), nil)
    }

    @Test(arguments: Transport.allCases) func otherNamesAreRefusedOnEveryRoute(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            for route in client.server.table.routes {
                let path = route.template.replacing("{", with: "").replacing("}", with: "")
                let reply = try await client.exchange(
                    HTTPRequest(method: route.method, scheme: "http", authority: "evil.example", path: path), nil)
                #expect(reply.status == 403, "\(route.method) \(route.template)")
            }
            let reply = try await Self.get(client, "/v1/models", host: "evil.example:8080")
            try reply.expectError(
                403, "PERMISSION_DENIED",
                """
                The server does not answer to the host evil.example, because it needs no key and web pages could use it under such \
                a name. Start it with --allowed-host evil.example, or with --api-key.
                """)
            // Not even that it is here.
            let page = try await Self.get(client, "/", host: "evil.example")
            #expect(page.status == 403)
        }
    }

    @Test(arguments: [
        "localhost", "LocalHost.", "localhost:8080", "127.0.0.1", "127.0.0.1:8080", "127.1.2.3", "[::1]", "[::1]:8080",
        "[0:0:0:0:0:0:0:1]:80", "[::ffff:127.0.0.1]", "castor.localhost:1", "box.example", "BOX.example:443",
        "10.0.0.7:8080", "",
    ]) func thisMachinesNamesAreTaken(host: String) async throws {
        try await TestServer.with {
            $0.host = "10.0.0.7"
            $0.allowedHosts = ["box.example"]
        } _: { client in
            let reply = try await Self.get(client, "/v1/models", host: host)
            #expect(reply.status == 200)
        }
    }

    @Test(arguments: [
        "evil.example", "localhost.evil.example", "notlocalhost", "127.0.0.1.evil.example", "127.0.0.1.nip.io:80",
        "10.0.0.8", "[fe80::1]", "evil.example:8080:localhost", "localhost@evil.example", "localhost:80@evil.example",
        "localhost:８０", "box.example.evil", "[::1",
        "[::1].evil.example", "[::1]evil.example", "[::1]:80.evil.example",
    ]) func othersAreNot(host: String) async throws {
        try await TestServer.with {
            $0.host = "10.0.0.7"
            $0.allowedHosts = ["box.example"]
        } _: { client in
            let reply = try await Self.get(client, "/v1/models", host: host)
            #expect(reply.status == 403)
        }
    }

    @Test func keysAndAStarAnswerToAnyName() async throws {
        try await TestServer.with {
            $0.apiKeys = ["k"]
        } _: { client in
            let keyed = try await Self.get(client, "/v1/models?key=k", host: "evil.example")
            #expect(keyed.status == 200)
            let reply = try await Self.get(client, "/v1/models", host: "evil.example")
            #expect(reply.status == 403)
        }
        try await TestServer.with {
            $0.allowedHosts = ["*"]
        } _: { client in
            let reply = try await Self.get(client, "/v1/models", host: "evil.example")
            #expect(reply.status == 200)
        }
    }

    /// A server at all addresses answers to the one that a connection came to.
    @Test(arguments: [
        ("192.168.1.5:80", "192.168.1.5", true), ("[fd00::5]", "fd00:0::5", true),
        ("192.168.1.5", "::ffff:192.168.1.5", true), ("192.168.1.6", "192.168.1.5", false),
    ]) func theConnectionsOwnAddressIsTaken(host: String, address: String, isTaken: Bool) throws {
        var options = ServerOptions()
        options.host = "0.0.0.0"
        let head = HTTPRequest(method: .get, scheme: "http", authority: host, path: "/")
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer()))
        let local = try SocketAddress(ipAddress: address, port: 80)
        if isTaken {
            try HostCheck(options).check(request, at: local)
        } else {
            #expect(throws: APIError.self) { try HostCheck(options).check(request, at: local) }
        }
    }

    private static func send(_ client: Client, _ method: HTTPRequest.Method, _ path: String, origin: String)
        async throws -> Reply
    {
        var head = HTTPRequest(method: method, scheme: "http", authority: "localhost:8080", path: path)
        head.headerFields[.origin] = origin
        head.headerFields[.contentType] = "text/plain"
        guard method != .get else { return try await client.exchange(head, nil) }
        let body = Array(#"{"content":{"parts":[{"text":"x"}]}}"#.utf8)
        head.headerFields[.contentLength] = "\(body.count)"
        return try await client.exchange(head, body)
    }

    /// A form of any page can send a text to this machine: files would be stored and jobs started.
    @Test(arguments: Transport.allCases) func pagesOfOtherOriginsChangeNothing(_ transport: Transport) async throws {
        let path = "/v1beta/models/gemini-embedding-2:embedContent"
        try await TestServer.with(transport) { client in
            for origin in [
                "https://evil.example", "null", "http://localhost:3000", "http://localhost", "localhost:8080", "",
            ] {
                for route in client.server.table.routes where ![.get, .head, .options].contains(route.method) {
                    let path = route.template.replacing("{", with: "").replacing("}", with: "")
                    let reply = try await Self.send(client, route.method, path, origin: origin)
                    #expect(reply.status == 403, "\(origin) \(route.method) \(route.template): \(reply.text)")
                }
                #expect(try await Self.send(client, .get, "/v1/models", origin: origin).status == 200)
            }
            try await Self.send(client, .post, path, origin: "https://evil.example").expectError(
                403, "PERMISSION_DENIED",
                """
                The server takes nothing from a web page of https://evil.example, because it needs no key and any page could use it. Start it \
                with --cors-origin https://evil.example, or with --api-key.
                """)
            #expect(try await Self.send(client, .post, path, origin: "http://localhost:8080").status == 200)
        }
        try await TestServer.with(transport) {
            $0.corsOrigins = ["https://page.example"]
        } _: { client in
            let named = try await Self.send(client, .post, path, origin: "https://page.example")
            let other = try await Self.send(client, .post, path, origin: "https://page.example.evil")
            #expect(named.status == 200 && other.status == 403)
        }
        try await TestServer.with(transport) {
            $0.apiKeys = ["k"]
        } _: { client in
            let reply = try await Self.send(client, .post, "\(path)?key=k", origin: "https://evil.example")
            #expect(reply.status == 200)
        }
    }

    /// Whichever is meant, another server on the way may have meant the other one.
    @Test func severalHostsAreRefused() async throws {
        try await TestServer.with(.socket) { client in
            var fields = HTTPFields()
            fields[HTTPField.Name("host")!] = "localhost"
            let reply = try await client.get("/v1/models", headers: fields)
            try reply.expectError(400, "INVALID_ARGUMENT", "The request has more than one Host header.")
        }
    }
}
