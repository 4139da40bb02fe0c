import GeminiAPI
import TestSupport
import Testing

/// `/search/v1/problems`.
@Suite struct ProblemTests {
    @Test func filesAreListedWithTheirReasons() async throws {
        try await TestIndex.with {
            try $0.write("", "empty.txt")
            try $0.write("\u{89}PNG\r\n\u{1A}\n", "broken.png")
        } _: { index in
            let opened = try index.opened()
            try await TestServer.with {
                $0.index = opened
            } _: { client in
                let reply = try await client.get("/search/v1/problems").json
                let schemas = try await client.get("/openapi.json").json["components"]["schemas"]
                try OpenAPITests.check(reply, schemas["SearchProblems"], schemas)
                let empty = try #require(
                    try reply["problems"].array.first { try $0["path"].string.hasSuffix("/files/empty.txt") })
                #expect(try empty["reason"].string == "empty" && empty["detail"].string == "no bytes")
                let count = try reply["total"].int
                #expect(try count == reply["problems"].array.count)
                let statistics = try await client.get("/search/v1/index").json
                #expect(try statistics["problems"].int == count)
                #expect(try reply["index"].string == index.path)
            }
        }
    }

    @Test func withoutAnIndexThereAreNone() async throws {
        try await TestServer.with { client in
            try await client.get("/search/v1/problems").expectError(501, "UNIMPLEMENTED")
        }
    }
}
