import TestSupport
import Testing

/// What a body may hold, met while it is read, on every route.
@Suite struct BoundsTests {
    private static let predict = "/v1beta1/publishers/google/models/gemini-embedding-2:predict"

    /// What is said of a request that is refused; in a list on OpenAI's face.
    private static func refusal(_ client: Client, _ path: String, _ body: String) async throws -> String {
        let reply = try await client.post(path, body)
        #expect(reply.status == 400)
        let error = path.contains("/openai/") ? try reply.json[0]["error"] : try reply.json["error"]
        #expect(try error["status"].string == "INVALID_ARGUMENT")
        return try error["message"].string
    }

    /// The bound is met while the values are read: what comes behind, which is no JSON, is not looked at.
    @Test func valuesAreCountedWhileTheyAreRead() async throws {
        try await FileRouteTests.withFiles { client in
            let many = String(repeating: "[],", count: 2_000_000) + "%"
            let models = "/v1/models/gemini-embedding-2"
            for (path, body) in [
                ("\(models):embedContent", #"{"content":{"parts":[{"partMetadata":[\#(many)"#),
                ("\(models):countTokens", #"{"tools":[\#(many)"#),
                ("\(models):asyncBatchEmbedContent", #"{"batch":{"inputConfig":{"requests":{"output":[\#(many)"#),
                ("/v1/openai/embeddings", #"{"model":"m","input":[\#(many)"#),
                (Self.predict, #"{"labels":[\#(many)"#), ("/v1/files", #"{"file":{"error":[\#(many)"#),
            ] {
                let message = try await Self.refusal(client, path, body)
                #expect(message.contains("it has more than 2000000 values"), "\(path)")
            }
        }
    }

    @Test func itemsAreCountedWhileTheyAreRead() async throws {
        try await FileRouteTests.withFiles { client in
            func list(_ item: String, _ count: Int) -> String {
                String(repeating: "\(item),", count: count) + "\(item)%"
            }
            let models = "/v1/models/gemini-embedding-2"
            let requests = "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n"
            let parts = list(#"{"text":"a"}"#, 8_192)
            for (path, body, message) in [
                ("\(models):batchEmbedContents", #"{"requests":[\#(list("{}", 100))"#, requests),
                (
                    "\(models):batchEmbedContents", #"{"requests":[{"content":{"parts":[\#(parts)"#,
                    "Invalid value at 'requests[0].content.parts': it has more than 8192 items."
                ),
                (
                    "\(models):embedContent", #"{"content":{"parts":[\#(parts)"#,
                    "Invalid value at 'content.parts': it has more than 8192 items."
                ),
                (
                    "\(models):countTokens", #"{"contents":[\#(list("{}", 8_192))"#,
                    "Invalid value at 'contents': it has more than 8192 items."
                ),
                ("/v1/openai/embeddings", #"{"model":"m","input":[\#(list(#""a""#, 100))"#, requests),
                (
                    Self.predict, #"{"instances":[\#(list(#"{"content":"a"}"#, 250))"#,
                    "The request has more than 250 instances; it must have 1 to 250."
                ),
                (
                    "\(models):asyncBatchEmbedContent",
                    #"{"batch":{"inputConfig":{"requests":{"requests":[\#(list(#"{"request":{}}"#, 50_000))"#,
                    "The batch has more than 50000 requests; a file may have any number."
                ),
            ] {
                let refusal = try await Self.refusal(client, path, body)
                #expect(refusal == message, "\(path)")
            }
        }
    }

    @Test func depthIsBounded() async throws {
        try await TestServer.with { client in
            let deep = String(repeating: "[", count: 101) + "%"
            for body in [
                #"{"content":{"parts":[{"partMetadata":\#(deep)"#,
                #"{"content":\#(deep.replacing("[", with: "{'a':"))"#,
            ] {
                let reply = try await client.embed(body)
                try reply.expectError(400, "INVALID_ARGUMENT")
                #expect(try reply.message.contains("it is nested more than 100 deep"), "\(reply.text)")
            }
        }
    }
}
