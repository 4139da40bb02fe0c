import Castor
import Foundation
import GeminiAPI
import HTTPTypes
import Testing

/// What is wrong is said in the service's form, status and words.
@Suite struct ErrorTests {
    static let hello = #"{"content":{"parts":[{"text":"hi"}]}}"#

    @Test(arguments: Transport.allCases)
    func anEmptyPartFailsTheWholeBatch(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            try await client.embed(#"{"content":{"parts":[{"text":""}]}}"#)
                .expectError(400, "INVALID_ARGUMENT", "* EmbedContentRequest.content contains an empty Part.\n")
            for content in [
                #"{"parts":[]}"#, "{}", #"{"parts":[{}]}"#,
                #"{"parts":[{"inlineData":{"mimeType":"image/png","data":""}}]}"#,
            ] {
                try await client.embed(#"{"content":\#(content)}"#).expectError(400, "INVALID_ARGUMENT")
            }
            try await client.embed("{}").expectError(400, "INVALID_ARGUMENT")
            let batch = try await client.batch(
                #"{"requests":[{"content":{"parts":[{"text":"good"}]}},{"content":{"parts":[{"text":""}]}}]}"#)
            try batch.expectError(
                400, "INVALID_ARGUMENT",
                "* BatchEmbedContentsRequest.requests[1]: EmbedContentRequest.content contains an empty Part.\n")
        }
    }

    /// What the machine lacks is no fault of the request, which may come again.
    @Test func decodersThatCannotBeHadAreTheMachines() throws {
        let reason = "the process that renders documents failed: a pipe: Too many open files"
        let error = EmbedError.noDecoder(part: 2, reason: reason)
        #expect(error.kind == .machine && error.serviceStatus.code == 503)
        let answer = APIError(error)
        #expect(answer.status == .unavailable && answer.details == [.retryInfo(seconds: 5)])
        #expect(answer.message == "The server cannot decode this request's media now: part 2: \(reason).")
    }

    @Test(arguments: Transport.allCases)
    func unknownFieldsAreRefusedWithTheServicesText(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            let reply = try await client.embed(#"{"content":{"parts":[{"text":"hi"}]},"x":1}"#)
            let text = #"Invalid JSON payload received. Unknown name "x": Cannot find field."#
            try reply.expectError(400, "INVALID_ARGUMENT", text)
            let detail = try reply.json["error"]["details"][0]
            #expect(try detail["@type"].string == "type.googleapis.com/google.rpc.BadRequest")
            #expect(try detail["fieldViolations"][0]["description"].string == text)

            let inner = try await client.batch(
                #"{"requests":[{"content":{"parts":[{"text":"hi","colour":"red","inline_Data":{}}]}}]}"#)
            let place = "requests[0].content.parts[0]"
            #expect(try inner.json["error"]["details"][0]["fieldViolations"].array.count == 2)
            #expect(
                try inner.message.split(separator: "\n").sorted().first
                    == #"Invalid JSON payload received. Unknown name "colour" at '\#(place)': Cannot find field."#)
        }
        try await TestServer.with {
            $0.isLenient = true
        } _: { client in
            let reply = try await client.embed(#"{"content":{"parts":[{"text":"hi","colour":"red"}]},"x":[1]}"#)
            #expect(reply.status == 200)
        }
    }

    @Test func wrongTypesAndBrokenJSONAreRefused() async throws {
        try await TestServer.with { client in
            for body in [
                "", "{", "[]", "null", "\"text\"", "{]", #"{"content":"text"}"#, #"{"content":{"parts":{}}}"#,
                #"{"content":{"parts":[{"text":1}]}}"#, #"{"content":{"parts":["a"]}}"#,
                #"{"content":[{"parts":[{"text":"a"}]}]}"#,
                #"{"content":{"parts":[null]}}"#, #"{"content":{"parts":[{"text":"a"}]}}{}"#,
                #"{"content":{"parts":[{"text":["a"]}]}}"#,
                #"{"content":{"parts":[{"text":"a"}]},"outputDimensionality":"many"}"#,
                #"{"content":{"parts":[{"text":"a"}]},"outputDimensionality":1.5}"#,
                #"{"content":{"parts":[{"text":"a"}]},"outputDimensionality":99999999999}"#,
                #"{"content":{"parts":[{"text":"a"}]},"taskType":"SINGING"}"#,
                #"{"content":{"parts":[{"text":"a"}]},"taskType":12}"#,
                #"{"content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING","task_type":"CLUSTERING"}"#,
                #"{"content":{"parts":[{"text":"a","inlineData":{"mimeType":"image/png","data":"AAAA"}}]}}"#,
                #"{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"%%%%"}}]}}"#,
                #"{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAAA"}}]}}"#,
                #"{"content":{"parts":[{"functionCall":{"name":"f"}}]}}"#,
                #"{"content":{"parts":[{"text":"a","videoMetadata":{"fps":25}}]}}"#,
                String(repeating: "[", count: 100_000),
                String(repeating: #"{"content":"#, count: 10_000),
            ] {
                let reply = try await client.embed(body)
                try reply.expectError(400, "INVALID_ARGUMENT")
            }
        }
    }

    /// The texts of the service's own reader, where they are known.
    @Test func mistakesAreNamedByPathAndValue() async throws {
        try await TestServer.with { client in
            func content(_ part: String) -> String { #"{"content":{"parts":[{"text":"a"},\#(part)]}}"# }
            let place = "content.parts[1]"
            let image = String(repeating: "!", count: 300)
            for (body, message) in [
                (content(#"{"text":5}"#), "Invalid value at '\(place).text' (TYPE_STRING), 5"),
                (
                    content(#"{"text":["a"]}"#),
                    "Invalid JSON payload received. Unknown name \"text\" at '\(place)': Proto field is not repeating, cannot start list."
                ),
                (
                    #"{"content":[{}]}"#,
                    "Invalid JSON payload received. Unknown name \"content\": Proto field is not repeating, cannot start list."
                ),
                (
                    content(#"{"inlineData":{"mimeType":"image/png","data":"no!"}}"#),
                    "Invalid value at '\(place).inline_data.data' (TYPE_BYTES), Base64 decoding failed for \"no!\""
                ),
                (
                    content(#"{"inlineData":{"data":"data:image/png;base64,AAAA"}}"#),
                    "Invalid value at '\(place).inline_data.data' (TYPE_BYTES), Base64 decoding failed for \"data:image/png;base64,AAAA\"; "
                        + "leave out what is before the base64, \"data:image/png;base64,\""
                ),
                (
                    content(#"{"inlineData":{"data":"\#(image)"}}"#),
                    "Invalid value at '\(place).inline_data.data' (TYPE_BYTES), Base64 decoding failed for \"\(image.prefix(99))...\""
                ),
                (content("7"), "Invalid JSON payload received. The value at '\(place)' must be an object."),
                ("[]", "Invalid JSON payload received. The value at the root must be an object."),
                (
                    #"{"content":{"parts":[{"text":"a"}]},"outputDimensionality":"many"}"#,
                    "Invalid value at 'output_dimensionality' (TYPE_INT32), \"many\""
                ),
                (
                    #"{"content":{"parts":[{"text":"a"}]} "x"}"#,
                    "Invalid JSON payload received. Unexpected token. Line 1, column 37: a comma or } is expected here."
                ),
            ] {
                try await client.embed(body).expectError(400, "INVALID_ARGUMENT", message)
            }
        }
    }

    @Test func sizesOutsideTheRangeAreRefused() async throws {
        try await TestServer.with { client in
            for size in [0, -1, 3_073, Int(Int32.max)] {
                let reply = try await client.embed(
                    #"{"content":{"parts":[{"text":"a"}]},"outputDimensionality":\#(size)}"#)
                try reply.expectError(400, "INVALID_ARGUMENT")
                #expect(try reply.message.contains("\(size)"))
            }
        }
    }

    @Test func batchesHaveOneToAHundredRequests() async throws {
        try await TestServer.with { client in
            let one = #"{"content":{"parts":[{"text":"a"}]}}"#
            func batch(_ count: Int) -> String {
                #"{"requests":[\#(Array(repeating: one, count: count).joined(separator: ","))]}"#
            }
            #expect(try await client.batch(batch(100)).status == 200)
            try await client.batch(batch(101)).expectError(
                400, "INVALID_ARGUMENT",
                "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n")
            try await client.batch(batch(0)).expectError(400, "INVALID_ARGUMENT")
            try await client.batch("{}").expectError(400, "INVALID_ARGUMENT")
        }
    }

    @Test func unknownModelsAreNotFound() async throws {
        try await TestServer.with { client in
            for (path, version) in [("/v1beta", "v1beta"), ("/v1", "v1"), ("", "v1beta")] {
                try await client.post("\(path)/models/text-embedding-004:embedContent", Self.hello).expectError(
                    404, "NOT_FOUND",
                    "models/text-embedding-004 is not found for API version \(version), or is not supported for "
                        + "embedContent. Call ListModels to see the list of available models and their supported methods."
                )
            }
            try await client.get("/v1/models/nothing").expectError(404, "NOT_FOUND")
            try await client.get("/v1/nothing").expectError(404, "NOT_FOUND")
            try await client.post("/v1/models/gemini-embedding-2:sing", Self.hello).expectError(404, "NOT_FOUND")
        }
    }

    @Test func anItemsModelMustBeThePaths() async throws {
        try await TestServer.with { client in
            func body(_ model: String) -> String {
                #"{"requests":[{"model":"\#(model)","content":{"parts":[{"text":"a"}]}}]}"#
            }
            #expect(try await client.batch(body("models/gemini-embedding-2")).status == 200)
            #expect(try await client.batch(body("gemini-embedding-2")).status == 200)
            let full = "projects/p/locations/l/publishers/google/models"
            #expect(try await client.batch(body("\(full)/gemini-embedding-2")).status == 200)
            #expect(
                try await client.post(
                    "/v1/\(full)/gemini-embedding-2:batchEmbedContents", body("\(full)/gemini-embedding-2")
                ).status == 200)
            for wrong in [
                "\(full)/gemini-embedding-001", "\(full)/", "projects/p/publishers/google/models/gemini-embedding-2",
            ] {
                try await client.batch(body(wrong)).expectError(400, "INVALID_ARGUMENT")
            }
            try await client.batch(body("models/gemini-embedding-001")).expectError(400, "INVALID_ARGUMENT")
        }
    }

    @Test func moreThanSixImagesAreRefused() async throws {
        try await TestServer.with { client in
            let image = #"{"inlineData":{"mimeType":"image/jpeg","data":"\#(EmbedTests.image)"}}"#
            let six = Array(repeating: image, count: 6).joined(separator: ",")
            #expect(try await client.embed(#"{"content":{"parts":[\#(six)]}}"#).status == 200)
            let reply = try await client.embed(#"{"content":{"parts":[\#(six),\#(image)]}}"#)
            try reply.expectError(400, "INVALID_ARGUMENT")
            #expect(try reply.message.contains("supports at most 6 image parts"))
        }
    }

    @Test func damagedMediaNameTheRequestAndThePart() async throws {
        try await TestServer.with { client in
            let reply = try await client.batch(
                #"{"requests":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"AAAAAAAA"}}]}}]}"#
            )
            try reply.expectError(400, "INVALID_ARGUMENT")
            #expect(try reply.message.contains("requests[1]"))
            #expect(try reply.message.contains("part 2"))
        }
    }

    @Test func noPathOrForeignFileIsEverOpened() async throws {
        try await TestServer.with { client in
            for uri in [
                "/etc/passwd", "file:///etc/passwd", "../../etc/passwd", "gs://bucket/file",
                "https://example.com/a.png", "files/unknown-id",
            ] {
                let reply = try await client.embed(
                    #"{"content":{"parts":[{"fileData":{"fileUri":"\#(uri)","mimeType":"text/plain"}}]}}"#)
                #expect([400, 403].contains(reply.status), "\(uri): \(reply.text)")
                #expect(!reply.text.contains("root:"))
            }
        }
    }

    @Test(arguments: Transport.allCases)
    func aBodyOverTheLimitIsRefused(_ transport: Transport) async throws {
        try await TestServer.with(transport) {
            $0.limits.maxBodyBytes = 1_000
        } _: { client in
            let long = #"{"content":{"parts":[{"text":"\#(String(repeating: "a", count: 2_000))"}]}}"#
            try await client.embed(long).expectError(
                400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 1000 bytes.")
            #expect(try await client.embed(Self.hello).status == 200)
        }
    }

    @Test func aContentOfTooManyPartsIsRefused() async throws {
        try await TestServer.with {
            $0.limits.maxParts = 3
        } _: { client in
            func body(_ count: Int) -> String {
                #"{"content":{"parts":[\#(Array(repeating: #"{"text":"a"}"#, count: count).joined(separator: ","))]}}"#
            }
            #expect(try await client.embed(body(3)).status == 200)
            try await client.embed(body(4)).expectError(400, "INVALID_ARGUMENT")
        }
    }

    @Test func badBase64IsSaidAsTheServiceSaysIt() async throws {
        try await TestServer.with { client in
            func message(_ data: String) async throws -> String {
                let reply = try await client.embed(
                    #"{"content":{"parts":[{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"\#(data)"}}]}}"#)
                try reply.expectError(400, "INVALID_ARGUMENT")
                return try reply.message
            }
            let start = "Invalid value at 'content.parts[1].inline_data.data' (TYPE_BYTES), Base64 decoding failed for "
            let short = try await message("%%%%")
            #expect(short == start + #""%%%%""#)
            let url = try await message("data:image/png;base64,AAAA")
            let hint = #"; leave out what is before the base64, "data:image/png;base64,""#
            #expect(url == start + #""data:image/png;base64,AAAA""# + hint)
            // A long value is not sent back whole.
            #expect(try await message(String(repeating: "%", count: 100_000)).utf8.count < 400)
        }
    }

    @Test func base64MayHaveLineBreaks() async throws {
        try await TestServer.with { client in
            func embed(_ data: String) async throws -> Reply {
                try await client.embed(
                    #"{"content":{"parts":[{"inlineData":{"mimeType":"image/jpeg","data":"\#(data)"}}]}}"#)
            }
            let plain = try await embed(EmbedTests.image)
            var rest = EmbedTests.image[...]
            var lines: [Substring] = []
            while !rest.isEmpty {
                lines.append(rest.prefix(76))
                rest = rest.dropFirst(76)
            }
            #expect(lines.count > 2)
            for end in [#"\n"#, #"\r\n"#, " "] {
                let reply = try await embed(lines.joined(separator: end) + end)
                #expect(reply.status == 200)
                #expect(reply.body == plain.body)
            }
        }
    }

    @Test func tasksAreReadInAnyCase() async throws {
        try await TestServer.with { client in
            func values(_ task: String) async throws -> [Float] {
                let reply = try await client.embed(
                    #"{"content":{"parts":[{"text":"a"}]},"taskType":"\#(task)"}"#, model: "gemini-embedding-001")
                #expect(reply.status == 200, "\(reply.text)")
                return try reply.values
            }
            let query = try await values("RETRIEVAL_QUERY")
            for task in ["retrieval_query", "Retrieval_Query", "retrieval-query"] {
                #expect(try await values(task) == query)
            }
            #expect(try await values("task_type_unspecified") != query)
        }
    }

    @Test func foreignAddressesAreRefusedInTheServicesWords() async throws {
        try await TestServer.with { client in
            let reply = try await client.embed(
                #"{"content":{"parts":[{"fileData":{"fileUri":"https://example.com/a.png","mimeType":"image/png"}}]}}"#)
            try reply.expectError(400, "INVALID_ARGUMENT")
            #expect(try reply.message.hasPrefix("Invalid or unsupported file uri: https://example.com/a.png"))
        }
    }

    /// Each of them is short enough, and both together are not.
    @Test func soundsCountTogether() async throws {
        try await TestServer.with { client in
            func content(_ seconds: [Int]) -> String {
                let parts = seconds.map {
                    #"{"inlineData":{"mimeType":"audio/wav","data":"\#(Self.wave(seconds: $0))"}}"#
                }
                return #"{"content":{"parts":[\#(parts.joined(separator: ","))]},"outputDimensionality":1}"#
            }
            #expect(try await client.embed(content([90, 90])).status == 200)
            for seconds in [[100, 81], [60, 60, 61]] {
                let reply = try await client.embed(content(seconds))
                try reply.expectError(400, "INVALID_ARGUMENT")
                #expect(try reply.message.contains("180 s"))
            }
        }
    }

    /// 8,000 samples a second of 8 bits, in base64.
    private static func wave(seconds: Int) -> String {
        let samples = (0..<8_000 * seconds).map { UInt8(truncatingIfNeeded: 128 + ($0 * $0 >> 9) % 100) }
        func little(_ value: Int, _ bytes: Int) -> [UInt8] { (0..<bytes).map { UInt8(value >> (8 * $0) & 255) } }
        let format = little(1, 2) + little(1, 2) + little(8_000, 4) + little(8_000, 4) + little(1, 2) + little(8, 2)
        let body =
            Array("WAVEfmt ".utf8) + little(16, 4) + format + Array("data".utf8) + little(samples.count, 4) + samples
        return Data(Array("RIFF".utf8) + little(body.count, 4) + body).base64EncodedString()
    }
}
