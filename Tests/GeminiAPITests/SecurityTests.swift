import GeminiAPI
import HTTPTypes
import TestSupport
import Testing

/// Who is let in, and what browsers are told.
@Suite struct SecurityTests {
    private static let googleKey = HTTPField.Name("x-goog-api-key")!

    @Test(arguments: Transport.allCases)
    func keysAreTakenFromHeaderBearerAndQuery(_ transport: Transport) async throws {
        try await TestServer.with(transport) {
            $0.apiKeys = ["first", "second"]
        } _: { client in
            let path = "/v1/models/gemini-embedding-2:embedContent"
            let body = ErrorTests.hello
            for headers: HTTPFields in [
                [Self.googleKey: "first"], [Self.googleKey: "second"], [.authorization: "Bearer second"],
                [.authorization: "bearer first"],
            ] {
                #expect(try await client.post(path, body, headers: headers).status == 200)
            }
            #expect(try await client.post("\(path)?key=second", body).status == 200)
            #expect(try await client.post("\(path)?key=%73econd", body).status == 200)

            try await client.post(path, body).expectError(
                403, "PERMISSION_DENIED",
                "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or "
                    + "other form of API consumer identity to call this API.")
            for wrong in ["firs", "firstx", "FIRST", "first second", "é"] {
                let reply = try await client.post(path, body, headers: [Self.googleKey: wrong])
                try reply.expectError(
                    400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
                let details = try reply.json["error"]["details"].array
                #expect(try details[0]["reason"].string == "API_KEY_INVALID")
                #expect(try details[0]["metadata"]["service"].string == "generativelanguage.googleapis.com")
                #expect(try details[1]["locale"].string == "en-US")
                #expect(!reply.text.contains("first"))
            }
            let openAI = try await client.post("/v1beta/openai/embeddings", "{}")
            #expect(try openAI.json[0]["error"]["code"].int == 403)
        }
    }

    /// An upload's own address is its key; an item's file has a ticket, and the page itself is no secret.
    private static let openRoutes: Set<String> = [
        "GET /", "GET /livez", "GET /readyz", "GET /health", "GET /healthz", "GET /openapi.json",
        "POST /upload/files", "POST /upload/v1/files", "POST /upload/v1beta/files", "POST /upload/v1alpha/files",
        "PUT /upload/files", "PUT /upload/v1/files", "PUT /upload/v1beta/files", "PUT /upload/v1alpha/files",
        "GET /search/v1/items/{item}:download", "GET /search/v1/items/{item}:thumbnail",
        "GET /search/v1/items/{item}:text", "GET /search/page/{file}",
    ]

    @Test func everyRouteButTheOpenOnesAsksForAKey() async throws {
        try await TestServer.with {
            $0.apiKeys = ["k"]
        } _: { client in
            for route in client.server.table.routes where route.access == .key {
                let path = route.template.replacing("{", with: "").replacing("}", with: "")
                let reply = try await client.send(route.method, path, "{}")
                #expect(reply.status == 403, "\(route.method) \(route.template)")
            }
            // Word for word: a route that is open by mistake is another one.
            let open = client.server.table.routes.filter { $0.access == .open }.map { "\($0.method) \($0.template)" }
            #expect(Set(open) == Self.openRoutes)
        }
    }

    @Test func withoutKeysEverybodyIsLetIn() async throws {
        try await TestServer.with { client in
            let bare = try await client.embed(ErrorTests.hello)
            #expect(bare.status == 200)
            let keyed = try await client.post(
                "/v1/models/gemini-embedding-2:embedContent", ErrorTests.hello, headers: [Self.googleKey: "any"])
            #expect(keyed.status == 200)
        }
    }

    @Test func aKeyRingComparesWholeKeys() {
        let ring = KeyRing(["alpha", "beta"])
        for (key, isIn) in [("alpha", true), ("beta", true), ("alph", false), ("alphaa", false), ("", false)] {
            #expect(ring.contains(key) == isIn, "\(key)")
        }
        #expect(KeyRing([]).isEmpty)
    }

    @Test func pagesOfOtherOriginsAreToldNothingByDefault() async throws {
        let origin: HTTPFields = [.origin: "https://page.example", .accessControlRequestMethod: "POST"]
        try await TestServer.with { client in
            let reply = try await client.send(.options, "/v1/models", headers: origin)
            #expect(reply.status == 405)
            #expect(reply.headers[.accessControlAllowOrigin] == nil)
            #expect(try await client.get("/v1/models", headers: origin).headers[.accessControlAllowOrigin] == nil)
        }
        try await TestServer.with {
            $0.corsOrigins = ["https://page.example"]
        } _: { client in
            let reply = try await client.send(.options, "/v1/models", headers: origin)
            #expect(reply.status == 204)
            #expect(reply.headers[.accessControlAllowOrigin] == "https://page.example")
            let other = try await client.get("/v1/models", headers: [.origin: "https://other.example"])
            #expect(other.headers[.accessControlAllowOrigin] == nil)
        }
    }
}
