import Foundation
import GeminiAPI
import HTTPTypes
import Search
import TestSupport
import Testing

/// `/search/v1/...`: what is found.
@Suite struct SearchTests {
    private static let kitten = #"{"parts":[{"text":"a sleepy kitten"}]}"#

    private func names(_ reply: Reply) throws -> [String] {
        try reply.json["results"].array.map { String(try $0["path"].string.split(separator: "/").last ?? "") }
    }

    @Test(arguments: Transport.allCases)
    func anyMediumIsFoundByItself(_ transport: Transport) async throws {
        try await TestIndex.with { index in
            let opened = try index.opened()
            try await TestServer.with(transport) {
                $0.index = opened
            } _: { client in
                let text = try await client.search(#"{"content":\#(Self.kitten)}"#)
                #expect(text.status == 200, "\(text.text)")
                #expect(try names(text)[0] == "kitten.txt")
                let first = try text.json["results"][0]
                #expect(try first["type"].string == "text" && first["place"].string == "line 1")
                #expect(text.headers[.init("server-timing")!] != nil)
                for (name, type) in [("scene.jpg", "image/jpeg"), ("chirp-16k.wav", "audio/wav")] {
                    let part = #"{"inlineData":{"mimeType":"\#(type)","data":"\#(Base64Text.file(name))"}}"#
                    #expect(try names(await client.search(#"{"content":{"parts":[\#(part)]},"top":1}"#)) == [name])
                }
            }
        }
    }

    @Test func optionsNarrowWhatIsFound() async throws {
        try await TestIndex.with { index in
            let opened = try index.opened()
            try await TestServer.with {
                $0.index = opened
            } _: { client in
                func found(_ options: String) async throws -> [String] {
                    let reply = try await client.search(#"{"content":\#(Self.kitten),\#(options)}"#)
                    #expect(reply.status == 200, "\(reply.text)")
                    return try names(reply)
                }
                #expect(try await Set(found(#""types":["image"]"#)) == ["scene.jpg", "tall.png"])
                #expect(try await found(#""top":1"#) == ["kitten.txt"])
                #expect(try await found(#""types":["document"],"perFile":1"#) == ["two-pages.pdf"])
                #expect(try await found(#""types":"document","perFile":0"#).count == 2)
                #expect(try await found(#""under":["\#(index.files)/notes.md"]"#) == ["notes.md", "notes.md"])
                #expect(try await found(#""under":["\#(index.files)/"],"top":100,"perFile":0"#).count >= 9)
                #expect(try await found(#""under":["/nowhere"]"#).isEmpty)
                #expect(try await found(#""since":"2100-01-01""#).isEmpty)
                #expect(try await !found(#""since":"2020-01-01T00:00:00.5Z""#).isEmpty)
                #expect(try await found(#""threshold":0.999"#) == ["kitten.txt"])
                let grouped = try await client.search(#"{"content":\#(Self.kitten),"topPerType":1}"#)
                let types = try grouped.json["results"].array.map { try $0["type"].string }
                #expect(types == ["text", "image", "audio", "video", "document"])
            }
        }
    }

    @Test func moreAndLess() async throws {
        try await TestIndex.with { index in
            let opened = try index.opened()
            try await TestServer.with {
                $0.index = opened
            } _: { client in
                let (scene, boats) = (try await client.item("scene.jpg"), try await client.item("notes.md"))
                let like = try await client.search(#"{"more":[{"item":\#(scene)}],"top":100,"perFile":0}"#)
                #expect(try !names(like).contains("scene.jpg"))
                let quoted = try await client.search(#"{"more":[{"item":"\#(scene)"}],"top":100,"perFile":0}"#)
                #expect(try names(quoted) == names(like))
                // What outweighs all else decides.
                let heavy = try await client.search(
                    #"{"content":{"parts":[{"text":"boats"}]},"more":[{"content":\#(Self.kitten),"weight":1000}],"top":1}"#
                )
                #expect(try names(heavy) == ["kitten.txt"])
                let less = try await client.search(
                    #"{"more":[{"content":\#(Self.kitten)}],"less":[{"item":\#(boats),"weight":0.1}],"top":1}"#)
                #expect(try names(less) == ["kitten.txt"])
                try await client.search(#"{"more":[{"item":\#(boats)}],"less":[{"item":\#(boats)}]}"#)
                    .expectError(400, "INVALID_ARGUMENT", "The query has nothing to look for.")
                try await client.search(#"{"more":[{"item":999999}]}"#)
                    .expectError(404, "NOT_FOUND", "There is no item 999999 in the index.")
            }
        }
    }

    /// Fewer values find nearly the same, and it is said how nearly.
    @Test func fewerValues() async throws {
        try await TestIndex.with { index in
            let opened = try index.opened()
            try await TestServer.with {
                $0.index = opened
            } _: { client in
                let all = #""content":\#(Self.kitten),"top":5,"perFile":0"#
                let whole = try await client.search("{\(all)}").json
                #expect(try whole["dimensions"].int == 3_072 && whole["kept"].floatValue == 1)
                for size in [1, 128, 256, 768, 3_072] {
                    let reply = try await client.search(#"{\#(all),"dimensions":\#(size)}"#).json
                    let ids = try Set(reply["results"].array.map { try $0["id"].int })
                    let same = try whole["results"].array.filter { ids.contains(try $0["id"].int) }.count
                    #expect(try reply["dimensions"].int == size)
                    #expect(try reply["kept"].floatValue == Float(same) / 5)
                }
                // The first values of one vector are nearest to themselves.
                let small = try await client.search(#"{\#(all),"dimensions":128}"#).json["results"][0]
                #expect(try small["path"].string.hasSuffix("kitten.txt"))
                let more = try await client.search(#"{\#(all),"dimensions":100000}"#).json
                #expect(try more["dimensions"].int == 3_072)
            }
        }
    }

    @Test func badRequestsAreNamed() async throws {
        try await TestIndex.with { index in
            let opened = try index.opened()
            try await TestServer.with {
                $0.index = opened
            } _: { client in
                try await client.search("{}").expectError(
                    400, "INVALID_ARGUMENT", "The query has nothing to look for.")
                let content = #""content":\#(Self.kitten)"#
                for (body, words) in [
                    (#"{\#(content),"types":["smell"]}"#, "types[0]"), (#"{\#(content),"top":0}"#, "top"),
                    (#"{\#(content),"top":1001}"#, "1000"), (#"{\#(content),"threshold":2}"#, "threshold"),
                    (#"{\#(content),"under":["files"]}"#, "under[0]"),
                    (#"{\#(content),"since":"yesterday"}"#, "since"), (#"{\#(content),"dimensions":0}"#, "dimensions"),
                    (#"{\#(content),"path":"/etc/passwd"}"#, "path"), (#"{"more":[{}]}"#, "more[0]"),
                    (#"{"more":[{"item":1,"content":\#(Self.kitten)}]}"#, "more[0]"),
                    (#"{"more":[{"item":1,"weight":-1}]}"#, "weight"),
                    (#"{"more":[{"item":1,"weight":1e999}]}"#, "64 bits"),
                    (#"{"more":[\#(Array(repeating: #"{"item":1}"#, count: 33).joined(separator: ","))]}"#, "more"),
                    (#"{"content":{"parts":[{"text":""}]}}"#, "empty"), ("[]", "object"), ("{", "JSON"),
                    (#"{"content":{"parts":[{"fileData":{"fileUri":"file:///etc/passwd"}}]}}"#, "file uri"),
                    (
                        #"{"less":[{"content":{"parts":[{"inlineData":{"data":"AAAA"}}]}}]}"#,
                        "SearchRequest.less[0].content"
                    ),
                ] {
                    let reply = try await client.search(body)
                    try reply.expectError(400, "INVALID_ARGUMENT")
                    let message = try reply.message
                    #expect(message.contains(words), "\(body): \(message)")
                }
            }
        }
    }

    /// Answers have what their schema says.
    @Test func answersKeepToTheirSchemas() async throws {
        try await TestIndex.with { index in
            let opened = try index.opened(allowsIndexing: true)
            try await TestServer.with {
                $0.index = opened
            } _: { client in
                let schemas = try await client.get("/openapi.json").json["components"]["schemas"]
                let query = try await client.search(#"{"content":\#(Self.kitten),"topPerType":3}"#)
                try OpenAPITests.check(query.json, schemas["SearchResponse"], schemas)
                let (notes, scene) = (try await client.item("notes.md"), try await client.item("scene.jpg"))
                for (path, schema) in [
                    ("/search/v1/index", "SearchIndexStatistics"), ("/search/v1/map", "SearchMap"),
                    ("/search/v1/items/\(scene)", "SearchItem"), ("/search/v1/items/\(notes):text", "SearchItemText"),
                ] {
                    let reply = try await client.get(path)
                    #expect(reply.status == 200, "\(path): \(reply.text)")
                    try OpenAPITests.check(reply.json, schemas[schema], schemas)
                }
            }
        }
    }

    @Test func whatIsThere() async throws {
        try await TestIndex.with { index in
            let opened = try index.opened()
            try await TestServer.with {
                $0.index = opened
            } _: { client in
                let statistics = try await client.get("/search/v1/index").json
                #expect(try statistics["files"].int == 8 && statistics["model"].string == "castor-nano")
                #expect(try statistics["items"]["image"].int == 2 && statistics["items"]["document"].int == 2)
                #expect(try statistics["queryTypes"].array.count == 5)
                let map = try await client.get("/search/v1/map").json
                let count = try map["total"].int
                #expect(try count == map["items"].array.count && count == map["types"].array.count)
                let places = try map["x"].floats + map["y"].floats
                #expect(places.count == 2 * count && places.allSatisfy { abs($0) <= 1 })
                // The largest is at the edge: the plane is used.
                #expect(places.contains { abs($0) > 0.999 })
            }
        }
    }

    @Test func withoutAnIndex() async throws {
        try await TestServer.with { client in
            for path in ["/search/v1/index", "/search/v1/map", "/search/v1/items/1", "/search/v1/items/1:download"] {
                try await client.get(path).expectError(
                    501, "UNIMPLEMENTED", "This server has no index: start it with castor serve --index DIR.")
            }
            try await client.search("{}").expectError(501, "UNIMPLEMENTED")
            let page = try await client.get("/", headers: [.accept: "text/html,*/*;q=0.8"])
            #expect(page.headers[.contentType] == "text/plain; charset=utf-8")
            #expect(page.text.contains("embeds text, pictures, sound, video and PDF"))
            #expect(!page.text.contains("/search/"))
        }
    }

    /// Of another model, damaged or gone while it is served: an error that says what helps, and then the new one.
    @Test func anIndexThatIsReplaced() async throws {
        try await TestIndex.with { index in
            let opened = try index.opened()
            try await TestServer.with {
                $0.index = opened
            } _: { client in
                let query = #"{"content":\#(Self.kitten)}"#
                #expect(try await client.search(query).status == 200)
                try index.write("a hungry kitten\n", "more.txt")
                try index.update()
                #expect(try names(await client.search(query)).contains("more.txt"))

                try FileManager.default.moveItem(atPath: index.path, toPath: "\(index.folder)/aside")
                let gone = try await client.search(query)
                try gone.expectError(400, "FAILED_PRECONDITION")
                #expect(try gone.message.contains("castor index --index \(index.path) PATH makes one"))

                let other = ModelIdentity(name: "other", dimensions: 3_072, sha256: "0123")
                try IndexWriter(path: index.path, model: other).close()
                let another = try await client.search(query)
                try another.expectError(400, "FAILED_PRECONDITION")
                #expect(try another.message.contains("castor index --index \(index.path) --rebuild"))
                #expect(throws: SearchError.self) { try index.opened() }

                try FileManager.default.removeItem(atPath: index.path)
                try index.update()
                #expect(try names(await client.search(query))[0] == "kitten.txt")

                // A file of rows that is shorter than the catalogue says.
                let rows = try #require(
                    try FileManager.default.contentsOfDirectory(atPath: index.path).first { $0.hasPrefix("full-") })
                try FileManager.default.removeItem(atPath: "\(index.path)/\(rows)")
                try Folders.write([1, 2, 3], "\(index.path)/\(rows)")
                let fresh = try index.opened()
                try await TestServer.with {
                    $0.index = fresh
                } _: { client in
                    let damaged = try await client.search(query)
                    try damaged.expectError(500, "INTERNAL")
                    #expect(try damaged.message.contains("damaged"))
                    #expect(try await client.get("/livez").status == 200)
                }
            }
        }
    }

    @Test func indexingFromThePage() async throws {
        try await TestIndex.with { index in
            let closed = try index.opened()
            try await TestServer.with {
                $0.index = closed
            } _: { client in
                try await client.post("/search/v1/index:update", "{}").expectError(403, "PERMISSION_DENIED")
                #expect(try await !client.get("/search/v1/index").json["indexing"]["isAllowed"].bool)
            }
            let opened = try index.opened(allowsIndexing: true)
            try await TestServer.with {
                $0.index = opened
            } _: { client in
                try index.write("a hungry kitten\n", "more.txt")
                try FileManager.default.removeItem(atPath: "\(index.files)/notes.md")
                #expect(try await client.post("/search/v1/index:update", "{}").status == 200)
                try await Standstill.wait {
                    try await !client.get("/search/v1/index").json["indexing"]["isRunning"].bool
                }
                let state = try await client.get("/search/v1/index").json
                // Files that are as young as these are looked into again.
                let report = try state["indexing"]["report"].string
                #expect(report.hasPrefix("1 new, ") && report.hasSuffix(", 1 gone."), "\(report)")
                let found = try names(await client.search(#"{"content":\#(Self.kitten),"top":100,"perFile":0}"#))
                #expect(found.contains("more.txt") && !found.contains("notes.md"))
                // One that cannot begin is refused at once, and what the last one did stands.
                let other = try index.writer()
                try await client.post("/search/v1/index:update", "{}").expectError(503, "UNAVAILABLE")
                let after = try await client.get("/search/v1/index").json
                #expect(try !after["indexing"]["isRunning"].bool)
                #expect(try after["indexing"]["report"].string == report)
                other.close()
                // A disk that is not there.
                try FileManager.default.removeItem(atPath: index.files)
                #expect(try await client.post("/search/v1/index:update", "{}").status == 200)
                try await Standstill.wait {
                    try await !client.get("/search/v1/index").json["indexing"]["isRunning"].bool
                }
                let lost = try await client.get("/search/v1/index").json["indexing"]["report"].string
                #expect(lost == "Nothing has changed. \(index.files) has no files, and had some: is its disk there?")
                // Nor is an index made where one is away.
                try FileManager.default.moveItem(atPath: index.path, toPath: "\(index.folder)/aside")
                try await client.post("/search/v1/index:update", "{}").expectError(400, "FAILED_PRECONDITION")
                #expect(!FileManager.default.fileExists(atPath: index.path))
            }
        }
    }
}
