import Castor
import Foundation
import GeminiAPI
import HTTPTypes
import ServerState
import TestSupport
import Testing

/// Batch jobs. The same body in process and over a socket.
@Suite struct BatchRouteTests {
    /// A request in a file.
    static let line = #"{"request":{"content":{"parts":[{"text":"a"}]}}}"#
    static let create = "/v1beta/models/gemini-embedding-2:asyncBatchEmbedContent"

    private static func inline(_ requests: String, name: String = "") -> String {
        "{\"batch\":{\(name)\"inputConfig\":{\"requests\":{\"requests\":[\(requests)]}}}}"
    }

    private static func request(_ text: String, _ more: String = "") -> String {
        #"{"request":{"content":{"parts":[{"text":"\#(text)"}]},"outputDimensionality":3}\#(more)}"#
    }

    /// Waits until the job is done.
    private static func done(_ client: Client, _ name: String) async throws -> JSON {
        try await Standstill.wait { try await client.get("/v1beta/\(name)").json.has("done") }
        return try await client.get("/v1beta/\(name)").json
    }

    @Test(arguments: Transport.allCases) func inlineRequests(_ transport: Transport) async throws {
        try await FileRouteTests.withFiles(transport) { client in
            let items = [
                Self.request("one", #","metadata":{"key":"a","n":[1,2.5,null,true], "id": 12345678901234567890}"#),
                Self.request("", #","metadata":{"key":"b"}"#),
                Self.request("three"),
            ].joined(separator: ",")
            let reply = try await client.post(
                Self.create, Self.inline(items, name: #""displayName":"job","priority":"5","#))
            #expect(reply.status == 200, "\(reply.text)")
            let created = try reply.json
            let name = try created["name"].string
            #expect(name.wholeMatch(of: /batches\/[a-z0-9]{36}/) != nil)
            #expect(try created["metadata"]["state"].string == "BATCH_STATE_PENDING" && !created.has("done"))
            #expect(
                try created["metadata"]["displayName"].string == "job" && created["metadata"]["name"].string == name)
            #expect(try created["metadata"]["model"].string == "models/gemini-embedding-2")
            let operation = try await Self.done(client, name)
            let metadata = try operation["metadata"]
            #expect(try metadata["state"].string == "BATCH_STATE_SUCCEEDED" && metadata["priority"].string == "5")
            #expect(try metadata["batchStats"]["requestCount"].string == "3")
            #expect(try metadata["batchStats"]["successfulRequestCount"].string == "2")
            #expect(try metadata["batchStats"]["failedRequestCount"].string == "1")
            #expect(try !metadata["batchStats"].has("pendingRequestCount"))
            for output in [try metadata["output"], try operation["response"]] {
                let answers = try output["inlinedResponses"]["inlinedResponses"].array
                #expect(answers.count == 3)
                for (index, text) in [(0, "one"), (2, "three")] {
                    let values = try answers[index]["response"]["embedding"]["values"].floats
                    let wanted = try TestServer.vector([.text(text)], dimensions: 3)
                    for (value, wanted) in zip(values, wanted) { #expect(abs(value - wanted) < 4e-6) }
                    #expect(values.count == 3)
                    #expect(try answers[index]["response"]["usageMetadata"]["promptTokenCount"].int > 0)
                }
                #expect(try answers[0]["metadata"]["n"].array.count == 4 && answers[0]["metadata"]["key"].string == "a")
                #expect(try answers[1]["error"]["code"].int == 3 && answers[1]["metadata"]["key"].string == "b")
                #expect(!answers[2].has("metadata"))
            }
            // As it came, to the last digit.
            let text = try await client.get("/v1beta/\(name)").text
            #expect(text.contains(#""metadata":{"key":"a","n":[1,2.5,null,true],"id":12345678901234567890}"#))
            let listed = try await client.get("/v1/batches").json["operations"].array
            #expect(try listed.map { try $0["name"].string } == [name])
            #expect(try listed[0].has("done") && !listed[0]["metadata"].has("output"))
        }
    }

    @Test(arguments: Transport.allCases) func fromAFile(_ transport: Transport) async throws {
        try await FileRouteTests.withFiles(transport) { client in
            let lines = (0..<150).map {
                #"{"key":"r\#($0)","request":{"output_dimensionality":2,"content":{"parts":[{"text":"text \#($0)"}]}}}"#
            }
            let text = (lines + ["no JSON", #"{"key":7,"request":{"colour":1}}"#]).joined(separator: "\n")
            _ = try await FileRouteTests.upload(client, Array(text.utf8), mimeType: "jsonl", name: "in")
            let created = try await client.post(Self.create, #"{"batch":{"inputConfig":{"file_name":"files/in"}}}"#)
            let operation = try await Self.done(client, created.json["name"].string)
            let file = try operation["response"]["responsesFile"].string
            #expect(try operation["metadata"]["output"]["responsesFile"].string == file)
            #expect(try file == "files/batch-" + created.json["name"].string.dropFirst("batches/".count))
            for path in ["/v1beta/\(file):download?alt=media", "/download/v1beta/\(file):download?alt=media"] {
                let answers = try await client.get(path).text.split(separator: "\n").map {
                    JSON(try JSONSerialization.jsonObject(with: Data($0.utf8)))
                }
                #expect(answers.count == 152)
                for (index, answer) in answers.prefix(150).enumerated() {
                    #expect(try answer["key"].string == "r\(index)")
                    #expect(try answer["response"]["embedding"]["values"].array.count == 2)
                }
                #expect(try answers[150]["error"]["code"].int == 3 && !answers[150].has("key"))
                #expect(try answers[151]["error"]["code"].int == 3 && answers[151]["key"].string == "7")
            }
            let description = try await client.get("/v1beta/\(file)").json
            #expect(
                try description["source"].string == "GENERATED"
                    && description["downloadUri"].string.contains(":download"))
        }
    }

    /// What the model cannot do for one content, because of its weights, is that content's error: in a job, and for other callers.
    @Test func aContentThatOverflowsTakesNoOtherWithIt() async throws {
        let embedder = try Folders.withNanoCopy { folder in
            try BrokenModel.breakRow(of: "Zug", sparing: ["one", "three"], in: folder)
            let embedder = try Embedder(modelPath: folder)
            try embedder.warmUp()
            return embedder
        }
        try await FileRouteTests.withFiles(embedder: embedder) { client in
            let items = ["one", "Zug", "three"].map { Self.request($0) }.joined(separator: ",")
            let created = try await client.post(Self.create, Self.inline(items)).json
            let response = try await Self.done(client, created["name"].string)["response"]
            let answers = try response["inlinedResponses"]["inlinedResponses"].array
            #expect(answers.map { $0.has("response") } == [true, false, true])
            #expect(try answers[1]["error"]["code"].int == 13)
            // Of many callers at a time, whoever shares a pass with whom.
            try await withThrowingTaskGroup(of: (String, Int).self) { group in
                for index in 0..<60 {
                    let word = ["one", "Zug", "three"][index % 3]
                    group.addTask {
                        (word, try await client.embed(#"{"content":{"parts":[{"text":"\#(word)"}]}}"#).status)
                    }
                }
                for try await (word, status) in group { #expect(status == (word == "Zug" ? 500 : 200), "\(word)") }
            }
        }
    }

    /// What only comes back with its result may not be as large as the rest. In a file it is that line's error.
    @Test func keysAndMetadataAreBounded() async throws {
        try await FileRouteTests.withFiles { client in
            func metadata(_ bytes: Int) -> String {
                #","metadata":{"m":"\#(String(repeating: "a", count: bytes - 8))"}"#
            }
            try await client.post(Self.create, Self.inline(Self.request("a", metadata(65_537)))).expectError(
                400, "INVALID_ARGUMENT",
                "Invalid value at 'batch.input_config.requests.requests[0].metadata': has more than 65536 bytes.")
            let lines = [
                Self.request("a", metadata(65_536)), Self.request("a", metadata(65_537)),
                Self.request("a", #","key":"\#(String(repeating: "k", count: 65_536))""#),
                Self.request("a", #","key":"\#(String(repeating: "k", count: 65_537))""#),
            ]
            _ = try await FileRouteTests.upload(
                client, Array(lines.joined(separator: "\n").utf8), mimeType: "jsonl", name: "in")
            let created = try await client.post(Self.create, #"{"batch":{"inputConfig":{"file_name":"files/in"}}}"#)
            let file = try await Self.done(client, created.json["name"].string)["response"]["responsesFile"].string
            let answers = try await client.get("/v1beta/\(file):download?alt=media").text.split(separator: "\n").map {
                JSON(try JSONSerialization.jsonObject(with: Data($0.utf8)))
            }
            #expect(answers.map { $0.has("response") } == [true, false, true, false])
            #expect(answers.map { $0.has("metadata") } == [true, false, false, false])
            #expect(answers.map { $0.has("key") } == [false, false, true, false])
        }
    }

    @Test func updateCancelDelete() async throws {
        try await FileRouteTests.withFiles { client in
            let long = String(repeating: "word ", count: 300)
            let items = Array(repeating: Self.request(long), count: 200).joined(separator: ",")
            let name = try await client.post(Self.create, Self.inline(items)).json["name"].string
            let update = "/v1beta/\(name):updateEmbedContentBatch"
            let updated = try await client.send(
                .patch, "\(update)?updateMask=display_name", #"{"displayName":"new","priority":"9"}"#)
            #expect(try updated.json["displayName"].string == "new" && !updated.json.has("priority"))
            #expect(try await client.send(.patch, update, #"{"priority":"9"}"#).json["priority"].string == "9")
            try await client.send(.patch, "\(update)?updateMask=model", "{}").expectError(400, "INVALID_ARGUMENT")
            #expect(try await client.send(.post, "/v1beta/\(name):cancel").text == "{}\n")
            let operation = try await client.get("/v1beta/\(name)").json
            #expect(
                try ["BATCH_STATE_CANCELLED", "BATCH_STATE_SUCCEEDED"].contains(operation["metadata"]["state"].string))
            #expect(try await client.send(.delete, "/v1beta/\(name)").text == "{}\n")
            for reply in [
                try await client.get("/v1beta/\(name)"), try await client.send(.delete, "/v1beta/\(name)"),
                try await client.send(.post, "/v1beta/\(name):cancel"), try await client.send(.patch, update, "{}"),
            ] { try reply.expectError(404, "NOT_FOUND") }
        }
    }

    @Test func refused() async throws {
        try await FileRouteTests.withFiles { client in
            for body in [
                "{}", #"{"batch":{}}"#, #"{"batch":{"inputConfig":{}}}"#, Self.inline(""),
                Self.inline(#"{"request":{"content":{"parts":[{"text":"a"}]},"colour":1}}"#),
                Self.inline(#"{"metadata":{}}"#),
                Self.inline(#"{"key":"k","request":{"content":{"parts":[{"text":"a"}]}}}"#),
                #"{"batch":{"inputConfig":{"fileName":"files/a","requests":{"requests":[]}}}}"#,
                #"{"batch":{"model":"models/gemini-embedding-001","inputConfig":{"fileName":"files/a"}}}"#,
                #"{"batch":{"priority":"x","inputConfig":{"fileName":"files/a"}}}"#,
            ] { try await client.post(Self.create, body).expectError(400, "INVALID_ARGUMENT") }
            try await client.post(Self.create, #"{"batch":{"inputConfig":{"fileName":"files/none"}}}"#)
                .expectError(403, "PERMISSION_DENIED")
            try await client.post("/v1/models/nothing:asyncBatchEmbedContent", "{}").expectError(404, "NOT_FOUND")
            try await client.post("/v1/tunedModels/mine:asyncBatchEmbedContent", "{}").expectError(404, "NOT_FOUND")
            try await client.get("/v1/batches?filter=x").expectError(400, "INVALID_ARGUMENT")
            #expect(try await client.get("/v1/batches").text == "{}\n")
        }
    }
}
