import Castor
import GeminiAPI
import HTTPTypes
import TestSupport
import Testing

/// `:embedContent` and `:batchEmbedContents`: what is embedded, and that it is the library's vector.
@Suite struct EmbedTests {
    static let image = Base64Text.file("scene.jpg")

    @Test(arguments: Transport.allCases)
    func textGivesTheLibrarysVector(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            let reply = try await client.embed(#"{"content":{"parts":[{"text":"a sleepy kitten"}]}}"#)
            #expect(reply.status == 200, "\(reply.text)")
            try expectClose(
                reply.values, TestServer.vector(Content("a sleepy kitten")), .batchInvariance)
            #expect(reply.headers[.contentType] == "application/json; charset=UTF-8")
            let usage = try reply.json["usageMetadata"]
            #expect(usage.keys == ["promptTokenCount", "promptTokenDetails"])
            #expect(try usage["promptTokenDetails"][0]["modality"].string == "TEXT")
            #expect(
                try usage["promptTokenCount"].int == usage["promptTokenDetails"][0]["tokenCount"].int)
        }
    }

    @Test(arguments: Transport.allCases)
    func aBatchGivesOneVectorARequestInOrder(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            let texts = (0..<30).map { "text number \($0)" }
            let requests = texts.map {
                #"{"model":"models/gemini-embedding-2","content":{"parts":[{"text":"\#($0)"}]}}"#
            }
            let reply = try await client.batch(#"{"requests":[\#(requests.joined(separator: ","))]}"#)
            #expect(reply.status == 200, "\(reply.text.prefix(500))")
            let embeddings = try reply.json["embeddings"].array
            #expect(embeddings.count == texts.count)
            for (text, embedding) in zip(texts, embeddings) {
                try expectClose(
                    embedding["values"].floats, TestServer.vector(Content(text)), .batchInvariance)
            }
        }
    }

    @Test(arguments: Transport.allCases)
    func allPartsOfOneRequestFuseIntoOneVector(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            let reply = try await client.batch(
                #"{"requests":[{"content":{"parts":[{"text":"a"},{"text":"b"},{"inline_data":{"mime_type":"image/jpeg","data":"\#(Self.image)"}}]}}]}"#
            )
            #expect(reply.status == 200, "\(reply.text.prefix(500))")
            #expect(try reply.json["embeddings"].array.count == 1)
            let bytes = try Folders.read("\(Folders.fixtures)/media/scene.jpg")
            try expectClose(
                reply.json["embeddings"][0]["values"].floats,
                TestServer.vector([.text("a"), .text("b"), .data(bytes, mimeType: "image/jpeg")]),
                .batchInvariance)
            let details = try reply.json["usageMetadata"]["promptTokenDetails"].array
            #expect(try details.map { try $0["modality"].string } == ["TEXT", "IMAGE"])
            #expect(try details[1]["tokenCount"].int == 258)
        }
    }

    @Test(arguments: [1, 10, 100, 768, 1_536, 3_072])
    func everySizeHasUnitLength(_ dimensions: Int) async throws {
        try await TestServer.with { client in
            let reply = try await client.embed(
                #"{"content":{"parts":[{"text":"hi"}]},"outputDimensionality":\#(dimensions)}"#)
            let values = try reply.values
            #expect(values.count == dimensions)
            expectClose([values.length], [1], .unitNorm)
            try expectClose(
                values, TestServer.vector(Content("hi"), dimensions: dimensions), .batchInvariance)
        }
    }

    @Test func nestedConfigurationWinsOverTheOuterOne() async throws {
        try await TestServer.with { client in
            let nested = try await client.embed(
                #"{"content":{"parts":[{"text":"hi"}]},"outputDimensionality":7,"embedContentConfig":{"outputDimensionality":5}}"#
            )
            #expect(try nested.values.count == 5)
            let snake = try await client.embed(
                #"{"content":{"parts":[{"text":"hi"}]},"embed_content_config":{"output_dimensionality":"6"}}"#)
            #expect(try snake.values.count == 6)
            let outer = try await client.embed(#"{"content":{"parts":[{"text":"hi"}]},"output_dimensionality":7.0}"#)
            #expect(try outer.values.count == 7)
        }
    }

    /// What the service's JSON reader takes beyond JSON, and its documentation's commands send.
    @Test(arguments: Transport.allCases)
    func whatTheServicesReaderTakesIsTaken(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            let expected = try TestServer.vector(Content("Hello"), dimensions: 2)
            for body in [
                "{'content': {'parts': [{'text': 'Hello'}]}, 'outputDimensionality': 2}",
                "{content: {parts: [{text: \"Hello\"},],}, output_dimensionality: '2',}",
                #"{"content":{"role":"user","parts":{"text":"Hello"}},"outputDimensionality":"2"}"#,
                #"{"content":{"parts":{"text":"Hello"}},"outputDimensionality":2.0,"taskType":"retrieval_query","title":null}"#,
                "\u{feff}{\"content\":{\"parts\":[{\"text\":\"wrong\"}]},\"content\":{\"parts\":[{\"text\":\"Hello\"}]},\"outputDimensionality\":2}\r\n",
            ] {
                let reply = try await client.embed(body)
                #expect(reply.status == 200, "\(body): \(reply.text)")
                try expectClose(reply.values, expected, .batchInvariance, body)
            }
            let one = try await client.batch(
                "{'requests': {'content': {'parts': {'text': 'Hello'}}, 'outputDimensionality': 2}}")
            try expectClose(one.json["embeddings"][0]["values"].floats, expected, .batchInvariance)
            let tokens = try await client.post(
                "/v1/models/gemini-embedding-2:countTokens", #"{"contents":{"role":"user","parts":{"text":"Hello"}}}"#)
            let usage = try await client.embed("{'content': {'parts': [{'text': 'Hello'}]}}").json["usageMetadata"]
            #expect(try tokens.json["totalTokens"].int == usage["promptTokenCount"].int)
        }
    }

    @Test func bothAlphabetsAndMissingPaddingAreRead() async throws {
        // Bytes whose base64 has both letters that differ.
        let text = "subjects?_d>~~ÿþ"
        let standard = Base64Text.encode(Array(text.utf8))
        #expect(standard.contains("/") || standard.contains("+"))
        let urlSafe = standard.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        try await TestServer.with { client in
            let expected = try TestServer.vector(Content(text))
            for data in [standard, urlSafe] {
                for (outer, mime) in [
                    ("inlineData", "mimeType"), ("inline_data", "mime_type"), ("inlineData", "mime_type"),
                ] {
                    let reply = try await client.embed(
                        #"{"content":{"parts":[{"\#(outer)":{"\#(mime)":"text/plain","data":"\#(data)"}}]}}"#)
                    #expect(reply.status == 200, "\(reply.text.prefix(300))")
                    try expectClose(reply.values, expected, .batchInvariance)
                }
            }
        }
    }

    @Test(arguments: Transport.allCases)
    func partsOfAVideoAreThoseThatWereAskedFor(_ transport: Transport) async throws {
        try await TestServer.with(transport) { client in
            let clip = Part.data(try Folders.read("\(Folders.fixtures)/media/clip.mp4"), mimeType: "video/mp4")
            let data = Base64Text.file("clip.mp4")
            let whole = try TestServer.vector([clip])
            for (metadata, wanted) in [
                (#"{"start_offset":"1.5s","end_offset":"3s","fps":2}"#, (1.5, 3, 2)),
                (#"{"startOffset":"2s"}"#, (2, nil, nil)), (#"{"endOffset":"1s","fps":"4"}"#, (nil, 1, 4)),
            ] as [(String, (Double?, Double?, Double?))] {
                let video =
                    #"{"inline_data":{"mime_type":"video/mp4","data":"\#(data)"},"video_metadata":\#(metadata)}"#
                let reply = try await client.embed(#"{"content":{"parts":[\#(video)]}}"#)
                #expect(reply.status == 200, "\(reply.text.prefix(300))")
                let part = Part.clip(
                    clip, VideoMetadata(startOffset: wanted.0, endOffset: wanted.1, fps: wanted.2))
                try expectClose(reply.values, TestServer.vector([part]), .batchInvariance, metadata)
                #expect(try reply.values != whole, "\(metadata) has no effect")
                let tokens = try await client.post(
                    "/v1/models/gemini-embedding-2:countTokens", #"{"contents":[{"parts":[\#(video)]}]}"#)
                #expect(
                    try tokens.json["totalTokens"].int == reply.json["usageMetadata"]["promptTokenCount"].int,
                    "\(metadata)")
            }
            for metadata in [
                #"{"startOffset":"9s"}"#, #"{"startOffset":"1.5"}"#, #"{"startOffset":"nans"}"#,
                #"{"startOffset":"-1s"}"#,
                #"{"startOffset":"2s","endOffset":"1s"}"#, #"{"fps":0}"#, #"{"fps":25}"#, #"{"start":"1s"}"#, "[]",
            ] {
                let reply = try await client.embed(
                    #"{"content":{"parts":[{"inlineData":{"mimeType":"video/mp4","data":"\#(data)"},"videoMetadata":\#(metadata)}]}}"#
                )
                try reply.expectError(400, "INVALID_ARGUMENT")
            }
            let picture = #"{"inlineData":{"mimeType":"image/jpeg","data":"\#(Self.image)"},"videoMetadata":{"fps":1}}"#
            try await client.embed(#"{"content":{"parts":[\#(picture)]}}"#).expectError(400, "INVALID_ARGUMENT")
        }
    }

    @Test func theSoundOfAVideoIsHeardWhereItIsAskedFor() async throws {
        try await TestServer.with { client in
            let clip = Part.data(try Folders.read("\(Folders.fixtures)/media/clip.mp4"), mimeType: "video/mp4")
            let part = #"{"inlineData":{"mimeType":"video/mp4","data":"\#(Base64Text.file("clip.mp4"))"}}"#
            var options = EmbedOptions()
            options.audioTrackExtraction = true
            for config in [#"{"audioTrackExtraction":true}"#, #"{"audio_track_extraction":true}"#] {
                let reply = try await client.embed(#"{"content":{"parts":[\#(part)]},"embedContentConfig":\#(config)}"#)
                try expectClose(
                    reply.values, TestServer.embedder.embed([clip], options: options).values, .batchInvariance)
                let heard = try reply.json["usageMetadata"]["promptTokenDetails"].array.map {
                    try $0["modality"].string
                }
                #expect(Set(heard) == ["VIDEO", "AUDIO"])
            }
            let silent = try await client.embed(#"{"content":{"parts":[\#(part)]}}"#)
            try expectClose(silent.values, TestServer.vector([clip]), .batchInvariance)
        }
    }

    @Test func aDocumentsPagesAreEmbedded() async throws {
        try await TestServer.with { client in
            let document = Part.data(
                try Folders.read("\(Folders.fixtures)/media/two-pages.pdf"), mimeType: "application/pdf")
            let part = #"{"inlineData":{"mimeType":"application/pdf","data":"\#(Base64Text.file("two-pages.pdf"))"}}"#
            let reply = try await client.embed(#"{"content":{"parts":[{"text":"two pages"},\#(part)]}}"#)
            #expect(reply.status == 200, "\(reply.text.prefix(300))")
            try expectClose(reply.values, TestServer.vector(["two pages", document]), .batchInvariance)
        }
    }

    @Test func taskTypeHasNoEffectOnVersion2ButOnVersion1() async throws {
        try await TestServer.with { client in
            let plain = #"{"content":{"parts":[{"text":"cats"}]}}"#
            let query = #"{"content":{"parts":[{"text":"cats"}]},"taskType":"RETRIEVAL_QUERY"}"#
            let numbered = #"{"content":{"parts":[{"text":"cats"}]},"taskType":1}"#
            #expect(try await client.embed(plain).values == client.embed(query).values)
            let model = "gemini-embedding-001"
            let first = try await client.embed(query, model: model).values
            #expect(try await client.embed(plain, model: model).values != first)
            #expect(try await client.embed(numbered, model: model).values == first)
            try expectClose(
                first, TestServer.vector(Content("task: search result | query: cats")), .batchInvariance)
        }
    }

    @Test func taskPromptsCanBeAskedFor() async throws {
        try await TestServer.with {
            $0.appliesTaskPrompts = true
        } _: { client in
            let reply = try await client.embed(
                #"{"content":{"parts":[{"text":"cats"}]},"taskType":"RETRIEVAL_DOCUMENT","title":"Pets"}"#)
            try expectClose(
                reply.values, TestServer.vector(Content("title: Pets | text: cats")), .batchInvariance)
        }
    }

    @Test func version1IsOfUnitLengthAtTheFullSizeAloneAndTextOnly() async throws {
        try await TestServer.with { client in
            let body = #"{"content":{"parts":[{"text":"hi"}]}}"#
            let small = #"{"content":{"parts":[{"text":"hi"}]},"outputDimensionality":768}"#
            let full = try await client.embed(body, model: "gemini-embedding-001").values
            expectClose([full.length], [1], .unitNorm)
            let cut = try await client.embed(small, model: "gemini-embedding-001").values
            #expect(cut == Array(full.prefix(768)))
            #expect(cut.length < 0.99)
            let image = #"{"content":{"parts":[{"inlineData":{"mimeType":"image/jpeg","data":"\#(Self.image)"}}]}}"#
            try await client.embed(image, model: "gemini-embedding-001").expectError(400, "INVALID_ARGUMENT")
        }
    }

    @Test func tooLongATextIsCutUnlessThatIsDeclined() async throws {
        try await TestServer.with { client in
            let long = String(repeating: "word ", count: 9_000)
            let cut = try await client.embed(#"{"content":{"parts":[{"text":"\#(long)"}]}}"#)
            #expect(cut.status == 200)
            #expect(cut.headers[.init("x-castor-truncated")!] == "0")
            #expect(try cut.json["usageMetadata"]["promptTokenCount"].int == 8_192)
            let refused = try await client.embed(
                #"{"content":{"parts":[{"text":"\#(long)"}]},"embedContentConfig":{"autoTruncate":false}}"#)
            try refused.expectError(400, "INVALID_ARGUMENT")
            let version1 = try await client.embed(
                #"{"content":{"parts":[{"text":"\#(long)"}]}}"#, model: "gemini-embedding-001")
            #expect(try version1.json["usageMetadata"]["promptTokenCount"].int == 2_048)
        }
    }

    /// More dropped characters in front than the tokenizer reads at first, on both faces and through the count of tokens.
    @Test(arguments: Transport.allCases) func droppedCharactersInFrontChangeNothing(_ transport: Transport) async throws
    {
        try await TestServer.with(transport) { client in
            let expected = try await client.post(
                "/v1beta/models/gemini-embedding-2:countTokens", #"{"contents":[{"parts":[{"text":"x"}]}]}"#
            ).json["totalTokens"].int
            for dropped in [" ", "\\n", "\u{200b}", "\\u0001 "] {
                let long = String(repeating: dropped, count: 140_000) + "x"
                let content = #"{"parts":[{"text":"\#(long)"}]}"#
                let counted = try await client.post(
                    "/v1beta/models/gemini-embedding-2:countTokens", #"{"contents":[\#(content)]}"#)
                #expect(try counted.json["totalTokens"].int == expected)
                for model in ["gemini-embedding-2", "gemini-embedding-001"] {
                    let body = #"{"outputDimensionality":3,"content":\#(content)}"#
                    let reply = try await client.embed(body, model: model)
                    #expect(reply.status == 200 && reply.headers[.init("x-castor-truncated")!] == nil, "\(reply.text)")
                    #expect(try reply.json["usageMetadata"]["promptTokenCount"].int == expected)
                    let short = try await client.embed(
                        #"{"outputDimensionality":3,"content":{"parts":[{"text":"x"}]}}"#, model: model)
                    try expectClose(reply.values, short.values, .batchInvariance)
                }
            }
        }
    }

    /// The least number that there is, where numbers of tasks begin at one.
    @Test(arguments: ["-9223372036854775808", "9223372036854775807", "-1", "9", "1e300"])
    func noNumberOfATaskTraps(number: String) async throws {
        try await TestServer.with { client in
            for body in [
                #"{"taskType":\#(number),"content":{"parts":[{"text":"x"}]}}"#,
                #"{"embedContentConfig":{"taskType":\#(number)},"content":{"parts":[{"text":"x"}]}}"#,
            ] { try await client.embed(body).expectError(400, "INVALID_ARGUMENT") }
        }
    }

    @Test func everyNameOfTheModelAnswersUnderEveryVersion() async throws {
        try await TestServer.with { client in
            let body = #"{"content":{"parts":[{"text":"hi"}]},"outputDimensionality":3}"#
            let expected = try TestServer.vector(Content("hi"), dimensions: 3)
            for model in ["gemini-embedding-2", "gemini-embedding-2-preview", "castor-nano"] {
                for version in ["/v1", "/v1beta", "/v1alpha", ""] {
                    for colon in [":", "%3A"] {
                        let reply = try await client.post(
                            "\(version)/models/\(model)\(colon)embedContent?key=k&alt=json", body)
                        #expect(reply.status == 200, "\(version) \(model): \(reply.text)")
                        try expectClose(reply.values, expected, .batchInvariance)
                    }
                }
            }
        }
    }
}
