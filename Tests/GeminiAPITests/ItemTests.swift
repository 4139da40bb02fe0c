import Foundation
import GeminiAPI
import Glibc
import HTTPTypes
import Media
import TestSupport
import Testing

/// Files, pictures and lines of items, by their numbers alone.
@Suite struct ItemTests {
    private func withServer(
        _ transport: Transport = .inProcess, keys: [String] = [],
        _ body: @escaping @Sendable (Client, TestIndex) async throws -> Void
    ) async throws {
        try await TestIndex.with { index in
            let opened = try index.opened()
            try await TestServer.with(transport) {
                $0.index = opened
                $0.apiKeys = keys
            } _: { client in
                try await body(client, index)
            }
        }
    }

    @Test(arguments: Transport.allCases)
    func aFileAndItsRanges(_ transport: Transport) async throws {
        try await withServer(transport) { client, index in
            let path = "/search/v1/items/\(try await client.item("chirp-16k.wav")):download"
            let bytes = try Folders.read("\(index.files)/chirp-16k.wav")
            let whole = try await client.get(path)
            #expect(whole.status == 200 && whole.body == bytes)
            #expect(whole.headers[.contentType] == "audio/wav" && whole.headers[.acceptRanges] == "bytes")
            let tag = try #require(whole.headers[.eTag])
            for (field, range) in [
                ("bytes=0-", 0..<bytes.count), ("bytes=10-19", 10..<20), ("bytes=-5", bytes.count - 5..<bytes.count),
                ("bytes=100-99999999999999999999999", 100..<bytes.count), ("bytes=-99999999", 0..<bytes.count),
                ("Bytes=0-0", 0..<1),
            ] {
                let part = try await client.get(path, headers: [.range: field])
                #expect(part.status == 206 && part.body == Array(bytes[range]), "\(field)")
                #expect(
                    part.headers[.contentRange] == "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)")
            }
            // Several at once, another unit, and what is no range: the whole.
            for field in ["bytes=0-1,4-5", "lines=1-2", "bytes=5-2", "bytes=a-b", "bytes=--1", "", "bytes=-", "bytes"] {
                let reply = try await client.get(path, headers: [.range: field])
                #expect(reply.status == 200 && reply.body.count == bytes.count, "\(field)")
            }
            for field in ["bytes=\(bytes.count)-", "bytes=-0"] {
                let reply = try await client.get(path, headers: [.range: field])
                #expect(reply.status == 416 && reply.headers[.contentRange] == "bytes */\(bytes.count)", "\(field)")
            }
            #expect(try await client.get(path, headers: [.range: "bytes=0-1", .ifRange: "\"old\""]).status == 200)
            #expect(try await client.get(path, headers: [.range: "bytes=0-1", .ifRange: tag]).status == 206)
            #expect(try await client.get(path, headers: [.ifNoneMatch: tag]).status == 304)
            let head = try await client.send(.head, path)
            #expect(head.status == 200 && head.body.isEmpty && head.headers[.contentLength] == "\(bytes.count)")
        }
    }

    /// What was indexed may be a page of the web: here it is a text, whoever opens it.
    @Test func nothingOfAFileRuns() async throws {
        try await withServer { client, _ in
            for name in ["page.html", "scene.jpg", "notes.md", "clip.mp4", "two-pages.pdf"] {
                let reply = try await client.get("/search/v1/items/\(try await client.item(name)):download")
                let type = try #require(reply.headers[.contentType])
                #expect(!type.contains("html") && !type.contains("xml") && !type.contains("script"), "\(type)")
                #expect(reply.headers[.xContentTypeOptions] == "nosniff")
                #expect(reply.headers[.crossOriginResourcePolicy] == "same-origin")
                let policy = try #require(reply.headers[.contentSecurityPolicy])
                #expect(policy.hasPrefix("default-src 'none'") && !policy.contains("script-src"))
                #expect(policy.contains("sandbox") == (name != "two-pages.pdf"))
            }
            let page = try await client.get("/search/v1/items/\(try await client.item("page.html")):download")
            #expect(page.headers[.contentType] == "text/plain; charset=utf-8")
        }
    }

    @Test func namesOfFilesInHeaders() async throws {
        try await TestIndex.with {
            try $0.write("odd", "a \"b\"; c=\r\nx: y\u{e9}%.txt")
        } _: { index in
            let opened = try index.opened()
            try await TestServer.with(.socket) {
                $0.index = opened
            } _: { client in
                let found = try await client.search(#"{"content":{"parts":[{"text":"odd"}]},"top":1}"#).json["results"][
                    0]
                let reply = try await client.get(found["fileUri"].string)
                #expect(reply.text == "odd")
                #expect(
                    reply.headers[.contentDisposition]
                        == "inline; filename=\"a _b_; c=__x: y__.txt\"; filename*=UTF-8''a%20%22b%22%3B%20c%3D%0D%0Ax%3A%20y%C3%A9%25.txt"
                )
            }
        }
    }

    @Test(arguments: Transport.allCases)
    func hostileNumbers(_ transport: Transport) async throws {
        try await withServer(transport) { client, _ in
            for method in ["", ":download", ":thumbnail", ":text"] {
                for id in ["0", "999999", "9223372036854775807"] {
                    try await client.get("/search/v1/items/\(id)\(method)").expectError(404, "NOT_FOUND")
                }
                for id in [
                    "-1", "a", "1e3", "+1", "0x1", "1.0", "99999999999999999999", "1%00", "1%20", "%2e%2e",
                    "%2fetc%2fpasswd",
                    "..%2f..%2fetc%2fpasswd", "1;2", "1'--", "%31%27", "\(String(repeating: "9", count: 2_000))",
                    "%ff", "%f0%9f%98%80", "%d9%a3",
                ] {
                    let reply = try await client.get("/search/v1/items/\(id)\(method)")
                    #expect(reply.status == 400 || reply.status == 404, "\(id)\(method): \(reply.status)")
                    _ = try reply.json["error"]["message"].string
                }
            }
            for path in [
                "/search/page/..%2f..%2fmain.swift", "/search/page/%2fetc%2fpasswd", "/search/page/index.html",
                "/search/page/MAIN.JS",
            ] {
                #expect(try await client.get(path).status == 404, "\(path)")
            }
        }
    }

    /// A file that was changed, exchanged or removed since is not shown: it was never indexed.
    @Test func onlyWhatWasIndexed() async throws {
        try await withServer { client, index in
            let kitten = "/search/v1/items/\(try await client.item("kitten.txt"))"
            let scene = "/search/v1/items/\(try await client.item("scene.jpg"))"
            try index.write("a secret", "kitten.txt")
            for method in [":download", ":text"] {
                let reply = try await client.get(kitten + method)
                try reply.expectError(404, "NOT_FOUND")
                #expect(try reply.message.contains("has changed since it was indexed"))
            }
            // A link to a file of the same size and time.
            var status = stat()
            let path = "\(index.files)/scene.jpg"
            #expect(lstat(path, &status) == 0)
            let secret = "\(index.folder)/secret"
            try Folders.write(Array(repeating: 65, count: Int(status.st_size)), secret)
            let times = [status.st_atim, status.st_mtim]
            #expect(utimensat(AT_FDCWD, secret, times, 0) == 0)
            unlink(path)
            #expect(symlink(secret, path) == 0)
            for method in [":download", ":thumbnail"] { #expect(try await client.get(scene + method).status == 404) }
            unlink(path)
            #expect(mkfifo(path, 0o600) == 0)
            #expect(try await client.get(scene + ":download").status == 404)
            unlink(path)
            #expect(try await client.get(scene + ":download").status == 404)
            // What is known of it stays until the next run.
            #expect(try await client.get(scene).status == 200)
        }
    }

    private func imageSize(_ picture: Reply) throws -> ImageSize {
        try ImageDecoder.decode(picture.body.span.bytes, format: .jpeg).image.size
    }

    @Test func picturesOfItems() async throws {
        try await withServer { client, _ in
            for (name, size) in [("scene.jpg", 160), ("tall.png", 160), ("clip.mp4", 320), ("two-pages.pdf", 640)] {
                let path = "/search/v1/items/\(try await client.item(name)):thumbnail?size=\(size)"
                let reply = try await client.get(path)
                #expect(reply.status == 200 && reply.headers[.contentType] == "image/jpeg", "\(name): \(reply.text)")
                let image = try imageSize(reply)
                #expect(max(image.width, image.height) <= size)
                #expect(try await client.get(path).body == reply.body)
                let tag = try #require(reply.headers[.eTag])
                #expect(try await client.get(path, headers: [.ifNoneMatch: tag]).status == 304)
            }
            // A page is drawn as large as it is asked for.
            let page = "/search/v1/items/\(try await client.item("two-pages.pdf")):thumbnail"
            let large = try imageSize(await client.get("\(page)?size=1280"))
            #expect(max(large.width, large.height) == 1_280)
            for size in ["0", "-1", "1281", "x", ""] {
                try await client.get("\(page)?size=\(size)").expectError(400, "INVALID_ARGUMENT")
            }
            for name in ["chirp-16k.wav", "kitten.txt"] {
                try await client.get("/search/v1/items/\(try await client.item(name)):thumbnail")
                    .expectError(404, "NOT_FOUND")
            }
        }
    }

    /// The second page is another than the first.
    @Test func eachPageHasItsPicture() async throws {
        try await withServer { client, _ in
            let found = try await client.search(
                #"{"content":{"parts":[{"text":"x"}]},"types":["document"],"perFile":0}"#
            ).json["results"].array
            #expect(try Set(found.map { try $0["page"].int }) == [1, 2])
            var pictures: Set<[UInt8]> = []
            for item in found { pictures.insert(try await client.get(item["thumbnailUri"].string).body) }
            #expect(pictures.count == 2)
        }
    }

    @Test func linesAroundAnItem() async throws {
        try await withServer { client, _ in
            let all = try await client.search(
                #"{"content":{"parts":[{"text":"They do not."}]},"types":["text"],"perFile":0}"#
            ).json["results"].array
            let trains = try #require(
                try all.first { try $0["path"].string.hasSuffix("notes.md") && $0["lines"][0].int == 7 })
            let text = try await client.get(trains["textUri"].string).json
            #expect(try text["text"].string == "They do not.")
            #expect(try text["firstLine"].int == 4 && text["before"].string == "\n# Trains\n")
            #expect(try text["after"].string == "")
            try await client.get("/search/v1/items/\(try await client.item("scene.jpg")):text")
                .expectError(404, "NOT_FOUND")
        }
    }

    /// With keys, an item's files want one, or the ticket that came with the item; the page itself, none.
    @Test func keysAndTickets() async throws {
        try await withServer(keys: ["k"]) { client, _ in
            let key: HTTPFields = [.init("x-goog-api-key")!: "k"]
            try await client.search("{}").expectError(403, "PERMISSION_DENIED")
            for path in ["/search/v1/index", "/search/v1/map", "/search/v1/items/1", "/search/v1/items/1:download"] {
                try await client.get(path).expectError(403, "PERMISSION_DENIED")
            }
            let found = try await client.post(
                "/search/v1/query", #"{"content":{"parts":[{"text":"x"}]},"types":["image"]}"#, headers: key
            ).json["results"].array
            let (first, second) = (found[0], found[1])
            for name in ["fileUri", "thumbnailUri"] {
                #expect(try await client.get(first[name].string).status == 200)
                let ticket = try #require(try first[name].string.split(separator: "=").last)
                let other = try second[name].string.split(separator: "?")[0]
                try await client.get("\(other)?ticket=\(ticket)").expectError(403, "PERMISSION_DENIED")
                try await client.get("\(other)?ticket=").expectError(403, "PERMISSION_DENIED")
                #expect(try await client.get(String(other), headers: key).status == 200)
                #expect(!(try first[name].string.contains("key")))
            }
            for path in ["/", "/search/page/main.js", "/search/page/style.css"] {
                #expect(try await client.get(path, headers: [.accept: "text/html"]).status == 200)
            }
        }
    }

    /// Scripts and styles are this server's own, and nothing is fetched from elsewhere.
    @Test func thePageKeepsToItself() async throws {
        try await withServer { client, _ in
            let page = try await client.get("/", headers: [.accept: "text/html"])
            #expect(page.headers[.contentType] == "text/html; charset=utf-8")
            let policy = try #require(page.headers[.contentSecurityPolicy])
            #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("http"))
            #expect(policy.contains("frame-ancestors 'none'"))
            #expect(!page.text.contains("<style") && !page.text.contains(" style=") && !page.text.contains(" onclick"))
            #expect(page.text.matches(of: /<script(?! type="module" src="\/search\/page\/main.js"><\/script>)/).isEmpty)
            var waiting = ["main.js", "style.css", "icon.svg", "icons.svg"]
            var seen: Set<String> = []
            while let name = waiting.popLast() {
                guard seen.insert(name).inserted else { continue }
                let file = try await client.get("/search/page/\(name)")
                #expect(file.status == 200, "\(name)")
                #expect(file.headers[.contentSecurityPolicy] == policy)
                let text = file.text.replacing("http://www.w3.org/2000/svg", with: "").replacing(
                    "http://127.0.0.1", with: "")
                #expect(
                    !text.contains("http://") && !text.contains("https://") && !text.contains("innerHTML"), "\(name)")
                for match in file.text.matches(of: /from '\.\/([a-z]+\.js)'/) { waiting.append(String(match.1)) }
            }
            #expect(seen.count == 10)
            // Programs get the text as before.
            let plain = try await client.get("/", headers: [.accept: "*/*"])
            #expect(plain.text.hasPrefix("Castor ") && plain.text.contains("/search/v1/query"))
        }
    }
}
