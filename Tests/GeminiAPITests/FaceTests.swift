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

    /// What Vertex' own SDK reads of a model before it embeds.
    @Test(arguments: Transport.allCases)
    func vertexModelsAreThere(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            for parent in ["/v1", "/v1beta1", "/v1beta1/projects/p/locations/us-central1"] {
                let models = "\(parent)/publishers/google/models"
                let model = try await client.get("\(models)/gemini-embedding-001").json
                #expect(try model["name"].string == "publishers/google/models/gemini-embedding-001")
                #expect(
                    try model["publisherModelTemplate"].string
                        == "projects/{project}/locations/{location}/publishers/google/models/gemini-embedding-001")
                #expect(
                    try model["predictSchemata"]["instanceSchemaUri"].string
                        == "gs://google-cloud-aiplatform/schema/predict/instance/text_embedding_1.0.0.yaml")
                let list = try await client.get("\(models)?pageSize=3").json
                #expect(try list["publisherModels"].array.count == 3)
                let rest = try await client.get("\(models)?pageToken=\(list["nextPageToken"].string)").json
                #expect(
                    try rest["publisherModels"][0]["name"].string == "publishers/google/models/castor-nano")
                try await client.get("\(models)/text-bison").expectError(404, "NOT_FOUND")
            }
        }
    }

    @Test func thereAreNoTunedModels() async throws {
        try await TestServer.with { client in
            let models = try await client.get("/v1beta/tunedModels?pageSize=10").json["tunedModels"].array
            #expect(models.isEmpty)
        }
    }

    @Test func predictTakes250TextsOf20000Tokens() async throws {
        try await TestServer.with { client in
            func predict(_ texts: [String], model: String = "gemini-embedding-001") async throws -> Reply {
                let instances = texts.map { #"{"content":"\#($0)"}"# }.joined(separator: ",")
                return try await client.post(
                    "/v1/projects/p/locations/l/publishers/google/models/\(model):predict",
                    #"{"instances":[\#(instances)],"parameters":{"outputDimensionality":2}}"#)
            }
            let most = try await predict((1...250).map { "text \($0)" })
            #expect(most.status == 200, "\(most.text.prefix(300))")
            let predictions = try most.json["predictions"].array
            #expect(predictions.count == 250)
            let own = try await predict(["text 250"])
            expectClose(
                try predictions[249]["embeddings"]["values"].floats,
                try own.json["predictions"][0]["embeddings"]["values"].floats, .batchInvariance)
            try await predict((1...251).map { "text \($0)" }).expectError(400, "INVALID_ARGUMENT")
            try await predict([]).expectError(400, "INVALID_ARGUMENT")
            // Tokens count before a text is cut to what the model takes.
            let text = String(repeating: "word ", count: 200)
            let count = try await predict([text]).json["predictions"][0]["embeddings"]["statistics"]["token_count"].int
            let fitting = 20_000 / count
            for model in ["gemini-embedding-001", "gemini-embedding-2"] {
                #expect(try await predict(Array(repeating: text, count: fitting), model: model).status == 200)
                let more = try await predict(Array(repeating: text, count: fitting + 1), model: model)
                try more.expectError(400, "INVALID_ARGUMENT")
                #expect(try more.message.contains("20000"))
            }
        }
    }

    @Test(arguments: Transport.allCases)
    func openAIEmbedsDataURLs(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            let path = "/v1beta/openai/embeddings"
            let bytes = try Folders.read("\(Folders.fixtures)/media/scene.jpg")
            for url in ["data:image/jpeg;base64,", "DATA:image/jpeg;name=a.jpg;base64,"] {
                let reply = try await client.post(
                    path,
                    #"{"model":"gemini-embedding-2","input":["a","\#(url)\#(EmbedTests.image)"],"dimensions":8}"#)
                #expect(reply.status == 200, "\(reply.text)")
                let data = try reply.json["data"].array
                expectClose(
                    try data[0]["embedding"].floats, try TestServer.vector(Content("a"), dimensions: 8),
                    .batchInvariance)
                expectClose(
                    try data[1]["embedding"].floats,
                    try TestServer.vector(Content([.data(bytes, mimeType: "image/jpeg")]), dimensions: 8),
                    .batchInvariance)
            }
            // Texts about data are texts.
            for text in ["data: the plural of datum", "data:image/png, said he", "data:,;base64"] {
                let reply = try await client.post(
                    path, #"{"model":"gemini-embedding-2","input":"\#(text)","dimensions":8}"#)
                expectClose(
                    try reply.json["data"][0]["embedding"].floats,
                    try TestServer.vector(Content(text), dimensions: 8), .batchInvariance)
            }
            for (body, words) in [
                (#"{"model":"gemini-embedding-2","input":"data:image/png;base64,%%%"}"#, "Base64 decoding failed"),
                (
                    #"{"model":"gemini-embedding-001","input":"data:image/jpeg;base64,\#(EmbedTests.image)"}"#,
                    "text only"
                ),
                (
                    #"{"model":"gemini-embedding-2","input":[{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,\#(EmbedTests.image)"}}]}"#,
                    ":embedContent"
                ),
                (#"{"model":"gemini-embedding-2","input":["a",{"type":"text","text":"b"}]}"#, ":embedContent"),
                (#"{"model":"gemini-embedding-2","input":[1,2]}"#, "token ids"),
            ] {
                let reply = try await client.post(path, body)
                #expect(reply.status == 400)
                #expect(try reply.json[0]["error"]["message"].string.contains(words), "\(reply.text)")
            }
        }
    }

    @Test func openAIsInputTypeIsTheTask() async throws {
        try await TestServer.with { client in
            func vector(_ more: String, model: String = "gemini-embedding-001") async throws -> [Float] {
                let reply = try await client.post(
                    "/v1/embeddings", #"{"model":"\#(model)","input":"a"\#(more)}"#)
                #expect(reply.status == 200, "\(reply.text)")
                return try reply.json["data"][0]["embedding"].floats
            }
            let query = try await client.embed(
                #"{"content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY"}"#, model: "gemini-embedding-001")
            for name in ["query", "search_query", "Query"] {
                expectClose(try await vector(#","input_type":"\#(name)""#), try query.values, .batchInvariance)
            }
            let (document, asked) = (try await vector(#","input_type":"document""#), try query.values)
            #expect(document != asked)
            // Without effect on version 2, as taskType.
            expectClose(
                try await vector(#","input_type":"query""#, model: "gemini-embedding-2"),
                try TestServer.vector(Content("a")), .batchInvariance)
            let unknown = try await client.post(
                "/v1/embeddings", #"{"model":"gemini-embedding-2","input":"a","input_type":"song"}"#)
            #expect(unknown.status == 400)
            #expect(unknown.text.contains("search_query"))
        }
    }
}
