import Castor
import Foundation
import GeminiAPI
import HTTPTypes
import TestSupport
import Testing

/// Models, token counts, and the OpenAI and Vertex faces.
@Suite struct FaceTests {
    @Test(arguments: Transport.allCases)
    func modelsAreListedAsTheServiceListsThem(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            for version in ["/v1", "/v1beta", "/v1alpha", ""] {
                let models = try await client.get("\(version)/models").json["models"].array
                #expect(
                    try models.map { try $0["name"].string } == [
                        "models/gemini-embedding-2", "models/gemini-embedding-2-preview", "models/gemini-embedding-001",
                        "models/castor-nano",
                    ])
            }
            let model = try await client.get("/v1beta/models/gemini-embedding-2").json
            #expect(try model["displayName"].string == "Gemini Embedding 2")
            #expect(try model["inputTokenLimit"].int == 8_192)
            #expect(
                try model["supportedGenerationMethods"].array.map { try $0.string }
                    == ["embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent"])
        }
    }

    @Test func pagesOfModelsMeet() async throws {
        try await TestServer.with { client in
            var names: [String] = []
            var token = ""
            repeat {
                let page = try await client.get("/v1/models?pageSize=3&pageToken=\(token)").json
                names += try page["models"].array.map { try $0["name"].string }
                token = page.has("nextPageToken") ? try page["nextPageToken"].string : ""
            } while !token.isEmpty
            #expect(names.count == 4)
            #expect(Set(names).count == 4)
            for query in ["pageToken=x", "pageToken=99", "pageSize=-1", "pageSize=x"] {
                try await client.get("/v1/models?\(query)").expectError(400, "INVALID_ARGUMENT")
            }
        }
    }

    @Test(arguments: Transport.allCases)
    func tokensAreCounted(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            let path = "/v1beta/models/gemini-embedding-2:countTokens"
            let one = try await client.post(
                path, #"{"contents":[{"parts":[{"text":"a sleepy kitten"}],"role":"user"}]}"#)
            #expect(one.status == 200, "\(one.text)")
            let count = try one.json["totalTokens"].int
            let embedded = try await client.embed(#"{"content":{"parts":[{"text":"a sleepy kitten"}]}}"#)
            #expect(try count == embedded.json["usageMetadata"]["promptTokenCount"].int)
            let two = try await client.post(
                path,
                #"{"generateContentRequest":{"contents":[{"parts":[{"text":"a sleepy kitten"},{"inlineData":{"mimeType":"image/jpeg","data":"\#(EmbedTests.image)"}}]}]}}"#
            )
            #expect(try two.json["totalTokens"].int == count + 258)
            #expect(try two.json["promptTokensDetails"][1]["modality"].string == "IMAGE")
            let long = String(repeating: "word ", count: 9_000)
            let beyond = try await client.post(path, #"{"contents":[{"parts":[{"text":"\#(long)"}]}]}"#)
            #expect(try beyond.json["totalTokens"].int > 9_000)
            #expect(
                try await client.post(path, #"{"contents":[{"parts":[{"text":""}]}]}"#).json["totalTokens"].int == 0)
        }
    }

    @Test(arguments: Transport.allCases)
    func openAIGivesTheSameVectorsInBothEncodings(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            for path in ["/v1beta/openai/embeddings", "/v1/embeddings", "/v1/openai/embeddings"] {
                let reply = try await client.post(
                    path,
                    #"{"model":"gemini-embedding-2","input":["a","b"],"encoding_format":"base64","dimensions":8,"user":"u"}"#
                )
                #expect(reply.status == 200, "\(reply.text)")
                let json = try reply.json
                #expect(try json["model"].string == "gemini-embedding-2")
                #expect(try json["usage"]["prompt_tokens"].int == json["usage"]["total_tokens"].int)
                for (index, text) in ["a", "b"].enumerated() {
                    let item = try json["data"][index]
                    #expect(try item["index"].int == index)
                    #expect(try item["object"].string == "embedding")
                    let data = try #require(Data(base64Encoded: item["embedding"].string))
                    let values = data.withUnsafeBytes { bytes in
                        (0..<data.count / 4).map {
                            Float(
                                bitPattern: UInt32(
                                    littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)))
                        }
                    }
                    expectClose(values, try TestServer.vector(Content(text), dimensions: 8), .batchInvariance)
                }
            }
            let single = try await client.post(
                "/v1beta/openai/embeddings", #"{"model":"models/gemini-embedding-2","input":"a"}"#)
            #expect(try single.json["model"].string == "models/gemini-embedding-2")
            expectClose(
                try single.json["data"][0]["embedding"].floats, try TestServer.vector(Content("a")), .batchInvariance)
        }
    }

    @Test func openAIErrorsComeInAList() async throws {
        try await TestServer.with { client in
            let path = "/v1beta/openai/embeddings"
            for (body, code) in [
                (#"{"model":"gemini-embedding-2","input":[1,2,3]}"#, 400),
                (#"{"model":"gemini-embedding-2","input":[[1],[2]]}"#, 400),
                (#"{"model":"gemini-embedding-2","input":[]}"#, 400),
                (#"{"model":"gemini-embedding-2","input":""}"#, 400),
                (#"{"model":"gemini-embedding-2"}"#, 400), (#"{"input":"a"}"#, 400),
                (#"{"model":"gemini-embedding-2","input":"a","encoding_format":"hex"}"#, 400),
                (#"{"model":"gemini-embedding-2","input":"a","dimensions":0}"#, 400),
                (#"{"model":"text-embedding-3-small","input":"a"}"#, 404), ("nonsense", 400),
            ] {
                let reply = try await client.post(path, body)
                #expect(reply.status == code, "\(body): \(reply.text)")
                #expect(try reply.json[0]["error"]["code"].int == code)
            }
            #expect(
                try await client.get("/v1beta/openai/models").json["data"][0]["id"].string
                    == "models/gemini-embedding-2")
            #expect(try await client.get("/v1beta/openai/models/models/gemini-embedding-2").status == 200)
            #expect(try await client.get("/v1beta/openai/models/x").json[0]["error"]["code"].int == 404)
        }
    }

    @Test(arguments: Transport.allCases)
    func vertexAnswersInItsOwnShape(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            let expected = try TestServer.vector(Content("x"), dimensions: 4)
            for parent in [
                "/v1beta1", "/v1", "/v1beta1/projects/p/locations/us-central1", "/v1/projects/p/locations/global",
            ] {
                let model = "\(parent)/publishers/google/models/gemini-embedding-2"
                let one = try await client.post(
                    "\(model):embedContent",
                    #"{"content":{"parts":[{"text":"x"}],"role":"user"},"embedContentConfig":{"taskType":"RETRIEVAL_DOCUMENT","title":"T","outputDimensionality":4,"autoTruncate":true,"documentOcr":true,"audioTrackExtraction":true}}"#
                )
                #expect(one.status == 200, "\(one.text)")
                expectClose(try one.values, expected, .batchInvariance)
                #expect(one.text.contains(#""truncated":false"#))
                let usage = try one.json["usageMetadata"]
                #expect(usage.keys == ["promptTokenCount", "promptTokensDetails", "totalTokenCount"])
                let batch = try await client.post(
                    "\(model):batchEmbedContents",
                    #"{"requests":[{"content":{"parts":[{"text":"x"}]},"embedContentConfig":{"outputDimensionality":4}}]}"#
                )
                expectClose(try batch.json["embeddings"][0]["values"].floats, expected, .batchInvariance)
                let predict = try await client.post(
                    "\(model):predict",
                    #"{"instances":[{"content":"x","task_type":"RETRIEVAL_QUERY","title":"t"}],"parameters":{"outputDimensionality":4,"autoTruncate":true}}"#
                )
                #expect(predict.status == 200, "\(predict.text)")
                let embeddings = try predict.json["predictions"][0]["embeddings"]
                expectClose(try embeddings["values"].floats, expected, .batchInvariance)
                #expect(try embeddings["statistics"]["token_count"].int == usage["promptTokenCount"].int)
                #expect(try predict.json["metadata"]["billableCharacterCount"].int == 1)
                #expect(
                    try await client.post("\(model):countTokens", #"{"contents":[{"parts":[{"text":"x"}]}]}"#)
                        .json["totalTokens"].int == usage["promptTokenCount"].int)
            }
        }
    }
}
