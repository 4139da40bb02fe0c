import GeminiAPI
import HTTPTypes
import Testing

/// What is said of paths that are not served, and at the address that the program prints.
@Suite struct UnknownPathTests {
    private static func message(_ reply: Reply) throws -> String {
        let json = try reply.json
        return try (json.value is [Any] ? json[0] : json)["error"]["message"].string
    }

    @Test(arguments: Transport.allCases)
    func theAddressItselfListsWhatIsServed(_ transport: Transport) async throws {
        try await TestServer.with(transport) {
            $0.apiKeys = ["k"]
        } _: { client in
            let reply = try await client.get("/")
            #expect(reply.status == 200)
            #expect(reply.headers[.contentType] == "text/plain; charset=utf-8")
            #expect(reply.text.contains("castor-nano"))
            // Whatever it names is there.
            let templates = Set(client.server.table.routes.map(\.template))
            let lines = reply.text.split(separator: "\n").filter { $0.hasPrefix("POST") || $0.hasPrefix("GET") }
            #expect(lines.count >= 6)
            for line in lines {
                let path = line.split(separator: " ")[1].replacing("gemini-embedding-2", with: "{model}")
                #expect(templates.contains(String(path)), "\(line)")
            }
        }
    }

    @Test func healthChecksOfOtherServersAreAnswered() async throws {
        try await TestServer.with { client in
            while try await client.get("/readyz").status != 200 { try await Task.sleep(for: .milliseconds(5)) }
            for path in ["/health", "/healthz"] { #expect(try await client.get(path).status == 200) }
        }
    }

    @Test(arguments: Transport.allCases)
    func headIsGetWithoutABody(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            for path in ["/", "/v1beta/models", "/livez", "/v1beta/models/gemini-embedding-2"] {
                let get = try await client.get(path)
                let head = try await client.send(.head, path)
                #expect(head.status == get.status)
                #expect(head.body.isEmpty)
                #expect(head.headers[.contentLength] == "\(get.body.count)", "\(path)")
                #expect(head.headers[.contentType] == get.headers[.contentType])
            }
            let missing = try await client.send(.head, "/nothing")
            #expect(missing.status == 404)
            #expect(missing.body.isEmpty)
            // The connection goes on after an answer whose body was left out.
            #expect(try await client.get("/livez").status == 200)
        }
    }

    @Test(arguments: [
        ("POST", "/v1beta/models/gemini-embedding-2:batchEmbedContent", ":batchEmbedContents"),
        ("POST", "/v1beta/models/gemini-embedding-2:embedContents", ":embedContent"),
        ("POST", "/v1beta/models/gemini-embedding-2:embedcontent", ":embedContent"),
        ("POST", "/v1beta/models/models/gemini-embedding-2:embedContent", "/v1beta/models/gemini-embedding-2:embed"),
        ("POST", "/v1beta/v1beta/models/gemini-embedding-2:embedContent", "/v1beta/models/gemini-embedding-2:embed"),
        ("POST", "/v1beta/model/gemini-embedding-2:embedContent", "/v1beta/models/gemini-embedding-2:embedContent"),
        ("POST", "/v1beta/openai/embedding", "/v1beta/openai/embeddings"),
        ("POST", "/v1beta/openai/v1/embeddings", "/v1beta/openai/embeddings"),
        ("POST", "/embeddings", "/v1/embeddings"), ("GET", "/v1beta/modles", "/v1beta/models"),
        ("POST", "/upload/v1beta/file", "/upload/v1beta/files"),
    ])
    func aNearMissIsToldWhatWasMeant(_ method: String, _ path: String, _ meant: String) async throws {
        try await TestServer.with { client in
            let reply = try await client.send(try #require(HTTPRequest.Method(rawValue: method)), path, "{}")
            #expect(reply.status == 404)
            let message = try Self.message(reply)
            #expect(message.contains("Did you mean /") && message.contains(meant), "\(message)")
        }
    }

    @Test func whatIsFarFromEverythingIsNotGuessed() async throws {
        try await TestServer.with { client in
            for path in [
                "/favicon.ico", "/v1/something/else", "/%FF%00", "/" + String(repeating: "a/", count: 2_000),
                "/v1beta/models/gemini-embedding-2:sing", "/" + String(repeating: "models/", count: 40),
            ] {
                let reply = try await client.get(path)
                #expect(reply.status == 404, "\(path.prefix(40))")
                #expect(try !Self.message(reply).contains("Did you mean"), "\(path.prefix(40)): \(reply.text)")
            }
        }
    }

    @Test func anotherMethodIsNotAllowed() async throws {
        try await TestServer.with { client in
            for (method, path, allowed) in [
                (HTTPRequest.Method.get, "/v1beta/models/gemini-embedding-2:embedContent", "POST"),
                (.delete, "/v1/models", "GET"), (.post, "/v1/models/gemini-embedding-2", "GET"),
                (.put, "/v1beta/files/a", "DELETE, GET"),
            ] {
                let reply = try await client.send(method, path, "{}")
                try reply.expectError(405, "METHOD_NOT_ALLOWED")
                let allow = try #require(reply.headers[.allow])
                #expect(allow.split(separator: ", ").sorted().joined(separator: ", ") == allowed)
                #expect(try reply.message.hasPrefix("\(method.rawValue) is not served at this path"))
            }
            let page: HTTPFields = [.origin: "https://page.example", .accessControlRequestMethod: "POST"]
            let preflight = try await client.send(
                .options, "/v1beta/models/gemini-embedding-2:embedContent", headers: page)
            #expect(try preflight.message.contains("--cors-origin"))
        }
    }

    @Test func generationIsRefusedInPlainWords() async throws {
        try await TestServer.with { client in
            let sentence = "Castor embeds; it does not generate."
            for (path, method) in [
                ("/v1beta/models/gemini-2.5-flash:generateContent", "generateContent"),
                ("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", "streamGenerateContent"),
                ("/v1/publishers/google/models/gemini-2.5-flash:generateContent", "generateContent"),
            ] {
                let reply = try await client.post(path, "{}")
                try reply.expectError(404, "NOT_FOUND")
                let message = try reply.message
                // First in the service's words.
                #expect(message.hasPrefix("models/gemini-2.5-flash is not found for API version v1"), "\(message)")
                #expect(message.contains("not supported for \(method). Call ListModels") && message.contains(sentence))
            }
            for path in ["/v1beta/openai/chat/completions", "/v1/chat/completions", "/v1/responses", "/api/chat"] {
                let reply = try await client.post(path, "{}")
                #expect(reply.status == 404)
                #expect(try reply.json[0]["error"]["message"].string.hasPrefix(sentence), "\(path)")
            }
        }
    }

    /// A name that is nearly one of ours, on every face.
    @Test(arguments: Transport.allCases) func misspelledModelsAreGuessed(_ transport: Transport) async throws {
        let name = "gemini-embeding-2"
        let body = #"{"content":{"parts":[{"text":"hi"}]}}"#
        let gemini = "Did you mean models/gemini-embedding-2?"
        let vertex = "Did you mean publishers/google/models/gemini-embedding-2?"
        let publisher = "/v1/projects/p/locations/l/publishers/google/models/\(name)"
        try await TestServer.with(transport) { client in
            for (method, path, body, hint) in [
                (.post, "/v1beta/models/\(name):embedContent", body, gemini),
                (.post, "/v1beta/models/\(name):batchEmbedContents", #"{"requests":[\#(body)]}"#, gemini),
                (.post, "/v1beta/models/\(name):countTokens", body, gemini),
                (.post, "/v1beta/models/\(name):asyncBatchEmbedContent", "{}", gemini),
                (.get, "/v1beta/models/\(name)", nil, gemini),
                (.post, "/v1beta/openai/embeddings", #"{"model":"models/\#(name)","input":"hi"}"#, gemini),
                (.get, "/v1beta/openai/models/\(name)", nil, gemini),
                (.get, "/v1beta/openai/models/models/\(name)", nil, gemini),
                (.get, publisher, nil, vertex),
                (.post, "\(publisher):predict", #"{"instances":[{"content":"hi"}]}"#, gemini),
                (.post, "\(publisher):embedContent", body, gemini),
            ] as [(HTTPRequest.Method, String, String?, String)] {
                let reply = try await client.send(method, path, body)
                #expect(reply.status == 404, "\(path)")
                #expect(try Self.message(reply).hasSuffix(hint), "\(path): \(reply.text)")
            }
            for far in ["gpt-5", "embedding", String(repeating: "gemini-embedding-2", count: 100)] {
                let reply = try await client.get("/v1beta/models/\(far)")
                #expect(reply.status == 404)
                #expect(try !Self.message(reply).contains("mean"))
            }
        }
    }

    @Test func whereFilesAreUploadedIsSaid() async throws {
        try await TestServer.with { client in
            let start = HTTPField.Name("x-goog-upload-protocol")!
            for (body, headers) in [
                ("the file's own bytes", [:]), ("{}", [:]),
                (#"{"file":{"mimeType":"text/plain"}}"#, [start: "resumable"]),
            ] as [(String, HTTPFields)] {
                let reply = try await client.post("/v1beta/files", body, headers: headers)
                #expect(reply.status == 400)
                #expect(
                    try Self.message(reply).hasSuffix(" The bytes of a file go to /upload/v1beta/files."),
                    "\(reply.text)")
            }
        }
    }
}
